"""The bare API server as tests see it: an administrator's client, and what the operator did."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dev.cluster.apiserver import ApiServer
from dev.paths import CHECKOUT
from tests.e2e.kube import MERGE_PATCH, ApiRefusal, Json, Kube

ACCOUNT = "system:serviceaccount:contender-system:contender-operator"
"""The operator's service account, as its token says it."""
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:contender-system")

PATIENCE = 30.0
"""Seconds after which a wait is given up. No test depends on how long anything takes."""
MODELS = "/apis/contender.dev/v1alpha1"

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One request of the operator, as the API server saw it."""

    verb: str
    kind: str
    """Plural of the kind, with the subresource: `modeldeployments/status`."""
    namespace: str
    name: str
    code: int

    @property
    def writes(self) -> bool:
        return self.verb in ("create", "update", "patch", "delete", "deletecollection")

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.name}"


class Admin(Kube):
    """A client that may do anything, also say what a write would do."""

    def ask(
        self, method: str, path: str, body: Json | None = None, query: dict[str, str] | None = None
    ) -> Json:
        return self._ask(method, path, body, query=query)

    def would_create(self, collection: str, body: Json, *, strict: bool = True) -> Json:
        """Return what creating an object would store; nothing is stored."""
        query = {"dryRun": "All", "fieldValidation": "Strict" if strict else "Ignore"}
        return self._ask("POST", collection, body, query=query)

    def would_patch(self, path: str, body: Json) -> Json:
        """Return what a merge patch would make of an object; nothing is stored."""
        return self._ask("PATCH", path, body, MERGE_PATCH, {"dryRun": "All"})


class Server:
    """A running API server."""

    def __init__(self, running: ApiServer, audit: Path) -> None:
        self.kube = Admin(running.kubeconfig)
        self.admin_kubeconfig = running.kubeconfig
        # KUBECONFIG is a list separated by colons, which are in the account's name.
        self.operator_kubeconfig = audit.with_name("operator.kubeconfig")
        self.operator_kubeconfig.write_text(running.kubeconfig_of(ACCOUNT).read_text())
        self._audit = audit

    def close(self) -> None:
        self.kube.close()

    def install(self) -> None:
        """Apply the CRDs and the operator's rights as a user installs them."""
        crds = [
            one for file in sorted((CHECKOUT / "crds").glob("*.dev.yaml")) for one in _all(file)
        ]
        for crd in crds:
            self.kube.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        folder = CHECKOUT / "manifests" / "install"
        for body in [*_all(folder / "role.yaml"), *_all(folder / "operator.yaml")]:
            if body["kind"] in ("ClusterRole", "ClusterRoleBinding"):
                plural = f"{body['kind'].lower()}s"
                self.kube.ask("POST", f"/apis/rbac.authorization.k8s.io/v1/{plural}", body)
        for crd in crds:
            until(partial(self._is_established, crd["metadata"]["name"]), "a CRD is established")
        # Established is said a moment before the paths are served.
        until(self._serves, "ModelDeployments are served")

    def requests(self, since: int = 0) -> Iterator[Request]:
        """Iterate over the operator's requests that were answered after a moment of `moment`."""
        with self._audit.open("rb") as log:
            log.seek(since)
            for line in log:
                if line.endswith(b"\n"):
                    yield _request(json.loads(line))

    def moment(self) -> int:
        """Return the present moment, for `requests`."""
        return self._audit.stat().st_size if self._audit.exists() else 0

    def _is_established(self, crd: str) -> bool:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd}"
        conditions = (self.kube.ask("GET", path).get("status") or {}).get("conditions") or []
        return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)

    def _serves(self) -> bool:
        try:
            self.kube.ask("GET", f"{MODELS}/modeldeployments")
        except ApiRefusal:
            return False
        return True


def _all(file: Path) -> list[Json]:
    return [*yaml.safe_load_all(file.read_text())]


def _request(event: Mapping[str, Any]) -> Request:
    about = event.get("objectRef") or {}
    kind, part = about.get("resource", event["requestURI"]), about.get("subresource")
    return Request(
        verb=event["verb"],
        kind=f"{kind}/{part}" if part else kind,
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=event["responseStatus"]["code"],
    )


def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Look until there is something to see; return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        time.sleep(0.05)
