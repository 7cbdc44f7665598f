"""The namespace of one test: what it applies, waits for, and shows when it fails."""

import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, TypeVar

import yaml

from dev.demo.install import Kubectl
from tests.e2e.kube import ApiRefusal, Json, Kube

PATIENCE = 180
"""Seconds after which a wait is given up. No test depends on how long anything takes."""
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
GROUP = "contender.dev"

Spec = Mapping[str, Any]
T = TypeVar("T")


class Place:
    """A namespace and the ModelDeployments in it."""

    def __init__(self, kube: Kube, kubectl: Kubectl, labels: Mapping[str, str]) -> None:
        self.kube, self._kubectl = kube, kubectl
        self.namespace = f"e2e-{secrets.token_hex(4)}"
        metadata = {"name": self.namespace, "labels": {"contender.dev/e2e": "", **labels}}
        kube.create({"kind": "Namespace", "metadata": metadata})
        # Made by a controller a moment later; pods need it.
        self.until(lambda: kube.get("ServiceAccount", "default", self.namespace), "an account")

    def leave(self) -> None:
        """Delete the namespace; it goes on its own from here."""
        self.kube.delete("Namespace", self.namespace)

    # What a test does

    def apply(self, name: str, spec: Spec) -> Json:
        """Create a ModelDeployment, or replace its spec as `kubectl replace` does."""
        metadata = {"name": name, "namespace": self.namespace}
        live = self.kube.get("ModelDeployment", name, self.namespace)
        if live is None:
            return self.create("ModelDeployment", name, spec=dict(spec))
        return self.kube.replace(
            {**live, "metadata": {**live["metadata"], **metadata}, "spec": spec}
        )

    def create(self, kind: str, name: str, **body: Any) -> Json:
        """Create any object in the namespace."""
        metadata = {"name": name, "namespace": self.namespace, **body.pop("metadata", {})}
        return self.kube.create({"kind": kind, "metadata": metadata, **body})

    def patch(self, kind: str, name: str, body: Json, part: str = "") -> Json:
        return self.kube.patch(kind, name, self.namespace, body, part)

    def annotate(self, name: str, **annotations: str | None) -> None:
        """Set annotations of the project on a ModelDeployment."""
        named = {f"{GROUP}/{key}": value for key, value in annotations.items()}
        self.patch("ModelDeployment", name, {"metadata": {"annotations": named}})

    def delete(self, kind: str, name: str) -> None:
        self.kube.delete(kind, name, self.namespace)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace, as a user would."""
        return self._kubectl("-n", self.namespace, *arguments, text=text)

    def ask_kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._kubectl.ask("-n", self.namespace, *arguments)

    # What a test looks at

    def get(self, kind: str, name: str) -> Json | None:
        return self.kube.get(kind, name, self.namespace)

    def the(self, kind: str, name: str) -> Json:
        found = self.get(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def all(self, kind: str, **labels: str) -> list[Json]:
        """List objects, those with these labels of the project only."""
        selector = ",".join(f"{GROUP}/{key}={value}" for key, value in labels.items())
        return self.kube.all(kind, self.namespace, labelSelector=selector)

    def all_events(self, name: str, reason: str = "", kind: str = "ModelDeployment") -> list[Json]:
        """The Events on an object, those with this reason only."""
        chosen = f"involvedObject.kind={kind},involvedObject.name={name}"
        if reason:
            chosen += f",reason={reason}"
        return self.kube.all("Event", self.namespace, fieldSelector=chosen)

    def pods(self, revision: str) -> list[Json]:
        """The pods of a revision that are not on their way out."""
        found = self.all("Pod", revision=revision)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def status(self, name: str) -> Json:
        return self.the("ModelDeployment", name).get("status") or {}

    def address(self, name: str) -> str:
        """The address of the endpoint."""
        address: str = self.the("Service", name)["spec"]["clusterIP"]
        return address

    # What a test waits for

    def until(self, look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
        """Look until there is something to see; return it."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
            time.sleep(0.25)

    def until_status(self, name: str, holds: Callable[[Json], object], what: str) -> Json:
        """Wait until the status is about the present spec and this holds of it."""

        def look() -> Json | None:
            model = self.the("ModelDeployment", name)
            status = model.get("status") or {}
            current = status.get("observedGeneration") == model["metadata"]["generation"]
            return status if current and holds(status) else None

        return self.until(look, f"{name}: {what}")

    def until_serving(self, name: str, version: str) -> Json:
        """Wait until this version serves and everything that spec wants is there."""

        def holds(status: Json) -> bool:
            serving = status.get("serving") or {}
            return serving.get("version") == version and is_true(status, "Ready")

        return self.until_status(name, holds, f"version {version} serves and is ready")

    # What a failed test shows

    def dump(self) -> str:
        """Everything that may explain a failure."""
        parts: list[str] = []
        owners = [
            one
            for kind in ("ModelDeployment", "Experiment")
            for one in self.kube.all(kind, self.namespace)
        ]
        for model in owners:
            bare = deepcopy(model)
            bare["metadata"].pop("managedFields", None)
            parts.append(yaml.safe_dump(bare, sort_keys=False))
        kinds = "pods,deployments,services,hpa,jobs,cronjobs,controllerrevisions"
        parts.append(self.ask_kubectl("get", kinds, "-o", "wide").stdout)
        parts.append(self.ask_kubectl("get", "events", "--sort-by=.lastTimestamp").stdout)
        parts.append(self._operator_log())
        return "\n".join(parts)

    def _operator_log(self) -> str:
        told: list[str] = []
        for pod in self.kube.all("Pod", "contender-system"):
            try:
                log = self.kube.log(pod["metadata"]["name"], "contender-system", 2000)
            except ApiRefusal as refusal:
                log = str(refusal)
            told += [line for line in log.splitlines() if self.namespace in line]
        return "operator:\n" + "\n".join(told[-60:])


def condition(status: Json, kind: str) -> Json:
    """Return a condition, or one that says nothing."""
    found = status.get("conditions") or []
    return next((one for one in found if one["type"] == kind), {"status": "Missing"})


def is_true(status: Json, kind: str) -> bool:
    return bool(condition(status, kind)["status"] == "True")
