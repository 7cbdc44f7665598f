"""Revisions: which are stored, which one spec wants, which one serves, and which take part.

The truth is in the ControllerRevisions: what a revision is (frozen at its birth) and what happened
to it (marks in annotations). Status can be lost; this cannot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.manifest import (
    Manifest,
    annotation,
    format_micro_time,
    label,
    name_of,
    parse_time,
)
from contender.core.snapshot import Snapshot
from contender.core.template import RENDERER, render_workload

SCALE_DOWN_DELAY = timedelta(seconds=30)
"""How long a replaced revision keeps its pods, for connections that still go to them and for an
instant way back (the default of Argo Rollouts' scaleDownDelaySeconds)."""

STORED_REVISIONS = 10
"""How many revisions are kept for a rollback."""

GUESSED = "guessed"
"""Renderer of a record whose words were lost and are guessed from its pods: it may go on serving,
but it is never what spec wants."""

_MARKS = (
    names.ANNOTATION_SERVED_AT,
    names.ANNOTATION_HOLDS,
    names.COMMAND_ROLLBACK,
    names.COMMAND_RETRAIN,
    names.COMMAND_REFRESH,
)


def pod_input(spec: ModelDeploymentSpec) -> dict[str, Any]:
    """Return the user fields that decide what runs in a pod."""
    said = spec.canonical()
    return {key: said[key] for key in ("model", "transformer", "pod") if key in said}


def model_input(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of `pod_input`, the fields that decide which answers the model gives."""
    parts = ("version", "image", "command", "args", "env", "envFrom", "volumeMounts")
    decides: dict[str, Any] = {
        role: {key: pod[role][key] for key in parts if key in pod[role]}
        for role in ("model", "transformer")
        if role in pod
    }
    if volumes := pod.get("pod", {}).get("volumes"):
        decides["volumes"] = volumes
    return decides


@dataclass(frozen=True)
class Record:
    """One stored revision."""

    name: str
    number: int
    """Order of birth within the ModelDeployment."""
    input: Mapping[str, Any]
    """What the user said, canonical."""
    workload: Mapping[str, Any]
    """Pod template and progress settings, as rendered at birth."""
    renderer: str = RENDERER
    marks: Mapping[str, str] = field(default_factory=lambda: {})

    @property
    def version(self) -> str:
        """Version of the model."""
        return self.input["model"]["version"]

    @property
    def image(self) -> str:
        """Image of the model."""
        return self.input["model"]["image"]

    @property
    def account(self) -> str:
        """Service account of its pods, or the empty string for the namespace's default."""
        return self.workload["template"]["spec"].get("serviceAccountName", "")

    @cached_property
    def pod_hash(self) -> str:
        """Hash of all user fields of the pod."""
        return names.digest(self.input)

    @cached_property
    def model_hash(self) -> str:
        """Hash of the user fields that decide the answers."""
        return names.digest(model_input(self.input))

    @property
    def served_at(self) -> datetime | None:
        """When the revision last began to serve."""
        mark = self.marks.get(names.ANNOTATION_SERVED_AT)
        return parse_time(mark) if mark else None

    def marked(self, **marks: str) -> "Record":
        """Return the record with more marks; keyword names are those of `names`, an empty value
        removes the mark."""
        merged = {**self.marks, **{getattr(names, key): value for key, value in marks.items()}}
        return replace(self, marks={key: value for key, value in merged.items() if value})


@dataclass(frozen=True)
class Refusal:
    """A command that cannot be carried out, and how to mend it."""

    command: str
    message: str


@dataclass(frozen=True)
class Live:
    """A revision that has pods."""

    record: Record
    floor: int
    """Least number of replicas that it must keep at the moment."""


@dataclass(frozen=True)
class Revisions:
    """The state of all revisions, after this pass's decisions."""

    records: tuple[Record, ...]
    """What to store, newest first."""
    wanted: Record
    """What spec, or the rollback that holds, wants to serve."""
    serving: Record | None
    """What serves callers; absent until the first revision is ready."""
    live: tuple[Live, ...]
    """What must have pods: serving, candidate, and a replaced revision until its delay is over."""
    refusals: tuple[Refusal, ...] = ()
    drained_at: datetime | None = None
    """When the next replaced revision may go."""

    @property
    def candidate(self) -> Record | None:
        """What is about to take over."""
        return None if self.serving and self.wanted.name == self.serving.name else self.wanted

    @property
    def held(self) -> bool:
        """Whether a rollback holds the wanted revision against spec."""
        return names.ANNOTATION_HOLDS in self.wanted.marks


def decide(snapshot: Snapshot, *, may_act: bool = True) -> Revisions:
    """Decide what is stored, wanted, serving and alive.

    Args:
        snapshot: what exists.
        may_act: whether commands are obeyed and a ready candidate takes over; False tells how
            things stand when nothing can be written.
    """
    records = _stored(snapshot)
    refusals: tuple[Refusal, ...] = ()
    if may_act:
        records, refusals = _obey(snapshot, _note_retraining(snapshot, records))
    wanted = _wanted(snapshot, records)
    if may_act and wanted not in records:
        records = (wanted, *(record for record in records if record.name != wanted.name))
    serving = _serving(records)
    if may_act and _takes_over(snapshot, wanted, serving):
        records = _replaced(
            records, wanted.marked(ANNOTATION_SERVED_AT=format_micro_time(snapshot.now))
        )
        wanted = _by_name(records, wanted.name)
        serving = wanted
    draining, drained_at = _draining(snapshot, records, wanted, serving)
    in_use = {wanted.name, *(record.name for record in draining)}
    if serving:
        in_use.add(serving.name)
    return Revisions(
        records=_kept(records, in_use),
        wanted=wanted,
        serving=serving,
        live=_live(snapshot, wanted, serving, draining),
        refusals=refusals,
        drained_at=drained_at,
    )


def _stored(snapshot: Snapshot) -> tuple[Record, ...]:
    """Read the records; rebuild from its Deployment one that somebody deleted."""
    records = {
        record.name: record
        for record in (_read(child) for child in snapshot.of_kind("ControllerRevision"))
    }
    for deployment in snapshot.of_kind("Deployment"):
        if name_of(deployment) not in records:
            rebuilt = _rebuild(snapshot, deployment, records.values())
            if rebuilt:
                records[rebuilt.name] = rebuilt
    return tuple(sorted(records.values(), key=lambda record: (-record.number, record.name)))


def _read(manifest: Manifest) -> Record:
    data = manifest["data"]
    marks = {key: value for key in _MARKS if (value := annotation(manifest, key))}
    return Record(
        name=name_of(manifest),
        number=manifest["revision"],
        input=data["input"],
        workload=data["workload"],
        renderer=data["renderer"],
        marks=marks,
    )


def _rebuild(snapshot: Snapshot, deployment: Manifest, known: Iterable[Record]) -> Record | None:
    """Return the record that a Deployment was made from, if it is still what spec says.

    A Deployment holds the template but not the user's words. If the endpoint selects a revision
    whose words are lost, they are taken from its template, so that it goes on serving.
    """
    spec = deployment["spec"]
    workload = {
        key: spec[key]
        for key in ("minReadySeconds", "progressDeadlineSeconds", "template")
        if spec.get(key)
    }
    name = name_of(deployment)
    selected = _selected_revision(snapshot) == name
    wanted = pod_input(snapshot.spec)
    refreshes = ("", snapshot.command(names.COMMAND_REFRESH))
    if name in {names.revision_name(snapshot.name, names.digest(wanted), one) for one in refreshes}:
        words: Mapping[str, Any] = wanted
        renderer = RENDERER
    elif selected:
        model = next(
            container
            for container in spec["template"]["spec"]["containers"]
            if container["name"] == names.MODEL_CONTAINER
        )
        version = label(spec["template"], names.LABEL_VERSION)
        words = {"model": {"version": version, "image": model["image"]}}
        renderer = GUESSED
    else:
        return None
    # When it began to serve is lost too; the endpoint says that no other began later.
    born = parse_time(deployment["metadata"]["creationTimestamp"])
    others = [record.served_at for record in known if record.served_at]
    since = max([born, *(other + timedelta(microseconds=1) for other in others)])
    marks = {names.ANNOTATION_SERVED_AT: format_micro_time(since)} if selected else {}
    return Record(name, 0, words, workload, renderer, marks)


def _selected_revision(snapshot: Snapshot) -> str:
    """Return the revision that the endpoint Service selects now."""
    endpoint = snapshot.child("Service", snapshot.name)
    return (endpoint or {}).get("spec", {}).get("selector", {}).get(names.LABEL_REVISION, "")


def _obey(
    snapshot: Snapshot, records: tuple[Record, ...]
) -> tuple[tuple[Record, ...], tuple[Refusal, ...]]:
    """Carry out a new rollback, and release an old one that spec has moved on from."""
    pod_hash = names.digest(pod_input(snapshot.spec))
    records = tuple(
        record.marked(ANNOTATION_HOLDS="")
        if record.marks.get(names.ANNOTATION_HOLDS) not in (None, pod_hash)
        else record
        for record in records
    )
    token = snapshot.command(names.COMMAND_ROLLBACK)
    if not token or handled(records, names.COMMAND_ROLLBACK, token):
        return records, ()
    target = _rollback_target(snapshot.name, token, records)
    if target is None:
        stored = ", ".join(record.name for record in records) or "none yet"
        message = (
            f"no stored revision for {token!r}: write <revision>/<nonce> with one of: {stored}"
        )
        return records, (Refusal(names.COMMAND_ROLLBACK, message),)
    released = tuple(record.marked(ANNOTATION_HOLDS="") for record in records)
    pinned = target.marked(ANNOTATION_HOLDS=pod_hash, COMMAND_ROLLBACK=token)
    return _replaced(released, pinned), ()


def _rollback_target(owner: str, token: str, records: tuple[Record, ...]) -> Record | None:
    revision, slash, nonce = token.partition("/")
    if not slash or not nonce:
        return None
    accepted = {revision, f"{owner}-{revision}"}
    return next((record for record in records if record.name in accepted), None)


def handled(records: tuple[Record, ...], command: str, token: str) -> bool:
    """Return whether a command's token was carried out before."""
    return any(record.marks.get(command) == token for record in records)


def _note_retraining(snapshot: Snapshot, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Note on the newest record that the present command has its Job, so that a Job deleted by
    hand is not started again."""
    token = snapshot.command(names.COMMAND_RETRAIN)
    if not records or not token or handled(records, names.COMMAND_RETRAIN, token):
        return records
    started = any(
        annotation(job, names.COMMAND_RETRAIN) == token for job in snapshot.of_kind("Job")
    )
    return (records[0].marked(COMMAND_RETRAIN=token), *records[1:]) if started else records


def _wanted(snapshot: Snapshot, records: tuple[Record, ...]) -> Record:
    """Return the revision that should serve; a new one if none is stored."""
    held = next((record for record in records if names.ANNOTATION_HOLDS in record.marks), None)
    if held:
        return held
    pod_hash = names.digest(pod_input(snapshot.spec))
    newest = next(
        (one for one in records if one.pod_hash == pod_hash and one.renderer != GUESSED), None
    )
    refresh = snapshot.command(names.COMMAND_REFRESH)
    fresh = bool(refresh) and not handled(records, names.COMMAND_REFRESH, refresh)
    if newest and not fresh:
        return newest
    born = _born(snapshot, records, refresh if newest else "")
    rebuilt = next((record for record in records if record.name == born.name), None)
    if rebuilt:
        # The record was lost, and with it the number and which refresh it came from.
        return replace(rebuilt, number=born.number).marked(COMMAND_REFRESH=refresh)
    return born


def _born(snapshot: Snapshot, records: tuple[Record, ...], refresh: str) -> Record:
    """Return a new record; it inherits which commands were handled, so that none runs twice when
    the older records are gone."""
    words = pod_input(snapshot.spec)
    name = names.revision_name(snapshot.name, names.digest(words), refresh)
    marks = {
        command: token
        for command in (names.COMMAND_ROLLBACK, names.COMMAND_RETRAIN)
        if (token := snapshot.command(command)) and handled(records, command, token)
    }
    if token := snapshot.command(names.COMMAND_REFRESH):
        marks[names.COMMAND_REFRESH] = token
    return Record(
        name=name,
        number=max((record.number for record in records), default=0) + 1,
        input=words,
        workload=render_workload(snapshot.name, name, snapshot.spec),
        marks=marks,
    )


def _serving(records: tuple[Record, ...]) -> Record | None:
    served = [record for record in records if record.served_at]
    return max(served, key=lambda record: record.marks[names.ANNOTATION_SERVED_AT], default=None)


def _takes_over(snapshot: Snapshot, wanted: Record, serving: Record | None) -> bool:
    """Return whether the wanted revision is ready to be switched to."""
    if serving and serving.name == wanted.name:
        return False
    if serving is None or pods_ready(snapshot, serving.name) == 0:
        # Nobody is answered now: the first ready pod is better than waiting for all.
        return pods_ready(snapshot, wanted.name) >= 1
    return pods_available(snapshot, wanted.name) >= _candidate_floor(snapshot, serving)


def _candidate_floor(snapshot: Snapshot, serving: Record | None) -> int:
    """Return how many replicas a candidate needs to take over all that the serving one bears."""
    scaling = snapshot.spec.scaling
    least, most = (scaling.least, scaling.most) if scaling else (1, 1)
    current = pods_wanted(snapshot, serving.name) if serving else 0
    return max(least, min(current, most))


def _draining(
    snapshot: Snapshot,
    records: tuple[Record, ...],
    wanted: Record,
    serving: Record | None,
) -> tuple[tuple[Record, ...], datetime | None]:
    """Return the replaced revisions that keep their pods for now, and until when.

    The delay begins with the switch, and no pod goes before the endpoint has really moved on.
    """
    if serving is None or serving.served_at is None:
        return (), None
    until = serving.served_at + SCALE_DOWN_DELAY
    moved_on = _selected_revision(snapshot) == serving.name
    if moved_on and snapshot.now >= until:
        return (), None
    replaced = tuple(
        record
        for record in records
        if record.name not in (wanted.name, serving.name)
        and record.served_at
        and snapshot.child("Deployment", record.name)
    )
    return replaced, until if replaced else None


def _live(
    snapshot: Snapshot,
    wanted: Record,
    serving: Record | None,
    draining: tuple[Record, ...],
) -> tuple[Live, ...]:
    scaling = snapshot.spec.scaling
    least = scaling.least if scaling else 1
    live: list[Live] = []
    if serving:
        # What was replaced a moment ago says how many replicas the load needs.
        floor = max((_candidate_floor(snapshot, record) for record in draining), default=least)
        live.append(Live(serving, floor))
    if serving is None or wanted.name != serving.name:
        live.append(Live(wanted, _candidate_floor(snapshot, serving)))
    automatic = scaling is not None and scaling.automatic
    # Without an autoscaler the floor is the number: it stays until the pods go.
    live.extend(
        Live(record, least if automatic else pods_wanted(snapshot, record.name))
        for record in draining
    )
    return tuple(live)


def _kept(records: tuple[Record, ...], in_use: set[str]) -> tuple[Record, ...]:
    """Drop the oldest records beyond the limit, but none that is in use."""
    spare = STORED_REVISIONS - len(in_use)
    kept: list[Record] = []
    for record in records:
        if record.name in in_use:
            kept.append(record)
        elif spare > 0:
            kept.append(record)
            spare -= 1
    return tuple(kept)


def _replaced(records: tuple[Record, ...], changed: Record) -> tuple[Record, ...]:
    return tuple(changed if record.name == changed.name else record for record in records)


def _by_name(records: tuple[Record, ...], name: str) -> Record:
    return next(record for record in records if record.name == name)


def pods_wanted(snapshot: Snapshot, revision: str) -> int:
    """Return the replicas that the revision's Deployment asks for."""
    deployment = snapshot.child("Deployment", revision)
    return deployment["spec"].get("replicas", 0) if deployment else 0


def pods_ready(snapshot: Snapshot, revision: str) -> int:
    """Return how many pods of the revision are ready."""
    return _deployment_count(snapshot, revision, "readyReplicas")


def pods_available(snapshot: Snapshot, revision: str) -> int:
    """Return how many pods of the revision have been ready for `warmup.minReady`."""
    return _deployment_count(snapshot, revision, "availableReplicas")


def _deployment_count(snapshot: Snapshot, revision: str, key: str) -> int:
    deployment = snapshot.child("Deployment", revision)
    return (deployment or {}).get("status", {}).get(key, 0)
