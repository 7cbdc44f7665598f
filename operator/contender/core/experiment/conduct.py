"""Conduct: all Experiments of one endpoint, of which one at a time has the traffic."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.experiment_status import ExperimentStatus
from contender.core import names, routers
from contender.core.errors import explain
from contender.core.experiment import counting
from contender.core.experiment.advance import advance
from contender.core.experiment.course import STARTED, Course, Scene, floors, trial_of
from contender.core.experiment.machine import OPEN, Phase
from contender.core.experiment.orders import read_orders
from contender.core.experiment.patience import hopeless_at
from contender.core.experiment.resolve import Unresolvable, resolve
from contender.core.manifest import Manifest, name_of, parse_time
from contender.core.records import Record, model_input, pod_input, replaced
from contender.core.snapshot import Snapshot
from contender.router.traffic import Trial

LOOK = timedelta(seconds=3)
"""How often the routers' counters are read while an Experiment has the traffic."""


@dataclass(frozen=True)
class Unreadable:
    """An Experiment that this version of the operator does not understand."""

    owner: Manifest
    message: str


@dataclass(frozen=True)
class Conduct:
    """All Experiments of one endpoint."""

    courses: tuple[Course, ...] = ()
    """In the order of their creation."""
    unreadable: tuple[Unreadable, ...] = ()
    records: tuple[Record, ...] = ()
    """All records, those of candidates included."""
    incumbent: str = ""
    """Revision that served when all of this was decided."""
    trial: Trial | None = None
    """What the routers should do for the one that has the traffic."""
    needs_routers: bool = False
    """Whether one is about to need them, or does."""
    floors: Mapping[str, int] = field(default_factory=lambda: {})
    """By revision: how many pods it needs for an Experiment."""
    settled: bool = False
    """Whether all routers do what the active one wants."""
    reports: counting.Reports | None = None
    """What the routers said, when they did what the active one wanted."""
    again_at: datetime | None = None
    """When time alone changes something."""

    @property
    def active(self) -> Course | None:
        """The one that has the traffic."""
        return next((one for one in self.courses if one.phase in STARTED), None)


def conduct(
    snapshot: Snapshot,
    records: tuple[Record, ...],
    serving: Record | None,
    *,
    arrived: bool,
    may_act: bool,
) -> Conduct:
    """Return how all Experiments go on.

    Args:
        snapshot: what exists.
        records: all stored revisions.
        serving: the one that serves.
        arrived: whether that is what spec wants.
        may_act: whether anything may be decided; False tells how things stand.
    """
    courses, unreadable = _read(snapshot)
    if not courses:
        return Conduct(unreadable=unreadable, records=_unmarked(records, ()))
    turn = _whose_turn(courses, arrived=arrived)
    going: list[Course] = []
    reports = None
    for course in courses:
        ahead = "" if turn is None or turn.name == course.name else turn.name
        scene = Scene(snapshot, records, serving, arrived, ahead, None)
        if course is turn:
            reports = _reports(course, scene)
            scene = replace(scene, reports=reports)
        complete = _with_lost_records(course, scene)
        after = advance(complete, scene) if may_act else course
        going.append(after)
        records = _with(records, after.records)
    records = _marked(snapshot, records, tuple(going)) if may_act else records
    scene = Scene(snapshot, records, serving, arrived, "", reports)
    active = next((one for one in going if one.phase in STARTED), None)
    needed = {
        revision: pods for course in going for revision, pods in floors(course, scene).items()
    }
    trial = trial_of(active, scene) if active else None
    return Conduct(
        courses=tuple(going),
        unreadable=unreadable,
        records=records,
        incumbent=serving.name if serving else "",
        trial=trial,
        settled=trial is not None and scene.does(trial),
        needs_routers=active is not None,
        floors=needed,
        reports=reports,
        again_at=_again_at(going, active, trial, snapshot),
    )


def _read(snapshot: Snapshot) -> tuple[list[Course], tuple[Unreadable, ...]]:
    courses: list[Course] = []
    unreadable: list[Unreadable] = []
    for owner in sorted(snapshot.experiments, key=_age):
        if owner["metadata"].get("deletionTimestamp"):
            continue
        try:
            spec = ExperimentSpec.model_validate(owner["spec"])
            status = ExperimentStatus.model_validate(owner.get("status") or {})
            Phase(status.phase)
        except (ValidationError, ValueError) as error:
            said = explain(error) if isinstance(error, ValidationError) else str(error)
            message = f"it cannot be read by this version of the operator: {said}"
            unreadable.append(Unreadable(owner, message))
        else:
            courses.append(Course(owner, spec, status, read_orders(owner, status)))
    return courses, tuple(unreadable)


