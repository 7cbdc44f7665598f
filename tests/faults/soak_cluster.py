"""The controllers that a bare API server lacks, played by the test."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from contender.core import names
from contender.core.manifest import condition, label, name_of, owned_by
from tests.e2e.kube import ApiRefusal, Json
from tests.scenarios.world import World, with_pods

RAN_INTO = {404, 409}
"""What anybody meets whose object was changed or deleted meanwhile."""
ALL = -1
CRASHES = -2
OWNED = ("Pod", "Job", "CronJob", "Deployment", "Service", "ControllerRevision")
OWNED_TOO = ("HorizontalPodAutoscaler", "PodDisruptionBudget")


class Cluster:
    """Deployments get pods, owners are followed by what they own, schedules come, runs end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._moods: dict[str, int] = {}
        """By revision: how many of its pods become ready at most; ALL; or CRASHES."""
        self._broken: set[str] = set()
        """Versions whose pods never become ready."""

    def all(self, kind: str) -> list[Json]:
        return sorted(self._world.kube.all(kind, self._world.namespace), key=name_of)

    # What goes wrong, and right again

    def fares(self, revision: str, mood: int) -> None:
        """Say how the pods of a revision fare from now on."""
        self._moods[revision] = mood

    def breaks(self, version: str, broken: bool) -> None:
        """Say that the pods of a version never become ready, or do again."""
        (self._broken.add if broken else self._broken.discard)(version)

    def heals(self) -> None:
        """Let all pods be well."""
        self._moods.clear()
        self._broken.clear()

    # What controllers do

    def catch_up(self) -> None:
        """Do everything that is to be done now."""
        self.collect()
        self.scale_into_bounds()
        for deployment in self.all("Deployment"):
            if label(deployment, names.LABEL_REVISION):
                with suppress_races():
                    self._make_pods(deployment)

    def collect(self) -> None:
        """Be the garbage collector: delete what belongs to nobody any more."""
        owners = {one["metadata"]["uid"] for one in self.all("ModelDeployment")}
        found = [(kind, one) for kind in (*OWNED, *OWNED_TOO) for one in self.all(kind)]
        owners |= {one["metadata"]["uid"] for _, one in found}
        gone: set[str] = set()
        again = True
        while again:
            again = False
            for kind, one in found:
                uid = one["metadata"]["uid"]
                owned = one["metadata"].get("ownerReferences") or []
                if uid not in gone and owned and all(o["uid"] not in owners - gone for o in owned):
                    gone.add(uid)
                    again = True
                    with suppress_races():
                        self._world.delete(kind, name_of(one))

    def scale(self, number: int) -> None:
        """Be the autoscalers under load: so many replicas more than the least."""
        self._scale(lambda least, most, _: min(least + number, most))

    def scale_into_bounds(self) -> None:
        """Be the autoscalers without load: no fewer replicas than the least, no more than most."""
        self._scale(lambda least, most, current: max(least, min(current, most)))

    def _scale(self, choose: Callable[[int, int, int], int]) -> None:
        for one in self.all("HorizontalPodAutoscaler"):
            live = self._world.get("Deployment", name_of(one))
            current = live["spec"]["replicas"] if live else 0
            if not current:
                continue  # at zero an autoscaler rests
            wanted = choose(one["spec"]["minReplicas"], one["spec"]["maxReplicas"], current)
            if wanted != current:
                with suppress_races():
                    body = {"spec": {"replicas": wanted}}
                    self._world.patch("Deployment", name_of(one), body)

    def schedule_comes(self, name: str) -> None:
        """Be the CronJob controller: start a run, unless one of its own is active."""
        maker = self._world.get("CronJob", names.retraining_name(name))
        if maker is None or maker["spec"].get("suspend"):
            return
        runs = [one for one in self.all("Job") if owned_by(one, maker["metadata"]["uid"])]
        if any(not _ended(one) for one in runs):
            return
        template = maker["spec"]["jobTemplate"]
        metadata = {
            "labels": template["metadata"]["labels"],
            "ownerReferences": [_reference(maker, "batch/v1", "CronJob")],
        }
        with suppress_races():
            run = f"{name_of(maker)}-{len(runs)}{maker['metadata']['resourceVersion']}"
            self._world.create("Job", run, metadata=metadata, spec=template["spec"])

    def run_ends(self, outcome: str, says: str) -> None:
        """Be the Job controller: the oldest active run ends, and its pod says something last."""
        active = [one for one in self.all("Job") if not _ended(one)]
        if active:
            with suppress_races():
                self._end(active[0], outcome, says)

    def _end(self, job: Json, outcome: str, says: str) -> None:
        failed = outcome == "Failed"
        name = f"{name_of(job)}-x"
        self._pod(name, job["spec"]["template"], _reference(job, "batch/v1", "Job"))
        ended = {"exitCode": int(failed), "message": says, "reason": outcome}
        container = _container(names.RETRAINING_CONTAINER, {"terminated": ended})
        phase = "Failed" if failed else "Succeeded"
        seen = {"phase": phase, "containerStatuses": [container]}
        self._world.patch("Pod", name, {"status": seen}, "status")
        time = job["metadata"]["creationTimestamp"]
        over: Json = {
            "startTime": time,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": time, "lastProbeTime": time}
                for kind in ("FailureTarget" if failed else "SuccessCriteriaMet", outcome)
            ],
            "ready": 0,
            "uncountedTerminatedPods": {},
        }
        over |= {"failed": 1} if failed else {"succeeded": 1, "completionTime": time}
        self._world.patch("Job", name_of(job), {"status": over}, "status")

    def _make_pods(self, deployment: Json) -> None:
        """Be the Deployment controller, and the kubelet."""
        revision, wanted = name_of(deployment), deployment["spec"]["replicas"]
        mood = self._moods.get(revision, ALL)
        if label(deployment, names.LABEL_VERSION) in self._broken:
            mood = CRASHES
        ready = {ALL: wanted, CRASHES: 0}.get(mood, min(mood, wanted))
        status = with_pods(deployment, ready)
        live = deployment.get("status") or {}
        if any(live.get(key, 0) != value for key, value in status.items()):
            self._world.patch("Deployment", revision, {"status": status}, "status")
        self._crashing_pod(deployment, mood == CRASHES)

    def _crashing_pod(self, deployment: Json, crashes: bool) -> None:
        name = f"{name_of(deployment)}-x"
        there = self._world.get("Pod", name)
        if crashes and not there:
            template = deployment["spec"]["template"]
            self._pod(name, template, _reference(deployment, "apps/v1", "Deployment"))
            ended = {"exitCode": 1, "reason": "Error", "message": "no such file: model.bin"}
            container = _container(names.MODEL_CONTAINER, {"terminated": ended}, restarts=2)
            seen = {"phase": "Running", "containerStatuses": [container]}
            self._world.patch("Pod", name, {"status": seen}, "status")
        elif there and not crashes:
            self._world.delete("Pod", name)

    def _pod(self, name: str, template: Json, reference: Json) -> None:
        labels = template["metadata"]["labels"]
        metadata = {"labels": labels, "ownerReferences": [reference]}
        spec = template["spec"]
        bare = {"containers": spec["containers"], "restartPolicy": spec["restartPolicy"]}
        self._world.create("Pod", name, metadata=metadata, spec=bare)


def suppress_races() -> "Racing":
    """Go on when somebody was quicker."""
    return Racing()


class Racing(suppress):
    """Passes over what anybody meets who works beside others."""

    def __init__(self) -> None:
        super().__init__(ApiRefusal)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, ApiRefusal) and error.code in RAN_INTO


def _reference(owner: Json, api_version: str, kind: str) -> Json:
    identity = {"name": name_of(owner), "uid": owner["metadata"]["uid"]}
    return {"apiVersion": api_version, "kind": kind, **identity, "controller": True}


def _container(name: str, state: Json, restarts: int = 0) -> Json:
    return {
        "name": name,
        "image": "any:1",
        "imageID": "",
        "ready": False,
        "restartCount": restarts,
        "state": state,
    }


def _ended(job: Json) -> bool:
    return bool(condition(job, "Complete") or condition(job, "Failed"))
