"""The lives of many ModelDeployments, lived side by side, and how they stand in the end."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.e2e.kube import Json
from tests.faults.faults import Asked, Select
from tests.faults.proxy import Proxy
from tests.scenarios.world import CHILD_KINDS, World, condition, model, serves

FIRST: Json = {
    **model("1"),
    "scaling": {"minReplicas": 1, "maxReplicas": 3, "metrics": [{"type": "CPU", "target": 70}]},
    "retraining": {"job": {"image": "train:1"}, "schedule": "@daily"},
}
"""Has a child of every kind but a Job."""
LATER: Json = {
    **model("2"),
    "scaling": {"minReplicas": 2, "maxReplicas": 2},
    "retraining": {"job": {"image": "train:1"}},
}
"""Another revision, without an autoscaler and without a schedule."""

KINDS = (
    "controllerrevisions",
    "services",
    "deployments",
    "poddisruptionbudgets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
    "modeldeployments/status",
    "events",
)
"""Everything that the operator writes."""


def live(world: World, names: Iterable[str]) -> None:
    """Create, serve, retrain by command, update: every kind of child is made, and some go."""
    names = list(names)
    serve(world, names, FIRST)
    for name in names:
        world.annotate(name, retrain="one")
    for name in names:
        world.until_status(name, _has_run, "a run")
    serve(world, names, LATER)


def serve(world: World, names: Iterable[str], spec: Json) -> None:
    """Apply a spec to each and be the controllers until all serve it."""
    names, version = list(names), spec["model"]["version"]
    for name in names:
        world.apply(name, spec)
    revisions = {name: world.until_wanted(name, version) for name in names}
    for revision in revisions.values():
        world.ready(revision)
    for name, revision in revisions.items():
        world.until_status(name, _is_ready(revision), f"{revision} serves")


def forget(world: World, name: str) -> None:
    """Delete a ModelDeployment, and be the garbage collector."""
    left = world.children(name)
    world.delete("ModelDeployment", name)
    for kind, names in left.items():
        for child in names:
            world.delete(kind, child)


def _is_ready(revision: str) -> Callable[[Json], bool]:
    return lambda status: serves(status) == revision and condition(status, "Ready") == "True"


def _has_run(status: Json) -> bool:
    return any(one["result"] == "Done" for one in status.get("handled") or [])


def assert_rest(world: World, proxy: Proxy, *names: str) -> None:
    """Check that looking at these again writes nothing. The pods of a replaced revision may go
    meanwhile, as their time comes; and Events of earlier may follow."""
    world.settle()
    since = proxy.moment()
    for name in 2 * names:
        world.nudge(name)
    world.settle()
    writes = proxy.heard(
        lambda asked: owner(asked) in names and asked.method != "DELETE" and asked.kind != "events",
        since,
    )
    assert [str(one) for one in writes] == []


def standing(world: World) -> dict[str, Json]:
    """Return by name how each ModelDeployment stands: its children and its status, without what
    differs between any two lives."""
    owners = world.kube.all("ModelDeployment", world.namespace)
    found: dict[str, Json] = {
        one["metadata"]["name"]: {"status": one.get("status") or {}} for one in owners
    }
    for kind in CHILD_KINDS:
        for child in world.kube.all(kind, world.namespace):
            for reference in child["metadata"].get("ownerReferences") or []:
                if reference["name"] in found:
                    found[reference["name"]][f"{kind} {child['metadata']['name']}"] = child
    return {name: _bare(_without_replaced(one), name) for name, one in found.items()}


def _without_replaced(found: Json) -> Json:
    """Leave out the pods of replaced revisions: they go when their time is over."""
    replaced = {one["name"] for one in found["status"].get("revisions") or []}
    replaced.discard(serves(found["status"]))
    return {
        key: value
        for key, value in found.items()
        if key.startswith("ControllerRevision ") or key.partition(" ")[2] not in replaced
    }


_APART = (
    *("uid", "resourceVersion", "generation", "observedGeneration", "managedFields"),
    *("ownerReferences", "controller-uid", "batch.kubernetes.io/controller-uid"),
    *("contender.dev/applied", "clusterIP", "clusterIPs", "nextRun"),
)
_TIMES = ("Time", "Timestamp", "edAt", "ed-at")


def _bare(value: Any, name: str) -> Any:
    """Leave out what differs: names, numbers, times."""
    if isinstance(value, dict):
        return {
            _bare(key, name): _bare(inner, name)
            for key, inner in value.items()
            if key not in _APART and not key.endswith(_TIMES)
        }
    if isinstance(value, list):
        return [_bare(inner, name) for inner in value]
    return value.replace(name, "<name>") if isinstance(value, str) else value


def apart(one: Any, other: Any, path: str = "") -> list[str]:
    """Return where two objects differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [
            line for key in keys for line in apart(one.get(key), other.get(key), f"{path}.{key}")
        ]
    return [] if one == other else [f"{path}: {one} is not {other}"]


def of(name: str, *kinds: str) -> Select:
    """Select the writes about one ModelDeployment, of these kinds or of all."""
    return lambda asked: owner(asked) == name and (not kinds or asked.kind in kinds)


def owner(asked: Asked) -> str:
    """Return the name of the ModelDeployment that a write is about; of a read nothing."""
    if not asked.writes:
        return ""
    if asked.kind == "events":
        about = asked.json.get("involvedObject") or {"name": asked.name.rpartition("-")[0]}
        return str(about["name"])
    if asked.kind == "modeldeployments/status":
        return asked.name
    if asked.method == "DELETE":
        return re.sub(r"-(retrain|[b-z2-9]{8}|retrain-[b-z2-9]{8})$", "", asked.name)
    return str(asked.json["metadata"]["labels"]["contender.dev/modeldeployment"])


def trouble(asked: Asked) -> str:
    """Return the reason of the trouble that is written into a status, if that is written."""
    if not (asked.writes and asked.kind == "modeldeployments/status"):
        return ""
    conditions = asked.json["status"].get("conditions") or []
    stalled = (one for one in conditions if one["type"] == "Stalled" and one["status"] == "True")
    return str(next((one["reason"] for one in stalled), ""))
