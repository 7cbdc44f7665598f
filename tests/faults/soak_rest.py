"""What must hold once the operator is at rest: nothing is left to do, and status says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from contender.api.v1alpha1 import API_VERSION, ModelDeploymentSpec
from contender.controller.apply import NameConflict
from contender.core import names
from contender.core.children import CHILDREN
from contender.core.children.base import POD
from contender.core.diff import Create, Write, diff, differences
from contender.core.manifest import Manifest, annotation, label, name_of, owned_by
from contender.core.plan import Plan, Problem, make_plan
from contender.core.snapshot import Snapshot
from contender.core.status import make_status
from tests.golden import world as golden
from tests.scenarios.world import World

RESOURCES = {child.resource.kind: child.resource.api_version for child in CHILDREN} | {
    POD.resource.kind: POD.resource.api_version
}
REVISION_KINDS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
HISTORY = (".replicas", ".minReplicas", "revision", "spec.suspend", "metadata.annotations.")
"""Fields in which what has happened before may show."""


class Rest:
    """One look at a namespace."""

    def __init__(self, world: World) -> None:
        self._objects: list[Manifest] = []
        # Owners last: what is read of them is not older than the rest.
        for kind, api_version in RESOURCES.items():
            for one in world.kube.all(kind, world.namespace):
                self._objects.append({**one, "kind": kind, "apiVersion": api_version})
        found = world.kube.all("ModelDeployment", world.namespace)
        identity = {"kind": "ModelDeployment", "apiVersion": API_VERSION}
        self._owners = {name_of(one): {**one, **identity} for one in found}

    @property
    def owners(self) -> list[str]:
        return sorted(self._owners)

    def next_moment(self) -> datetime | None:
        """When time alone changes something."""
        plans = [make_plan(self._snapshot(name)) for name in self._owners]
        return min((plan.again_at for plan in plans if plan.again_at), default=None)

    def complaints(self) -> list[str]:
        """Return everything that is not as it should be."""
        found = [f"{name}: {one}" for name in self.owners for one in self._complaints(name)]
        orphans = [
            f"{one['kind']} {name_of(one)} belongs to nobody"
            for one in self._objects
            if annotation(one, names.ANNOTATION_APPLIED) and not self._is_owned(one)
        ]
        return [*found, *orphans]

    def is_well(self, name: str) -> list[str]:
        """Return what is missing until a ModelDeployment serves what is wanted, and only that."""
        snapshot = self._snapshot(name)
        status = snapshot.status
        serving = status.get("serving") or {}
        found = [f"{name} is {status.get('phase')}"] if status.get("phase") != "Ready" else []
        if serving.get("version") != self._wanted_version(snapshot):
            found.append(f"{name} serves {serving.get('version')}")
        alive = [name_of(one) for one in snapshot.of_kind("Deployment")]
        if alive != [serving.get("revision")]:
            found.append(f"{name} has {alive}")
        return found

    def _complaints(self, name: str) -> Iterator[str]:
        snapshot = self._snapshot(name)
        plan = make_plan(snapshot)
        writes = diff(snapshot, plan, CHILDREN)
        problem = None
        if writes and (conflict := self._conflict(writes[0])):
            problem = Problem(conflict.reason, conflict.message)
            plan = make_plan(snapshot, may_act=False)
        elif writes:
            yield f"left to do: {[_title(one) for one in writes]}"
        expected = _timeless(make_status(snapshot, plan, problem))
        told = _timeless(dict(snapshot.status))
        for key in sorted({*expected, *told}):
            if expected.get(key) != told.get(key):
                yield f"status.{key} is {told.get(key)}, not {expected.get(key)}"
        if not writes:
            yield from self._unlike_fresh(snapshot, plan)

    def _conflict(self, write: Write) -> NameConflict | None:
        """Return the conflict that a creation runs into."""
        if not isinstance(write, Create):
            return None
        title = (write.manifest["kind"], name_of(write.manifest))
        holder = next((one for one in self._objects if (one["kind"], name_of(one)) == title), None)
        return NameConflict(write, holder) if holder else None

    def _unlike_fresh(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """Compare with what one apply of the same spec gives where nothing was before."""
        if snapshot.paused:
            return
        fresh = golden.World(snapshot.name)
        fresh.replace_spec(snapshot.owner["spec"])
        wanted = {fresh.reconcile().status["candidate"]["revision"], snapshot.name}
        if plan.revisions.wanted.name not in wanted:
            wanted = {snapshot.name}  # rolled back or refreshed: other pods than spec alone gives
        for (kind, name), one in fresh.objects.items():
            if kind == "CronJob" or name in wanted:
                yield from self._unlike(kind, name, one, snapshot)

    def _unlike(self, kind: str, name: str, fresh: Manifest, snapshot: Snapshot) -> Iterator[str]:
        live = snapshot.child(kind, name)
        if live is None:
            yield f"there is no {kind} {name}"
            return
        for field in differences(fresh, live):
            others = name == snapshot.name and field.startswith("spec.")  # it leads elsewhere yet
            if not others and not any(word in field for word in (*HISTORY, ".clusterIP")):
                yield f"{kind} {name}: {field} is not as of a fresh apply"

    def _wanted_version(self, snapshot: Snapshot) -> str:
        """The version that is wanted, in the words of the user."""
        for record in snapshot.of_kind("ControllerRevision"):
            if annotation(record, names.ANNOTATION_HOLDS):
                return label(record, names.LABEL_VERSION)
        return str(snapshot.owner["spec"]["model"]["version"])

    def _is_owned(self, one: Manifest) -> bool:
        uids = {owner["metadata"]["uid"] for owner in self._owners.values()}
        return any(owned_by(one, uid) for uid in uids)

    def _snapshot(self, name: str) -> Snapshot:
        owner = self._owners[name]
        uid = owner["metadata"]["uid"]
        # Whose label was taken off is not seen, unless its name is wanted again.
        seen = [one for one in self._objects if label(one, names.LABEL_OWNER) == name]
        children = [one for one in seen if one["kind"] != "Pod" and owned_by(one, uid)]
        makers = [one["metadata"]["uid"] for one in children if one["kind"] == "CronJob"]
        return Snapshot(
            owner=owner,
            spec=ModelDeploymentSpec.model_validate(owner["spec"]),
            now=datetime.now(UTC),
            children=tuple(children),
            pods=tuple(one for one in seen if one["kind"] == "Pod"),
            runs=tuple(
                one
                for one in seen
                if one["kind"] == "Job" and any(owned_by(one, maker) for maker in makers)
            ),
        )


def _title(write: Write) -> str:
    kind, name = write.manifest["kind"], name_of(write.manifest)
    fields = getattr(write, "fields", "")
    return f"{type(write).__name__.lower()} {kind} {name} {fields}"


def _timeless(status: dict[str, Any]) -> dict[str, Any]:
    conditions = [{**one, "lastTransitionTime": ""} for one in status.get("conditions") or []]
    timeless = {**status, "conditions": conditions}
    if "retraining" in timeless:
        # The next run moves on when it comes.
        timeless["retraining"] = {**timeless["retraining"], "nextRun": ""}
    return timeless
