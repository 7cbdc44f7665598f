"""The API server as the recorder needs it: its rights, ModelDeployments, and tokens."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from contender.core.audiences import Purpose, audience
from dev.paths import CHECKOUT
from tests.contract.server import Server
from tests.e2e.kube import ApiRefusal, Json
from tests.recorder.books import SPEC

SYSTEM = "contender-system"
ACCOUNT = "contender-recorder"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
TOKEN_SECONDS = 3600

Endpoint = tuple[str, str]
"""Namespace and name of a ModelDeployment."""


class Cluster:
    """What users and the kubelet do.

    Args:
        server: the API server, with our CRDs.
        folder: where the recorder's kubeconfig is written.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.kube = server.kube
        self.kubeconfig = folder / "recorder.kubeconfig"
        """The recorder's own, with the token of its service account."""
        self._audiences: dict[tuple[str, ...], str] = {}
        self._make_namespace(SYSTEM)
        for file in ("recorder-role.yaml", "recorder.yaml"):
            for body in yaml.safe_load_all((CHECKOUT / "manifests" / "install" / file).read_text()):
                if path := _path(body):
                    self._ensure(path, body)
        self._write_kubeconfig(server)

    def _write_kubeconfig(self, server: Server) -> None:
        settings = yaml.safe_load(server.admin_kubeconfig.read_text())
        settings["users"][0]["user"] = {"token": self.token(SYSTEM, account=ACCOUNT)}
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(settings))

    def _ensure(self, path: str, body: Json) -> None:
        try:
            self.kube.ask("POST", path, body)
        except ApiRefusal as refusal:
            if refusal.code != 409:
                raise

    def _make_namespace(self, name: str) -> None:
        self._ensure("/api/v1/namespaces", {"metadata": {"name": name}})
        self._ensure(
            f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}}
        )

    def tenant(self) -> str:
        """Make a namespace with the service account `default`; return its name."""
        name = f"t-{secrets.token_hex(4)}"
        self._make_namespace(name)
        return name

    def declare(self, namespace: str = "", name: str = "churn", **spec: Any) -> Endpoint:
        """Make a ModelDeployment; spec in place of parts of the usual one. Without a namespace, in
        one of its own."""
        namespace = namespace or self.tenant()
        wanted = {key: value for key, value in {**SPEC, **spec}.items() if value is not None}
        metadata = {"name": name, "namespace": namespace}
        self.kube.create({"kind": "ModelDeployment", "metadata": metadata, "spec": wanted})
        return namespace, name

    def change(self, endpoint: Endpoint, spec: Mapping[str, Any]) -> None:
        """Change the spec of a ModelDeployment."""
        self.kube.patch("ModelDeployment", endpoint[1], endpoint[0], {"spec": dict(spec)})

    def delete(self, endpoint: Endpoint) -> None:
        """Delete a ModelDeployment."""
        self.kube.delete("ModelDeployment", endpoint[1], endpoint[0])

    # Tokens

    def token(self, namespace: str, *audiences: str, account: str = "default") -> str:
        """Return a token of a service account, as the kubelet gets it."""
        key = (namespace, account, *audiences)
        if key not in self._audiences:
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
            spec = {"audiences": [*audiences], "expirationSeconds": TOKEN_SECONDS}
            body = {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": spec,
            }
            self._audiences[key] = self.kube.ask("POST", path, body)["status"]["token"]
        return self._audiences[key]

    def token_for(self, purpose: Purpose, endpoint: Endpoint | None = None) -> str:
        """Return a token made for a purpose, of the namespace where it belongs."""
        if endpoint is None:
            return self.token(SYSTEM, audience(purpose))
        return self.token(endpoint[0], audience(purpose, endpoint[1]))


def _path(body: Json) -> str:
    """Return where an object of the install is made; empty for what only a cluster with nodes
    needs."""
    inside = f"/namespaces/{SYSTEM}"
    return {
        "ServiceAccount": f"/api/v1{inside}/serviceaccounts",
        "ClusterRole": f"{RBAC}/clusterroles",
        "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
        "Role": f"{RBAC}{inside}/roles",
        "RoleBinding": f"{RBAC}{inside}/rolebindings",
    }.get(body["kind"], "")