def _age(owner: Manifest) -> tuple[str, str]:
    return owner["metadata"]["creationTimestamp"], name_of(owner)


def _with_lost_records(course: Course, scene: Scene) -> Course:
    """Resolve the candidates once more if one of their records was deleted by hand."""
    plan = course.status.plan
    if plan is None or scene.serving is None or course.phase not in STARTED:
        return course
    lost = {one.revision for one in plan.candidates if scene.record(one.revision) is None}
    if not lost:
        return course
    try:
        resolved = resolve(scene.snapshot, course.spec, scene.records, scene.serving)
    except Unresolvable:
        return course
    return replace(course, records=tuple(one for one in resolved.records if one.name in lost))


def _whose_turn(courses: list[Course], *, arrived: bool) -> Course | None:
    """Return the one that has the traffic, or the oldest that waits for it. While spec's model has
    an Experiment to win, all others wait for that one."""
    started = [one for one in courses if one.phase in STARTED]
    waiting = [
        one
        for one in courses
        if one.phase == Phase.PENDING and not one.paused and (arrived or one.owned)
    ]
    return next(iter([*started, *waiting]), None)


def _reports(course: Course, scene: Scene) -> counting.Reports | None:
    """Return what routers counted, if all do what the Experiment wanted at the last look."""
    trial = trial_of(course, scene)
    if trial is None or scene.serving is None:
        return None
    traffic = scene.traffic(trial)
    hashed = names.digest(traffic)
    if not routers.work_with(scene.snapshot, hashed):
        return None
    scrapes = {router: one.scrape for router, one in scene.snapshot.routers.items()}
    return counting.read_reports(traffic, hashed, scrapes) if all(scrapes.values()) else None


def _with(records: tuple[Record, ...], more: tuple[Record, ...]) -> tuple[Record, ...]:
    known = {record.name for record in records}
    return (*reversed([one for one in more if one.name not in known]), *records)


def _marked(
    snapshot: Snapshot,
    records: tuple[Record, ...],
    courses: tuple[Course, ...],
) -> tuple[Record, ...]:
    """Note on the records of winners that they have earned to serve."""
    winners: set[str] = set()
    for course in courses:
        if course.owned and course.phase == Phase.REJECTED:
            records = _rejected(records, course)
        winner = course.winner
        record = next((one for one in records if winner and one.name == winner.revision), None)
        if record is None or course.phase not in OPEN:
            continue
        winners.add(record.name)
        marked = record.marked(ANNOTATION_EARNED=course.name)
        if course.follows_winner(snapshot):
            words = pod_input(snapshot.spec)
            against = f"{names.digest(words)} {names.digest(model_input(words))}"
            marked = marked.marked(ANNOTATION_WON=against)
        records = replaced(records, marked)
    return _unmarked(records, winners)


def _rejected(records: tuple[Record, ...], course: Course) -> tuple[Record, ...]:
    """Note that a model was rejected, so that it is not tried again when the Experiment is gone."""
    plan, verdict = course.status.plan, course.status.verdict
    hashes = {one.model_hash for one in plan.candidates} if plan else set()
    why = verdict.message[:256] if verdict else "rejected"
    return tuple(
        one.marked(ANNOTATION_REJECTED=why)
        if one.model_hash in hashes and names.ANNOTATION_REJECTED not in one.marks
        else one
        for one in records
    )


def _unmarked(records: tuple[Record, ...], winners: Collection[str]) -> tuple[Record, ...]:
    """Take the marks from those that never came to serve: an abort was faster."""
    return tuple(
        one.marked(ANNOTATION_EARNED="", ANNOTATION_WON="")
        if _is_marked(one) and not one.served_at and one.name not in winners
        else one
        for one in records
    )


def _is_marked(record: Record) -> bool:
    return names.ANNOTATION_EARNED in record.marks or names.ANNOTATION_WON in record.marks


def _again_at(
    courses: list[Course], active: Course | None, trial: Trial | None, snapshot: Snapshot
) -> datetime | None:
    moments: list[datetime] = []
    if active:
        moments += [
            moment
            for one in active.left
            if (moment := hopeless_at(snapshot, one.revision)) and moment > snapshot.now
        ]
        if trial:
            moments.append(snapshot.now + LOOK)
        at, step = active.status.step, active.step
        if at and at.started_at and step and step.until and step.until.at_least:
            over = parse_time(at.started_at) + timedelta(seconds=seconds(step.until.at_least))
            moments += [over] if over > snapshot.now else []
    for course in courses:
        if course.phase == Phase.AWAITING_SPEC and course.status.promotion:
            until = parse_time(course.status.promotion.until)
            moments += [until] if until > snapshot.now else []
    return min(moments, default=None)
