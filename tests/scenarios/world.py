"""The world of one scenario: a namespace, an operator process, and the controllers it lacks."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import requests
import yaml

from dev.paths import CHECKOUT
from tests.contract.server import Request, Server, until
from tests.e2e.kube import ApiRefusal, Json

T = TypeVar("T")

GROUP = "contender.dev"
CALM_SECONDS = 0.5
CHILD_KINDS = (
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "Deployment",
    "Experiment",
    "HorizontalPodAutoscaler",
    "Job",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
)


def model(version: str = "1", **fields: Any) -> Json:
    """Return the spec of a model of this version."""
    container = {"version": version, "image": f"churn:{version}", **fields}
    return {"model": {**container, "resources": {"requests": {"cpu": "100m"}}}}


class World:
    """What a test does to the namespace, and what it sees of it."""

    def __init__(self, server: Server, log: Path, *, everywhere: bool = False) -> None:
        self.server, self.kube = server, server.kube
        self.namespace = f"s-{secrets.token_hex(4)}"
        self.kubeconfig = server.operator_kubeconfig
        """The operator's way to the API server."""
        self.environment: dict[str, str] = {}
        """What else the operator's process is given."""
        self._everywhere = everywhere
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._start = server.moment()
        self.kube.create({"kind": "Namespace", "metadata": {"name": self.namespace}})

    def leave(self) -> None:
        """Stop the operator. It must never have asked for anything that it may not do."""
        self.stop_operator()
        for one in self.kube.all("ModelDeployment", self.namespace):
            self.kube.delete("ModelDeployment", one["metadata"]["name"], self.namespace)
        forbidden = [str(one) for one in self.asked(self._start) if one.code == 403]
        assert not forbidden
        assert "Traceback" not in self.log()

    # The operator

    def start_operator(self) -> None:
        """Start the operator as its own account, and wait until it has seen everything."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        scope = [] if self._everywhere else ["--namespace", self.namespace]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # It dies with the test, however that ends.
                    *("setpriv", "--pdeathsig=KILL"),
                    *(sys.executable, "-m", "contender", "operator", *scope),
                    *("--host", "127.0.0.1", "--port", str(self._port), "--log-level", "debug"),
                ],
                env={
                    **os.environ,
                    "KUBECONFIG": str(self.kubeconfig),
                    "PYTHONPATH": str(CHECKOUT / "operator"),
                    **self.environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self._is_ready, "the operator is ready")

    def stop_operator(self) -> None:
        """Stop it as Kubernetes does, and wait until it is gone."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                assert self._process.wait(timeout=15) == 0
            finally:
                self._process.kill()
                self._process = None

    def kill_operator(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process
        self._process.kill()
        self._process.wait()
        self._process = None

    def _is_ready(self) -> bool:
        return self.says_yes("readyz")

    def says_yes(self, endpoint: str) -> bool:
        """Ask the process, which must not have ended, one of its health endpoints."""
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/{endpoint}", timeout=5).ok
        except requests.ConnectionError:
            return False

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        text = requests.get(f"http://127.0.0.1:{self._port}/metrics", timeout=5).text
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    # What users do

    def apply(self, name: str, spec: Mapping[str, Any]) -> Json:
        """Create a ModelDeployment, or replace its spec."""
        while live := self.get("ModelDeployment", name):
            try:
                return self.kube.replace({**live, "spec": dict(spec)})
            except ApiRefusal as refusal:
                if refusal.code != 409:  # the operator has written status in between
                    raise
        return self.create("ModelDeployment", name, spec=dict(spec))

    def create(self, kind: str, name: str, **body: Any) -> Json:
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

    # What the missing controllers do

    def ready(self, revision: str, pods: int | None = None) -> None:
        """Be the Deployment controller: all pods of a revision are ready, or so many."""
        status = with_pods(self.the("Deployment", revision), pods)
        self.patch("Deployment", revision, {"status": status}, "status")

    def run_succeeds(self, job: str, report: str) -> None:
        """Be the Job controller and the kubelet: a run has succeeded and reported."""
        live = self.the("Job", job)
        template, uid = live["spec"]["template"], live["metadata"]["uid"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid}
        metadata = {
            "labels": {**template["metadata"]["labels"], "job-name": job},
            "ownerReferences": [{**owner, "controller": True}],
        }
        spec = {"containers": template["spec"]["containers"], "restartPolicy": "Never"}
        self.create("Pod", f"{job}-x", metadata=metadata, spec=spec)
        ended = {"exitCode": 0, "message": report, "reason": "Completed"}
        container = {
            "name": "retraining",
            "image": "train:1",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        seen = {"phase": "Succeeded", "containerStatuses": [container]}
        self.patch("Pod", f"{job}-x", {"status": seen}, "status")
        time = live["metadata"]["creationTimestamp"]
        over: Json = {
            "startTime": time,
            "completionTime": time,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": time, "lastProbeTime": time}
                for kind in ("SuccessCriteriaMet", "Complete")
            ],
            "succeeded": 1,
            "ready": 0,
            "uncountedTerminatedPods": {},
        }
        self.patch("Job", job, {"status": over}, "status")

    def serve(self, name: str, spec: Mapping[str, Any]) -> str:
        """Apply a spec and be the controllers until it serves; return the revision."""
        self.apply(name, spec)
        revision = self.until_wanted(name, spec["model"]["version"])
        self.ready(revision)
        self.until_status(
            name,
            lambda status: serves(status) == revision and condition(status, "Ready") == "True",
            f"{revision} serves",
        )
        return revision

    # What a test sees

    def get(self, kind: str, name: str) -> Json | None:
        return self.kube.get(kind, name, self.namespace)

    def the(self, kind: str, name: str) -> Json:
        found = self.get(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def children(self, owner: str) -> dict[str, list[str]]:
        """The names of the children of a ModelDeployment by kind."""
        found: dict[str, list[str]] = {}
        for kind in CHILD_KINDS:
            for one in self.kube.all(kind, self.namespace):
                owners = one["metadata"].get("ownerReferences") or []
                if any(reference["name"] == owner for reference in owners):
                    found.setdefault(kind, []).append(one["metadata"]["name"])
        return found

    def selected(self, name: str) -> str:
        """The revision to which the endpoint leads."""
        return str(self.the("Service", name)["spec"]["selector"][f"{GROUP}/revision"])

    def status(self, name: str) -> Json:
        return self.the("ModelDeployment", name).get("status") or {}

    def asked(self, since: int) -> list[Request]:
        """All requests of the operator for this namespace, and for all namespaces."""
        found = self.server.requests(since)
        return [one for one in found if one.namespace in ("", self.namespace)]

    def writes(self, since: int) -> list[Request]:
        """The operator's writes that were carried out since a moment, without Events."""
        return [
            one
            for one in self.asked(since)
            if one.writes and one.kind != "events" and one.code < 400
        ]

    def until(self, look: Callable[[], T | None], what: str) -> T:
        return until(look, what)

    def until_status(self, name: str, holds: Callable[[Json], object], what: str) -> Json:
        """Wait until the status is about the present spec and this holds of it."""

        def look() -> Json | None:
            live = self.the("ModelDeployment", name)
            status = live.get("status") or {}
            current = status.get("observedGeneration") == live["metadata"]["generation"]
            return status if current and holds(status) else None

        return self.until(look, f"{name}: {what}")

    def until_wanted(self, name: str, version: str) -> str:
        """Wait until a revision of this version has its Deployment; return its name."""

        def look() -> str | None:
            for part in ("candidate", "serving"):
                found = self.status(name).get(part) or {}
                if found.get("version") == version and self.get("Deployment", found["revision"]):
                    return str(found["revision"])
            return None

        return self.until(look, f"{name}: version {version} has a Deployment")

    def settle(self) -> None:
        """Wait until the operator has answered to all that has happened: nothing is in line, and
        no pass for a while."""
        deadline = time.monotonic() + 30
        calm_since, before = time.monotonic(), -1.0
        while time.monotonic() < calm_since + CALM_SECONDS:
            assert time.monotonic() < deadline, "the operator never comes to rest"
            passes = self.metric("controller_runtime_reconcile_total")
            if passes != before or self.metric("workqueue_depth") > 0:
                calm_since, before = time.monotonic(), passes
            time.sleep(0.02)

    def nudge(self, name: str) -> None:
        """Make the operator look at a ModelDeployment although nothing about it has changed."""
        passes = self.metric("controller_runtime_reconcile_total")
        mark = {"metadata": {"annotations": {"example.com/nudge": secrets.token_hex(4)}}}
        self.patch("ModelDeployment", name, mark)
        until(lambda: self.metric("controller_runtime_reconcile_total") > passes, "another pass")

    def assert_rest(self, *names: str, times: int = 3) -> None:
        """Check that looking again at these, so many times, writes nothing."""
        self.settle()
        since = self.server.moment()
        for name in times * names:
            self.nudge(name)
        self.settle()
        assert [str(one) for one in self.writes(since)] == []

    def dump(self) -> str:
        """Everything that may explain a failure."""
        parts = [
            yaml.safe_dump({**one, "metadata": {"name": one["metadata"]["name"]}}, sort_keys=False)
            for one in self.kube.all("ModelDeployment", self.namespace)
        ]
        parts += [str(one) for one in self.writes(self._start)]
        return "\n".join([*parts, self.log()[-8000:]])


def with_pods(deployment: Json, ready: int | None = None) -> Json:
    """Return the status of a Deployment that has its pods, all or so many of them ready."""
    wanted = deployment["spec"]["replicas"]
    count = wanted if ready is None else ready
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": count,
        "availableReplicas": count,
    }


def serves(status: Json) -> str:
    """Return the revision that serves."""
    return str((status.get("serving") or {}).get("revision", ""))


def condition(status: Json, kind: str, part: str = "status") -> str:
    """Return a part of a condition."""
    found = status.get("conditions") or []
    return str(next((one.get(part, "") for one in found if one["type"] == kind), ""))


__all__ = ["ApiRefusal", "World", "condition", "model", "serves", "with_pods"]
