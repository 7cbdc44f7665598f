"""Revisions: which one spec wants, which one serves, and which take part."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names, routers
from contender.core.commands import Refusal, note_retraining, obey_rollback
from contender.core.experiment.conduct import Conduct, conduct
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
    with_model,
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
    must_earn: bool = False
    """Whether the wanted one serves only after it has won an Experiment."""
    trials: Conduct = field(default_factory=Conduct)
    """All Experiments of the endpoint."""
    refusals: tuple[Refusal, ...] = ()
    drained_at: datetime | None = None
    """When the next replaced revision may go."""

    @property
    def candidate(self) -> Record | None:
        """What is about to take over."""
        return None if self.serving and self.wanted.name == self.serving.name else self.wanted

    @property
    def tried(self) -> frozenset[str]:
        """Revisions that only an Experiment wants: what is refused of them is its concern alone."""
        needed = {self.wanted.name} if not self.must_earn else set()
        needed |= {self.serving.name} if self.serving else set()
        return frozenset(self.trials.floors) - needed

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
    served = serving
    if may_act and _takes_over(snapshot, records, wanted, serving):
        now = _moment_of_a_switch(snapshot, records)
        records = replaced(records, wanted.marked(ANNOTATION_SERVED_AT=now))
        wanted = _by_name(records, wanted.name)
        serving = wanted
    # What is to serve from now on is told to Experiments once it is written.
    arrived = served is not None and served.name == wanted.name
    trials = conduct(snapshot, records, served, arrived=arrived, may_act=may_act)
    earning = serving is not None and _must_earn(snapshot, records, wanted, serving)
    records = trials.records
    draining, drained_at = _draining(snapshot, records, wanted, serving, trials, earning=earning)
    in_use = {wanted.name, *(record.name for record in draining), *trials.floors}
    if serving:
        in_use.add(serving.name)
    return Revisions(
        records=_kept(records, in_use),
        wanted=next((one for one in records if one.name == wanted.name), wanted),
        serving=_by_name(records, serving.name) if serving else None,
        live=_live(snapshot, records, wanted, serving, draining, trials, earning=earning),
        must_earn=earning,
        trials=trials,
        refusals=refusals,
        drained_at=drained_at,
    )


def _wanted(snapshot: Snapshot, records: tuple[Record, ...]) -> Record:
    """Return the revision that should serve; a new one if none is stored."""
    held = next((record for record in records if names.ANNOTATION_HOLDS in record.marks), None)
    if held:
        return held
    if winner := next((one for one in records if names.ANNOTATION_WON in one.marks), None):
        return _won(snapshot, records, winner)
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


def _won(snapshot: Snapshot, records: tuple[Record, ...], winner: Record) -> Record:
    """Return what serves in place of spec's model: the winner of an Experiment, with the pods that
    spec asks for by now."""
    said = pod_input(snapshot.spec)
    if winner.marks[names.ANNOTATION_WON].partition(" ")[0] == names.digest(said):
        return winner
    words = with_model(said, winner.input)
    pod_hash = names.digest(words)
    found = next((one for one in records if one.pod_hash == pod_hash), None)
    kept = {
        key: winner.marks[key]
        for key in (names.ANNOTATION_WON, names.ANNOTATION_EARNED)
        if key in winner.marks
    }
    born = found or _born(snapshot, records, "", words)
    return replace(born, marks={**born.marks, **kept})


def _born(
    snapshot: Snapshot,
    records: tuple[Record, ...],
    refresh: str,
    words: Mapping[str, Any] | None = None,
) -> Record:
    """Return a new record; it inherits which commands were handled, so that none runs twice when
    the older records are gone.

    Args:
        snapshot: what exists.
        records: all stored records.
        refresh: token of the command that asked for it; empty when spec did.
        words: what it is; None: what spec says.
    """
    spec = snapshot.spec
    if words is None:
        words = pod_input(spec)
    else:
        spec = ModelDeploymentSpec.model_validate(words)
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
        workload=render_workload(snapshot.name, name, spec),
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


def _must_earn(
    snapshot: Snapshot, records: tuple[Record, ...], wanted: Record, serving: Record
) -> bool:
    """Return whether the wanted revision serves only after it has won an Experiment: its model is
    new, and spec.rollout asks for one."""
    if snapshot.spec.rollout is None or names.ANNOTATION_HOLDS in wanted.marks:
        return False
    known = {serving.model_hash} | {
        one.model_hash for one in records if names.ANNOTATION_EARNED in one.marks
    }
    return wanted.model_hash not in known


def _takes_over(
    snapshot: Snapshot, records: tuple[Record, ...], wanted: Record, serving: Record | None
) -> bool:
    """Return whether the wanted revision is ready to be switched to."""
    if serving and serving.name == wanted.name:
        return False
    if serving and _must_earn(snapshot, records, wanted, serving):
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
    trials: Conduct,
    *,
    earning: bool,
) -> tuple[tuple[Record, ...], datetime | None]:
    """Return the revisions that keep their pods for now, and until when.

    The delay begins with the switch, and no pod goes before the endpoint has really moved on, or
    while a router may still ask it.
    """
    if serving is None or serving.served_at is None:
        return (), None
    until = serving.served_at + SCALE_DOWN_DELAY
    over = _moved_on(snapshot, serving) and snapshot.now >= until
    taken = {serving.name, *trials.floors} | (set() if earning else {wanted.name})
    kept = tuple(
        record
        for record in records
        if record.name not in taken
        and snapshot.child("Deployment", record.name)
        and (record.name in routers.named(snapshot) or (record.served_at and not over))
    )
    return kept, until if kept and not over else None


def _moved_on(snapshot: Snapshot, serving: Record) -> bool:
    """Return whether no new request goes to any other revision."""
    if selected_revision(snapshot) != serving.name:
        return False
    return not routers.carry_callers(snapshot) or routers.follow_routes(snapshot)


def _live(
    snapshot: Snapshot,
    records: tuple[Record, ...],
    wanted: Record,
    serving: Record | None,
    draining: tuple[Record, ...],
    trials: Conduct,
    *,
    earning: bool,
) -> tuple[Live, ...]:
    scaling = snapshot.spec.scaling
    needed = trials.floors
    least = scaling.least if scaling else 1
    live: list[Live] = []
    if serving:
        # What was replaced a moment ago says how many replicas the load needs.
        served = [record for record in draining if record.served_at]
        floor = max((_candidate_floor(snapshot, record) for record in served), default=least)
        live.append(Live(serving, max(floor, needed.get(serving.name, 0))))
    if serving is None or (wanted.name != serving.name and not earning):
        floor = _candidate_floor(snapshot, serving)
        live.append(Live(wanted, max(floor, needed.get(wanted.name, 0))))
    taken = {one.record.name for one in live}
    live.extend(
        Live(record, needed[record.name])
        for record in records
        if record.name in needed and record.name not in taken
    )
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
