"""Hands in the children: for each field that the operator renders, edits that the API server takes.

What is right in a place, the API server says: other values are tried until it takes one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench.fleet import side_by_side
from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from tests.contract.fields import Json, Step
from tests.e2e.kube import ApiRefusal
from tests.faults.mutation_crowd import Crowd, collection

JSON_PATCH = "application/json-patch+json"

WORDS = (
    *("b", "/b", "b:2", "2", "1m", "10%", "http2", "UTC", "0 4 * * *"),
    *("UDP", "HTTPS", "Replace", "IfHealthyBudget", "NodePort", "Recreate"),
    *("Always", "OnFailure", "File", "PreferNoSchedule", "Equal", "Unconfined", "DoNotSchedule"),
    *("Pods", "Min", "AverageValue", "memory", "other"),
)
"""Other values of texts."""

NOT_OURS_TO_EDIT = ("apiVersion", "kind", "metadata", "data", "revision")


@dataclass(frozen=True)
class Slot:
    """One child of a ModelDeployment, whatever that one is called."""

    kind: str
    role: str
    """`endpoint`, `revision` or `retrain`."""

    def name(self, owner: str, revision: str) -> str:
        return {"endpoint": owner, "retrain": f"{owner}-retrain"}.get(self.role, revision)

    def __str__(self) -> str:
        return f"{self.kind} ({self.role})"


ENDPOINT = Slot("Service", "endpoint")
HEADLESS = Slot("Service", "revision")
DEPLOYMENT = Slot("Deployment", "revision")
AUTOSCALER = Slot("HorizontalPodAutoscaler", "revision")
BUDGET = Slot("PodDisruptionBudget", "revision")
CRON_JOB = Slot("CronJob", "retrain")
RECORD = Slot("ControllerRevision", "revision")
SLOTS = (ENDPOINT, HEADLESS, DEPLOYMENT, AUTOSCALER, BUDGET, CRON_JOB, RECORD)


@dataclass(frozen=True, eq=False)
class Edit:
    """One edit by hand of one child: a JSON patch."""

    slot: Slot
    op: str
    path: str
    value: Any = None

    @property
    def patch(self) -> list[Json]:
        said = {"value": self.value} if self.op != "remove" else {}
        return [{"op": self.op, "path": self.path, **said}]

    def __str__(self) -> str:
        said = "" if self.op == "remove" else f" {self.value!r}"
        return f"{self.slot}: {self.op} {self.path}{said}"


@dataclass
class Edits:
    """Edits of fields that the operator renders."""

    changes: list[Edit]
    removals: list[Edit]
    refused: list[Edit]
    """The API server protects these fields itself."""
    vain: list[Edit]
    """What is taken out comes back by itself: the API server's default is what we render."""


async def edits_of(crowd: Crowd, namespace: str, owner: Json, children: list[Json]) -> Edits:
    """Return for every field that is rendered an edit, and one that takes it out."""
    found = Edits([], [], [], [])
    revision = owner["status"]["serving"]["revision"]
    wanted = {(one["kind"], one["metadata"]["name"]): one for one in _rendered(owner, children)}

    async def find(one: tuple[Slot, list[Edit]]) -> None:
        slot, attempts = one
        where = path_of(namespace, slot, owner["metadata"]["name"], revision)
        answers = []
        for edit in attempts:
            answers.append(await _attempt(crowd, where, edit))
            if answers[-1]:
                (found.removals if edit.op == "remove" else found.changes).append(edit)
                return
        (found.vain if False in answers else found.refused).append(attempts[0])

    rendered = [
        (slot, wanted[slot.kind, slot.name(owner["metadata"]["name"], revision)]) for slot in SLOTS
    ]
    await side_by_side(
        find,
        [
            (slot, attempts)
            for slot, manifest in rendered
            for path, value in _leaves(_editable(manifest))
            for attempts in _attempts(slot, path, value)
        ],
    )
    return found


def _rendered(owner: Json, children: list[Json]) -> list[Json]:
    snapshot = Snapshot(
        owner=owner,
        spec=ModelDeploymentSpec.model_validate(owner["spec"]),
        now=datetime.now(UTC),
        children=tuple(children),
    )
    return [manifest for _, manifest in make_plan(snapshot, may_act=False).wanted]


def _editable(manifest: Json) -> Json:
    """Return what we render but for the owner: a child taken from it is no child any more. The data
    of a record are immutable, and its number is nowhere else."""
    body = {key: one for key, one in manifest.items() if key not in NOT_OURS_TO_EDIT}
    if manifest["kind"] == "Deployment":
        body["spec"] = {key: one for key, one in body["spec"].items() if key != "replicas"}
    return {**body, "metadata": {"labels": manifest["metadata"]["labels"]}}


def _leaves(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Iterate over all single values with their paths."""
    inner: Any = value.items() if isinstance(value, dict) else None
    inner = enumerate(value) if isinstance(value, list | tuple) else inner
    if not inner or not value:
        yield path, value
    else:
        for step, one in inner:
            yield from _leaves(one, (*path, step))


def _attempts(slot: Slot, path: tuple[Step, ...], value: Any) -> Iterator[list[Edit]]:
    where = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    if others := _others(value):
        yield [Edit(slot, "replace", where, other) for other in others]
    yield [Edit(slot, "remove", where)]


def _others(value: Any) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, max(0, value - 1)]
        case str():
            return [f"{value}b", *(word for word in WORDS if word != value)]
        case _:
            return []


async def _attempt(crowd: Crowd, where: str, edit: Edit) -> bool | None:
    """Return whether an edit changes the child; None when it is refused."""
    before = await crowd.ask("GET", where)
    try:
        after = await crowd.ask("PATCH", where, edit.patch, JSON_PATCH, dryRun="All")
    except ApiRefusal:
        return None
    return bare(before) != bare(after)


def bare(child: Json) -> Json:
    """Return what users and the operator say in a child."""
    metadata = child["metadata"]
    return {
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "finalizers": metadata.get("finalizers"),
        **{key: one for key, one in child.items() if key in ("spec", "data", "revision")},
    }


def path_of(namespace: str, slot: Slot, owner: str, revision: str) -> str:
    return f"{collection(slot.kind, namespace)}/{slot.name(owner, revision)}"
