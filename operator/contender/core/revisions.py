"""Revisions: which one spec wants, which one serves, and which take part."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contender.core import names
from contender.core.commands import Refusal, note_retraining, obey_rollback
from contender.core.manifest import format_micro_time
from contender.core.records import (
    GUESSED,
    Record,
    answering_revision,
    handled,
    pod_input,
    replaced,
    selected_revision,
    stored_records,
)
from contender.core.snapshot import Snapshot
from contender.core.template import render_workload

SCALE_DOWN_DELAY = timedelta(seconds=30)
"""How long a replaced revision keeps its pods, for connections that still go to them and for an
instant way back (the default of Argo Rollouts' scaleDownDelaySeconds)."""

STORED_REVISIONS = 10
"""How many revisions are kept for a rollback."""


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
            things stand.
    """
    records = stored_records(snapshot)
    obeyed, refusals = obey_rollback(snapshot, note_retraining(snapshot, records))
    if may_act:
        records = _with_first(snapshot, obeyed)
    wanted = _wanted(snapshot, records)
    if may_act and wanted not in records:
        records = (wanted, *(record for record in records if record.name != wanted.name))
    serving = _serving(records) or _first(snapshot, records)
    if may_act and _takes_over(snapshot, wanted, serving):
        now = _moment_of_a_switch(snapshot, records)
        records = replaced(records, wanted.marked(ANNOTATION_SERVED_AT=now))
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


def _moment_of_a_switch(snapshot: Snapshot, records: tuple[Record, ...]) -> str:
    """Return the present moment, but always after all earlier switches: the newest one serves, also
    when the clock was put back."""
    switches = [record.served_at for record in records if record.served_at]
    after = [switch + timedelta(microseconds=1) for switch in switches]
    return format_micro_time(max([snapshot.now, *after]))


def _first(snapshot: Snapshot, records: tuple[Record, ...]) -> Record | None:
    """Return the revision that answers callers although none was ever switched to: the endpoint
    selects the first one before it is ready, and nobody acts during a pause or a standstill."""
    if _serving(records):
        return None
    answers = answering_revision(snapshot, records)
    if not snapshot.pods_ready(answers):
        return None
    return next((record for record in records if record.name == answers), None)


def _with_first(snapshot: Snapshot, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Note that the first revision serves, before another one can be wanted in its place."""
    first = _first(snapshot, records)
    if first is None:
        return records
    now = format_micro_time(snapshot.now)
    return replaced(records, first.marked(ANNOTATION_SERVED_AT=now))


def _takes_over(snapshot: Snapshot, wanted: Record, serving: Record | None) -> bool:
    """Return whether the wanted revision is ready to be switched to."""
    if serving and serving.name == wanted.name:
        return False
    if serving is None or snapshot.pods_ready(serving.name) == 0:
        # Nobody is answered now: the first ready pod is better than waiting for all.
        return snapshot.pods_ready(wanted.name) >= 1
    return snapshot.pods_available(wanted.name) >= _candidate_floor(snapshot, serving)


def _candidate_floor(snapshot: Snapshot, serving: Record | None) -> int:
    """Return how many replicas a candidate needs to take over all that the serving one bears."""
    scaling = snapshot.spec.scaling
    least, most = (scaling.least, scaling.most) if scaling else (1, 1)
    current = snapshot.pods_wanted(serving.name) if serving else 0
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
    moved_on = selected_revision(snapshot) == serving.name
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
        Live(record, least if automatic else snapshot.pods_wanted(record.name))
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


def _by_name(records: tuple[Record, ...], name: str) -> Record:
    return next(record for record in records if record.name == name)
