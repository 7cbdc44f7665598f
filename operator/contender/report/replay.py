"""Replay: the looks of an Experiment weighed once more, by the functions that decided about it.

The operator weighs looks in their order, each once, so that the same looks give the same numbers
again. What looks do not know is when a candidate went for another reason, such as a guardrail: it
is taken to have gone after the last look that its numbers in status agree with. Nor do they know
what routers had counted at that time: where it matters, both is tried, nothing and all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from contender.api.v1alpha1 import ExperimentStatus
from contender.api.v1alpha1.experiment_status import ArmStatus, Comparison
from contender.core.experiment import words
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.decisions import TABLE, Case, Decision, Rule
from contender.core.experiment.looks import Look
from contender.core.experiment.machine import Phase
from contender.core.experiment.orders import Orders
from contender.core.experiment.validity import is_mismatched
from contender.core.experiment.verdicts import (
    Outcome,
    at_the_end,
    case_of,
    concluded,
    exhausted,
    invalidities,
    proven,
    rejecting,
    tasks,
    weigh_looks,
    why_decided,
)
from contender.core.experiment.weighing import Key, Task, Weighed, needed, weigh
from contender.core.snapshot import Snapshot
from contender.report.material import Material, looks_of

TIME_IS_OVER = "TimeIsOver"
"""Reason of a status."""
MISMATCHED = words.why(Case(mismatched=True), Decision.INCONCLUSIVE, [], "")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Point:
    """What one look says about an objective of a candidate."""

    number: int
    at: float
    """Seconds since 1970."""
    rows: float
    difference: float
    """The candidate's mean minus the incumbent's."""
    low: float
    high: float
    """Its interval; infinite: nobody can tell yet."""
    evidence: float
    """ln E."""
    spends: bool
    """Whether it was the one look that spends what is kept for the horizon."""


@dataclass(frozen=True)
class Curve:
    """What all looks say about an objective of a candidate."""

    objective: str
    candidate: str
    segment: str
    """Empty: all rows."""
    loss: str
    is_reward: bool
    """Whether more is better."""
    goal: float
    """The difference that the interval must exclude."""
    needed: float
    """ln E from which on it is decided."""
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Ruling:
    """What becomes of a candidate, and by which line of the table."""

    candidate: str
    rule: Rule
    why: str


@dataclass(frozen=True)
class Replay:
    """What follows from the looks."""

    comparisons: tuple[Comparison, ...] = ()
    curves: tuple[Curve, ...] = ()
    missed: Mapping[str, str] = field(default_factory=lambda: {})
    """Candidates that missed an objective, or of which nothing was known at the end, and why."""
    gone: Mapping[str, str] = field(default_factory=lambda: {})
    """Candidates that were rejected for what no look knows, and why."""
    leader: str = ""
    """Who was the first to reach all objectives."""
    proven: tuple[str, ...] = ()
    """Who may have won by the objectives."""
    undecided: tuple[str, ...] = ()
    """What may have been said of why nothing can be decided."""
    last: int = 0
    """Number of the last look that was weighed."""
    rulings: tuple[Ruling, ...] = ()
    """Of all candidates of which anything is known."""


def replay(material: Material) -> Replay:
    """Weigh all looks again.

    Raises:
        Unreadable: a look is none.
    """
    if material.subject.status.plan is None:
        return Replay()
    looks = looks_of(material.looks)
    fates = _fates(material, looks)
    play = _Play(material)
    for look in looks:
        if play.lose(fates, look.number - 1) or play.weigh(look):
            break
    play.lose(fates, None)
    return _told(play, fates)


class _Cause(Enum):
    """Why a candidate was rejected."""

    MISSED = "it has missed an objective"
    NOTHING_KNOWN = "nothing was known of it at the end"
    OTHER = "something that looks do not know"


@dataclass(frozen=True)
class _Fate:
    """How a candidate was rejected."""

    cause: _Cause
    after: int
    """Number of the last look that was weighed of it."""
    why: str


def _fates(material: Material, looks: Sequence[Look]) -> dict[str, _Fate]:
    """Return how the candidates were rejected that status calls so."""
    return {
        one.name: _fate(material, looks, one.name, one.message)
        for one in material.subject.status.arms or []
        if one.state == "Rejected" and one.role == "Challenger"
    }


def _fate(material: Material, looks: Sequence[Look], name: str, told: str) -> _Fate:
    """Return how a candidate was rejected, looking at nobody else."""
    status = material.subject.status
    numbers = _of(status.comparisons or [], name)
    # Another version of the operator may have said the same in other words.
    missed = any(one.state == "Missed" for one in numbers.values())
    play, agrees, refusal = _Play(material, only=name), 0, Outcome(Decision.REJECT, told)
    for look in looks:
        found = play.outcomes(look).get(name)
        if found == refusal or (missed and found and found.decision is Decision.REJECT):
            return _Fate(_Cause.MISSED, look.number, told)
        if _of(play.comparisons, name) == numbers:
            agrees = look.number
    if any(at_the_end(one, play.scene).get(name) == refusal for one in play.courses):
        return _Fate(_Cause.NOTHING_KNOWN, status.look, told)
    return _Fate(_Cause.OTHER, agrees if numbers else 0, told)


def _of(comparisons: Iterable[Comparison], candidate: str) -> dict[Key, Comparison]:
    """Return what is known of a candidate, as it is at the end."""
    return {one.key: words.settled(one) for one in comparisons if one.candidate == candidate}


class _Play:
    """An Experiment from its start on, of which nothing but looks is seen.

    Args:
        material: what is known of it.
        only: the only candidate that takes part; empty: all do.
    """

    def __init__(self, material: Material, only: str = "") -> None:
        self.material = material
        self.look: Look | None = None
        """The last one that was weighed."""
        self.points: dict[Key, list[Point]] = {}
        self.tasks: dict[Key, Task] = {}
        self.decided: dict[str, Outcome] = {}
        """By candidate: what a look has decided for good."""
        subject = material.subject
        plan = subject.status.plan
        assert plan is not None
        arms = [
            ArmStatus(
                name=one.name,
                role="Challenger",
                revision=one.revision,
                version=one.version,
                state="Active" if only in ("", one.name) else "Rejected",
            )
            for one in plan.candidates
        ]
        status = ExperimentStatus(
            phase="Running",
            plan=plan,
            arms=arms,
            began_at=subject.status.began_at,
            attempts=subject.status.attempts,
        )
        owner = {"metadata": {"uid": subject.uid, "name": subject.name}}
        self.course = Course(owner, subject.spec, status, Orders({}))

    @property
    def comparisons(self) -> list[Comparison]:
        """All comparisons by now."""
        return self.course.status.comparisons or []

    @property
    def wanted(self) -> list[Task]:
        """All that is weighed by now."""
        return tasks(self.course, self.material.target)

    @property
    def courses(self) -> tuple[Course, Course]:
        """The course without anything that routers counted, and with all of it."""
        status = self.material.subject.status
        counted = self.course.told(epochs=status.epochs, counted_at=status.counted_at)
        return self.course, counted

    @property
    def scene(self) -> Scene:
        """What the course sees: the last look."""
        looks = {self.course.run: (self.look,)} if self.look else {}
        snapshot = Snapshot({}, self.material.target, _EPOCH, looks=looks)
        return Scene(snapshot, (), None, arrived=True, ahead="", reports=None)

    def lose(self, fates: Mapping[str, _Fate], after: int | None) -> bool:
        """Take out who was rejected after a look for what it does not know; None: all of them.
        Return whether nothing can be decided any more."""
        lost = [
            (name, fate)
            for name, fate in fates.items()
            if fate.cause is _Cause.OTHER and after in (None, fate.after)
        ]
        for name, fate in lost:
            self.course = rejecting(self.course, name, fate.why)
        return bool(lost) and self._settle()

    def weigh(self, look: Look) -> bool:
        """Weigh a look, and do what follows; return whether nothing can be decided any more."""
        return self._settle(self.outcomes(look))

    def _settle(self, outcomes: Mapping[str, Outcome] | None = None) -> bool:
        """Do what follows, until nothing does: what becomes of one may decide about another."""
        for _ in range(1 + len(self.course.spec.candidates)):
            if outcomes is None:
                _, outcomes = weigh_looks(self.course, self.scene)
            for name, one in outcomes.items():
                if one.decision in (Decision.PROMOTE, Decision.REJECT):
                    self.decided.setdefault(name, one)
            self.course, triggers = concluded(self.course, outcomes)
            if triggers:
                return True
            outcomes = None
        return False

    def outcomes(self, look: Look) -> Mapping[str, Outcome]:
        """Weigh a look; return what follows from it, if anything does."""
        wanted, before, self.look = self.wanted, self._spent(), look
        self.course, outcomes = weigh_looks(self.course, self.scene)
        spends = self._spent() - before
        for task in wanted:
            if found := task.compare(look):
                self.tasks[task.key] = task
                weighed = weigh(task, found, at_horizon=False)
                points = self.points.setdefault(task.key, [])
                points.append(_point(task, look, weighed, spends=task.key in spends))
        return outcomes

    def _spent(self) -> set[Key]:
        return {one.key for one in self.comparisons if one.spent}


def _point(task: Task, look: Look, weighed: Weighed, *, spends: bool) -> Point:
    sign = _sign(task)
    low, high = sorted((sign * weighed.low, sign * weighed.high))
    return Point(
        number=look.number,
        at=look.at,
        rows=weighed.rows,
        difference=sign * weighed.gain,
        low=low,
        high=high,
        evidence=weighed.evidence,
        spends=spends,
    )


def _sign(task: Task) -> float:
    return 1.0 if task.is_reward else -1.0


def _curve(task: Task, points: Sequence[Point]) -> Curve:
    return Curve(
        objective=task.objective.name,
        candidate=task.candidate,
        segment=task.segment.name if task.segment else "",
        loss=task.loss,
        is_reward=task.is_reward,
        goal=_sign(task) * task.goal + 0.0,
        needed=needed(task),
        points=tuple(points),
    )


def _told(play: _Play, fates: Mapping[str, _Fate]) -> Replay:
    """Return what follows from all looks."""
    other = {name: one.why for name, one in fates.items() if one.cause is _Cause.OTHER}
    known = {
        name: one.why for name, one in fates.items() if one.cause is _Cause.NOTHING_KNOWN
    } | dict(play.course.rejected)
    over = play.material.subject.status.reason == TIME_IS_OVER or any(
        one.cause is _Cause.NOTHING_KNOWN for one in fates.values()
    )
    winners, reasons = _ends(play)
    plan = play.material.subject.status.plan
    rulings = [
        _ruling(play, one.name, fates, over=over) for one in (plan.candidates if plan else ())
    ]
    ended = play.material.subject.status.phase != Phase.RUNNING
    return Replay(
        comparisons=tuple(words.settled(one) if ended else one for one in play.comparisons),
        curves=tuple(_curve(play.tasks[place], one) for place, one in sorted(play.points.items())),
        missed={name: why for name, why in known.items() if name not in other},
        gone=other,
        leader=play.course.status.leader,
        proven=tuple(dict.fromkeys(filter(None, winners))),
        undecided=tuple(dict.fromkeys(filter(None, reasons))),
        last=play.course.status.look,
        rulings=tuple(one for one in rulings if one),
    )


def _ends(play: _Play) -> tuple[list[str], list[str]]:
    """Return who may have won by the objectives, and what may have been said of why nobody did: by
    a look, when time was over, or when all steps were done."""
    winners: list[str] = []
    reasons = [play.course.status.undecided]
    if not play.course.spec.objectives or reasons[0]:
        return winners, reasons
    for course in play.courses:
        ended, _ = concluded(course, at_the_end(course, play.scene))
        winner, why = proven(course, play.scene)
        winners.append(winner)
        reasons += [ended.status.undecided, why]
    if is_mismatched(play.courses[1], play.look):
        reasons.append(MISMATCHED)
    return winners, reasons


def _ruling(play: _Play, name: str, fates: Mapping[str, _Fate], *, over: bool) -> Ruling | None:
    """Return by which line of the table something is decided about a candidate."""
    fate = fates.get(name)
    if fate and fate.cause is _Cause.OTHER:
        return _ruled(name, Case(breached=True), fate.why)
    if not play.course.spec.objectives:
        return None
    if decided := play.decided.get(name):
        reached = decided.decision is Decision.PROMOTE
        return _ruled(name, Case(reached=reached, missed=not reached), decided.why)
    mismatched = play.material.subject.status.undecided == MISMATCHED
    invalid = invalidities(play.course, play.wanted, play.look)
    case = case_of(
        play.course,
        name,
        invalid,
        mismatched=mismatched and is_mismatched(play.courses[1], play.look),
        over=over or name in exhausted(play.course),
    )
    rule = next(one for one in TABLE if one.holds(case))
    return Ruling(name, rule, why_decided(play.course, name, case, rule.decision, invalid))


def _ruled(candidate: str, case: Case, why: str) -> Ruling:
    return Ruling(candidate, next(rule for rule in TABLE if rule.holds(case)), why)
