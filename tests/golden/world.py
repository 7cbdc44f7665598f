"""A cluster of plain data: what was applied, what the operator made of it, what others did to it.

It plays the API server (uids, versions, defaults, garbage collection) and runs the operator's pure
steps as `contender.controller.reconcile` does. Nothing happens by itself: pods become ready and
time passes when a test says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pydantic import ValidationError

from contender.api.v1alpha1 import API_VERSION, GROUP, ModelDeploymentSpec
from contender.controller.reconcile import MOST_ROUNDS, merge_patch
from contender.core import names
from contender.core.capturing import CaptureReport
from contender.core.children import CHILDREN
from contender.core.diff import Annotate, Create, Delete, Update, Write, diff
from contender.core.errors import explain
from contender.core.events import Event, transitions
from contender.core.experiment.course import run_of
from contender.core.experiment.events import experiment_transitions
from contender.core.experiment.looks import Look, read_look
from contender.core.experiment.tell import worth_writing
from contender.core.manifest import Manifest, format_time, name_of, owned_by
from contender.core.plan import Plan, Problem, make_plan
from contender.core.snapshot import Installation, Report, Snapshot
from contender.core.status import invalid_status, make_experiment_statuses, make_status
from tests.golden.routers import Routers

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
MOST_PASSES = 12
SOON = timedelta(seconds=1)
ANSWERED = frozenset({"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Job"})
"""Kinds to whose change another controller answers, which wakes the operator once more."""


@dataclass(frozen=True)
class Effect:
    """One write, and what the API server had before and after."""

    write: Write
    before: Manifest | None
    after: Manifest | None

    @property
    def title(self) -> str:
        manifest = self.write.manifest
        return f"{type(self.write).__name__.lower()} {manifest['kind']} {name_of(manifest)}"


@dataclass(frozen=True)
class Pass:
    """What one pass of the operator did."""

    effects: tuple[Effect, ...]
    status: dict[str, Any]
    events: tuple[Event, ...]
    again_at: datetime | None
    experiments: Mapping[str, Any] = field(default_factory=lambda: {})
    """Status of each Experiment."""
    soon: bool = False
    """Whether the operator looks again within a second."""

    @property
    def wakes(self) -> bool:
        """Whether the operator looks again at once: it hears an echo of its own writes, or routers
        are to be asked again."""
        return self.soon or any(
            isinstance(effect.write, Delete) or effect.write.manifest["kind"] in ANSWERED
            for effect in self.effects
        )


class World:
    """One ModelDeployment and its namespace."""

    def __init__(self, name: str = "churn") -> None:
        self.now = START
        self.accounts: dict[str, bool] = {}
        self.reports: dict[str, Report] = {}
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.revisions: list[str] = []
        """Names of all revisions that were ever recorded, in order."""
        self.routers = Routers()
        self.installation = Installation()
        self.capture: CaptureReport | None = None
        self.looks: dict[str, tuple[Look, ...]] = {}
        """By what tells an Experiment in the recorder: what it has noted."""
        self._numbers = count(1)
        self.owner: Manifest = {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": "shop", "generation": 0, **self._identity()},
            "spec": {},
        }

    @property
    def name(self) -> str:
        return name_of(self.owner)

    @property
    def status(self) -> dict[str, Any]:
        return self.owner.get("status") or {}

    def install(self, said: Mapping[str, Any]) -> None:
        """Set what holds for the whole operator."""
        self.installation = Installation(**said)

    def recorder_says(self, said: Mapping[str, Any] | None) -> None:
        """Set what is said of the capture; None: the recorder does not answer."""
        self.capture = None if said is None else CaptureReport(**said)

    def recorder_looks(
        self, experiment: str, means: Sequence[Mapping[str, Any]], **pairs: Mapping[str, int]
    ) -> None:
        """Let the recorder note how an Experiment stands, all of it in one epoch.

        Args:
            experiment: its name.
            means: as `POST /v1/looks` tells them; an epoch, a feedback and variances that are not
                told are the ones that go without saying.
            pairs: counts of requests by candidate.
        """
        owner = self.get("Experiment", experiment)
        run = run_of(owner["metadata"]["uid"], (owner.get("status") or {}).get("attempts", 0))
        known = self.looks.get(run, ())
        told = {
            "number": len(known) + 1,
            "at": self.now.timestamp(),
            "means": [_mean(one) for one in means],
            "pairs": [
                {"epoch": "e1", "arm": arm, "counts": counts} for arm, counts in pairs.items()
            ],
        }
        self.looks[run] = (*known, read_look(told))

    # What the operator does

    def snapshot(self) -> Snapshot:
        """Return what the operator sees."""
        spec = ModelDeploymentSpec.model_validate(self.owner["spec"])
        uid = self.owner["metadata"]["uid"]
        objects = self.objects.values()
        children = tuple(one for one in objects if one["kind"] != "Pod" and owned_by(one, uid))
        makers = [one["metadata"]["uid"] for one in children if one["kind"] == "CronJob"]
        pods = [spec.pod, spec.retraining.job.pod if spec.retraining else None]
        accounts = {pod.service_account_name for pod in pods if pod} - {None}
        return Snapshot(
            owner=self.owner,
            spec=spec,
            now=self.now,
            children=children,
            pods=tuple(one for one in objects if one["kind"] == "Pod"),
            runs=tuple(
                one
                for one in objects
                if one["kind"] == "Job" and any(owned_by(one, maker) for maker in makers)
            ),
            allowed_accounts={str(one): self.accounts.get(str(one), False) for one in accounts},
            reports=self.reports,
            experiments=tuple(one for one in objects if one["kind"] == "Experiment"),
            routers=self.routers.readings(self.objects.values()),
            capture=self.capture,
            looks=self.looks,
            installation=self.installation,
        )

    def reconcile(self) -> Pass:
        """Run one pass, and carry out what it wants."""
        try:
            snapshot = self.snapshot()
        except ValidationError as error:
            status = invalid_status(self.owner, Problem("InvalidSpec", explain(error)), self.now)
            return Pass((), status, self._write_status(status), None)
        effects: list[Effect] = []
        told: list[Event] = []
        for _ in range(MOST_ROUNDS):
            plan = make_plan(snapshot)
            remembered = self._remember(snapshot, plan)
            told += remembered or ()
            writes = () if remembered is not None else diff(snapshot, plan, CHILDREN)
            effects += [self._carry_out(write) for write in writes]
            if remembered is None and not writes:
                break
            snapshot = self.snapshot()
        status = make_status(snapshot, plan, None)
        events = (*told, *self._write_status(status))
        asked = plan.routing.again_at if plan.routing else None
        soon = asked is not None and asked < self.now + SOON
        experiments = {
            one["metadata"]["name"]: deepcopy(one["status"]) for one in snapshot.experiments
        }
        return Pass(tuple(effects), status, events, plan.again_at, experiments, soon)

    def _remember(self, snapshot: Snapshot, plan: Plan) -> tuple[Event, ...] | None:
        """Write what is new of Experiments; return what is told of it, None when nothing is."""
        events: list[Event] | None = None
        for owner, status in make_experiment_statuses(snapshot, plan):
            before = owner.get("status") or {}
            if worth_writing(before, status, snapshot.now):
                owner["status"] = deepcopy(status)
                owner["metadata"]["resourceVersion"] = str(next(self._numbers))
                events = [*(events or []), *experiment_transitions(before, status)]
        return None if events is None else tuple(events)

    def settle(self) -> list[Pass]:
        """Run passes for as long as the operator would be woken, and find it at rest then."""
        passes = [self.reconcile()]
        while passes[-1].wakes:
            assert len(passes) < MOST_PASSES, [effect.title for effect in passes[-1].effects]
            passes.append(self.reconcile())
        rest = self.reconcile()
        assert [effect.title for effect in rest.effects] == [], "a write that nobody would wake for"
        assert rest.status == passes[-1].status, "status lags until something wakes the operator"
        return passes

    def _write_status(self, status: dict[str, Any]) -> tuple[Event, ...]:
        before = self.status
        if merge_patch(before, status):
            self.owner["status"] = deepcopy(status)
        return tuple(transitions(before, status))

    # What the API server does

    def _identity(self) -> dict[str, Any]:
        number = str(next(self._numbers))
        created = format_time(self.now)
        return {"uid": f"uid-{number}", "resourceVersion": number, "creationTimestamp": created}

    def _carry_out(self, write: Write) -> Effect:
        manifest = deepcopy(write.manifest)
        key = (manifest["kind"], name_of(manifest))
        live = self.objects.get(key)
        if isinstance(write, Annotate):
            self.edit("Pod", key[1], {"metadata": {"annotations": dict(write.annotations)}})
            self.routers.take_over(self.get("Pod", key[1]), self.objects.values())
        elif isinstance(write, Create):
            assert live is None, f"{key} is there already"
            self._check_ours(manifest)
            manifest["metadata"] |= self._identity()
            self.put(_defaulted(manifest))
            if key[0] == "ControllerRevision" and key[1] not in self.revisions:
                self.revisions.append(key[1])
        elif isinstance(write, Update):
            assert live is not None, f"{key} is not there"
            assert manifest["metadata"]["uid"] == live["metadata"]["uid"]
            assert manifest["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
            assert write.fields, "a write that says no reason"
            kept = {"creationTimestamp": live["metadata"]["creationTimestamp"]}
            manifest["metadata"] |= {**kept, "resourceVersion": str(next(self._numbers))}
            if "status" in live:
                manifest["status"] = live["status"]
            if address := live.get("spec", {}).get("clusterIP"):
                manifest["spec"]["clusterIP"] = address
            self.put(_defaulted(manifest))
        else:
            assert live is not None, f"{key} is not there"
            self.remove(*key)
        return Effect(write, live, self.objects.get(key))

    def _check_ours(self, manifest: Manifest) -> None:
        """Check what all children have in common, so that goldens need not repeat it."""
        metadata = manifest["metadata"]
        assert metadata["namespace"] == self.owner["metadata"]["namespace"]
        assert names.owner_labels(self.name).items() <= metadata["labels"].items()
        assert owned_by(manifest, self.owner["metadata"]["uid"])
        assert metadata["annotations"][names.ANNOTATION_APPLIED]
        if manifest["kind"] == "Experiment":
            return
        revision = metadata["labels"].get(names.LABEL_REVISION)
        assert revision in (None, metadata["name"])

    def put(self, manifest: Manifest) -> None:
        self.objects[manifest["kind"], name_of(manifest)] = manifest

    def get(self, kind: str, name: str) -> Manifest:
        return self.objects[kind, name]

    def remove(self, kind: str, name: str) -> None:
        """Delete an object, and what it owns."""
        uid = self.objects.pop((kind, name))["metadata"]["uid"]
        for key, one in list(self.objects.items()):
            if owned_by(one, uid):
                self.remove(*key)

    # What people do

    def apply(self, change: Mapping[str, Any]) -> None:
        """Change the spec by a merge patch."""
        self.replace_spec(merged(self.owner["spec"], change))

    def replace_spec(self, spec: Mapping[str, Any]) -> None:
        if spec != self.owner["spec"]:
            self.owner["metadata"]["generation"] += 1
        self.owner["spec"] = dict(deepcopy(spec))

    def annotate(self, change: Mapping[str, str | None]) -> None:
        """Change annotations of the ModelDeployment; short names are in our group."""
        full = {key if "/" in key else f"{GROUP}/{key}": value for key, value in change.items()}
        metadata = self.owner["metadata"]
        metadata["annotations"] = merged(metadata.get("annotations", {}), full)

    def edit(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Change any object by a merge patch."""
        live = self.get(kind, name)
        edited = merged(live, patch)
        edited["metadata"]["resourceVersion"] = str(next(self._numbers))
        self.put(edited)

    def lose_status(self) -> None:
        self.owner.pop("status", None)

    # What the cluster does

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def pods_ready(self, revision: str, ready: int, available: int | None = None) -> None:
        """Let a revision have so many pods, all ready, or available too unless told otherwise."""
        container = {"ready": True, "restartCount": 0, "state": {"running": {}}}
        self._make_pods(revision, ready, container, None)
        self._deployment_status(
            revision,
            readyReplicas=ready,
            availableReplicas=ready if available is None else available,
            conditions=[],
        )

    def pods_stuck(
        self,
        revision: str,
        container: Mapping[str, Any] | None = None,
        condition: Mapping[str, Any] | None = None,
        pods: int = 1,
    ) -> None:
        """Let a revision have pods none of which is ready, all with this container status."""
        self._make_pods(revision, pods, container, condition)
        self._deployment_status(revision, readyReplicas=0, availableReplicas=0)

    def deployment_reports(self, revision: str, condition: Mapping[str, Any]) -> None:
        self._deployment_status(revision, conditions=[dict(condition)])

    def autoscaler_sets(self, revision: str, replicas: int) -> None:
        self.edit("Deployment", revision, {"spec": {"replicas": replicas}})

    def routers_ready(self, ready: int) -> None:
        """Let so many routers be ready, with the configuration that there is now."""
        name = names.router_name(self.name)
        deployment = self.get("Deployment", name)
        for key, one in list(self.objects.items()):
            if one["kind"] == "Pod" and key[1].startswith(f"{name}-"):
                self.remove(*key)
        for number in range(ready):
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            pod = self._owned("v1", "Pod", f"{name}-{number}", deployment, labels)
            pod["status"] = {
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "router", "ready": True, "restartCount": 0}],
                "podIP": "10.0.0.9",
            }
            self.put(pod)
            self.routers.take_over(pod, self.objects.values())
        self._deployment_status(name, readyReplicas=ready, availableReplicas=ready)

    def routers_count(self, counted: Mapping[str, Mapping[str, int]]) -> None:
        """Let the routers have counted so many more requests by arm."""
        self.routers.count(counted)

    def experiment(self, name: str, spec: Mapping[str, Any]) -> None:
        """Create an Experiment."""
        self.put(
            {
                "apiVersion": API_VERSION,
                "kind": "Experiment",
                "metadata": {
                    "name": name,
                    "namespace": "shop",
                    "generation": 1,
                    **self._identity(),
                    "uid": f"uid-of-{name}",
                },
                "spec": {"target": self.name, **deepcopy(dict(spec))},
            }
        )

    def annotate_experiment(self, name: str, **change: str | None) -> None:
        """Change annotations of an Experiment; short names are in our group."""
        full = {f"{GROUP}/{key}": value for key, value in change.items()}
        self.edit("Experiment", name, {"metadata": {"annotations": full}})

    def event_says(self, kind: str, name: str, reason: str, message: str) -> None:
        """Let an Event be the only one to tell about a pod's probe, or a Job without pods."""
        self.reports[self.get(kind, name)["metadata"]["uid"]] = Report(reason, message)

    def schedule_starts(self, job: str) -> None:
        """Let the CronJob make a Job."""
        maker = self.get("CronJob", names.retraining_name(self.name))
        labels = maker["spec"]["jobTemplate"]["metadata"]["labels"]
        self.put(self._owned("batch/v1", "Job", job, maker, labels))

    def run_ends(
        self, job: str, outcome: str, says: str = "", reason: str = "", message: str = ""
    ) -> None:
        """Let a Job end as Complete or Failed, and its pod say something last."""
        ended = format_time(self.now)
        condition = {"type": outcome, "status": "True", "lastTransitionTime": ended}
        condition |= {"reason": reason, "message": message} if reason else {}
        live = self.get("Job", job)
        status: dict[str, Any] = {
            "startTime": live["metadata"]["creationTimestamp"],
            "conditions": [condition],
        }
        if outcome == "Complete":
            status["completionTime"] = ended
        self.edit("Job", job, {"status": status})
        pod = self._owned("v1", "Pod", f"{job}-pod", live, live["metadata"]["labels"])
        state = {"terminated": {"exitCode": int(outcome == "Failed"), "message": says}}
        pod["status"] = {
            "containerStatuses": [{"name": names.RETRAINING_CONTAINER, "state": state}]
        }
        self.put(pod)

    def _make_pods(
        self,
        revision: str,
        wanted: int,
        container: Mapping[str, Any] | None,
        condition: Mapping[str, Any] | None,
    ) -> None:
        deployment = self.get("Deployment", revision)
        for key in list(self._pods_of(revision)):
            del self.objects[key]
        template = deployment["spec"]["template"]
        image = template["spec"]["containers"][-1]["image"]
        for number in range(wanted):
            pod = self._owned(
                "v1", "Pod", f"{revision}-{number}", deployment, template["metadata"]["labels"]
            )
            pod["status"] = {"conditions": [dict(condition)] if condition else []}
            if container is not None:
                named = {"name": "model", "image": image, "ready": False, **container}
                pod["status"]["containerStatuses"] = [named]
            self.put(pod)

    def _pods_of(self, revision: str) -> Iterator[tuple[str, str]]:
        for key, one in self.objects.items():
            labels = one["metadata"].get("labels") or {}
            if key[0] == "Pod" and labels.get(names.LABEL_REVISION) == revision:
                yield key

    def _deployment_status(self, revision: str, **status: Any) -> None:
        self.edit("Deployment", revision, {"status": status})

    def _owned(
        self, api_version: str, kind: str, name: str, owner: Manifest, labels: Mapping[str, str]
    ) -> Manifest:
        reference = {
            "kind": owner["kind"],
            "name": name_of(owner),
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": "shop",
                "labels": dict(labels),
                "ownerReferences": [reference],
                **self._identity(),
            },
        }


def _mean(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mean of losses that are 0 or 1, of rows that do not depend on each other."""
    n, mean = one["n"], one.get("mean", 1.0)
    square = mean
    if one["kind"] == "pair":
        mean, square = (one["worse"] - one["better"]) / n, (one["worse"] + one["better"]) / n
    variance = (square - mean * mean) / (n - 1)
    said = {"epoch": "e1", "feedback": "churned", "loss": "ZeroOne", "mean": mean}
    return {**said, "rowVariance": variance, "bucketVariance": variance, **one}


def merged(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an RFC 7386 merge patch makes of an object."""
    result = deepcopy(dict(before))
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def _defaulted(manifest: Manifest) -> Manifest:
    """Add some of what a real API server adds."""
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "Service":
            spec.setdefault("clusterIP", "10.0.0.1")
            spec.setdefault("sessionAffinity", "None")
        case "Deployment":
            pod = spec["template"]["spec"]
            pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
            for container in pod["containers"]:
                container.setdefault("imagePullPolicy", "IfNotPresent")
                container["terminationMessagePath"] = "/dev/termination-log"
        case "Job":
            spec.setdefault("completions", 1)
        case _:
            pass
    return manifest
