"""Verdicts: from the recorder's looks to what becomes of each candidate. Pure.

Looks are weighed in their order, each once, whenever the operator comes to them: so the same data
give the same verdict, however often one looked and whatever restarted meanwhile.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.experiment_status import Comparison
from contender.api.v1alpha1.objectives import Analysis
from contender.core.experiment import words
from contender.core.experiment.comparing import Difference
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.decisions import Case, Decision, decide
from contender.core.experiment.looks import Look
from contender.core.experiment.machine import Phase, Trigger
from contender.core.experiment.remaining import seconds_left
from contender.core.experiment.validity import invalidity, is_mismatched
from contender.core.experiment.weighing import Key, Task, weigh
from contender.core.manifest import parse_time

Invalid = Mapping[Key, str]
"""By objective, candidate and segment: why nothing can be decided about it."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of a candidate, and why."""

    decision: Decision
    why: str


def tasks(course: Course, target: ModelDeploymentSpec) -> list[Task]:
    """Return all that is to be weighed: each objective of each candidate that is left, of all rows
    and of each segment, if its feedback and that segment are still declared."""
    declared = {one.name: one for one in target.feedback or []}
    analysis = course.spec.analysis or Analysis()
    known = {one.name: one for one in (target.rows and target.rows.segments) or []}
    segments = [known[name] for name in analysis.segments or [] if name in known]
    return [
        Task(
            objective=objective,
            feedback=declared[objective.feedback],
            candidate=one.name,
            analysis=analysis,
            candidates=len(course.spec.candidates),
            segment=segment,
        )
        for one in course.left
        for objective in course.spec.objectives or []
        if objective.feedback in declared
        for segment in (None, *segments)
    ]


def weigh_looks(course: Course, scene: Scene) -> tuple[Course, dict[str, Outcome]]:
    """Weigh the looks that are new, up to the first that decides about anybody.

    Returns:
        The course with its comparisons, and by candidate what is decided.
    """
    if not (course.spec.objectives and course.left):
        return course, {}  # nobody is left whom a look could tell anything about
    wanted = tasks(course, scene.snapshot.spec)
    for look in scene.snapshot.looks.get(course.run, ()):
        if look.number <= course.status.look:
            continue
        invalid = invalidities(course, wanted, look)
        course = _weighed(course, wanted, look, invalid)
        outcomes = judge(course, invalid, look, over=exhausted(course))
        if _settles(course, outcomes):
            return course, outcomes
    # What was not decided by the last look may be by now: somebody else is gone since.
    last = _last(course, scene)
    if last is None and course.status.look:
        return course, {}
    invalid = invalidities(course, wanted, last)
    outcomes = judge(course, invalid, last, over=exhausted(course))
    return course, outcomes if _settles(course, outcomes) else {}


def _last(course: Course, scene: Scene) -> Look | None:
    """Return the last look that was weighed; None: none was, or it is still to be read again."""
    looks = scene.snapshot.looks.get(course.run, ())
    return next((one for one in reversed(looks) if one.number == course.status.look), None)


def _settles(course: Course, outcomes: Mapping[str, Outcome]) -> bool:
    """Return whether anything follows from these outcomes."""
    decisions = {one.decision for one in outcomes.values()}
    return (
        Decision.REJECT in decisions
        or (Decision.PROMOTE in decisions and not course.status.leader)
        or decisions == {Decision.INCONCLUSIVE}
    )


def concluded(course: Course, outcomes: Mapping[str, Outcome]) -> tuple[Course, set[Trigger]]:
    """Carry out what was decided."""
    for name, one in outcomes.items():
        if one.decision is Decision.REJECT:
            course = rejecting(course, name, one.why)
    left = {name: one for name, one in outcomes.items() if one.decision is not Decision.REJECT}
    if not course.status.leader:
        course = course.told(leader=_first(course, left))
    inconclusive = [one.why for one in left.values() if one.decision is Decision.INCONCLUSIVE]
    if inconclusive and len(inconclusive) == len(left):
        told = "; ".join(dict.fromkeys(inconclusive))
        return course.told(undecided=told), {Trigger.NO_VERDICT}
    return course, set()


def _first(course: Course, outcomes: Mapping[str, Outcome]) -> str:
    """Return who has reached all objectives; of several the one whose first objective is surest."""
    reached = [name for name, one in outcomes.items() if one.decision is Decision.PROMOTE]

    def lead(name: str) -> float:
        return next((one.evidence for one in _of(course, name)), 0.0)

    return max(reached, key=lead, default="")


def rejecting(course: Course, candidate: str, why: str) -> Course:
    """Return the course without a candidate."""
    arms = [
        arm.model_copy(update={"state": "Rejected", "message": why})
        if arm.name == candidate
        else arm
        for arm in course.status.arms or []
    ]
    # One that was to serve serves no more.
    gone = {
        field: ""
        for field in ("winner", "leader", "recommended")
        if getattr(course.status, field) == candidate
    }
    by_command = course.status.by_command and "winner" not in gone
    return course.told(arms=arms, by_command=by_command, **gone)


def at_the_end(course: Course, scene: Scene) -> dict[str, Outcome]:
    """Return what becomes of each candidate when time is over."""
    if not course.spec.objectives:
        return {}
    wanted = tasks(course, scene.snapshot.spec)
    everybody = {one.name for one in course.left}
    last = _last(course, scene)
    return judge(course, invalidities(course, wanted, last), last, over=everybody)


def proven(course: Course, scene: Scene) -> tuple[str, str]:
    """Return who may win by the objectives after all steps, or else why nobody does."""
    outcomes, leader = at_the_end(course, scene), course.status.leader
    if leader in outcomes and outcomes[leader].decision is Decision.PROMOTE:
        return leader, ""
    if other := _first(course, outcomes):
        return other, ""
    told = "; ".join(dict.fromkeys(one.why for one in outcomes.values()))
    return "", f"all steps are done, and no candidate has reached the objectives: {told}"


def judge(
    course: Course, invalid: Invalid, look: Look | None, *, over: Collection[str]
) -> dict[str, Outcome]:
    """Return the decision about each candidate that is left.

    Args:
        course: with the comparisons of the last look.
        invalid: about which of them nothing can be decided, by that look.
        look: the last one.
        over: candidates for whom nothing more is to come.
    """
    mismatched = is_mismatched(course, look)
    return {
        one.name: _outcome(course, one.name, invalid, mismatched=mismatched, over=one.name in over)
        for one in course.left
    }


def _outcome(
    course: Course, candidate: str, invalid: Invalid, *, mismatched: bool, over: bool
) -> Outcome:
    case = case_of(course, candidate, invalid, mismatched=mismatched, over=over)
    decision = decide(case)
    return Outcome(decision, why_decided(course, candidate, case, decision, invalid))


def case_of(
    course: Course, candidate: str, invalid: Invalid, *, mismatched: bool, over: bool
) -> Case:
    """Return what is known of a candidate that breaches no guardrail.

    Args:
        course: with the comparisons of the last look.
        candidate: its name.
        invalid: about what nothing can be decided, by that look.
        mismatched: whether requests were drawn otherwise than weights say.
        over: whether nothing more is to come.
    """
    known = {one.objective: one.state for one in _of(course, candidate)}
    states = [known.get(one.name, "NoData") for one in course.spec.objectives or []]
    analysis = course.spec.analysis or Analysis()
    lacks = _lacks(course, candidate, invalid)
    return Case(
        mismatched=mismatched,
        missed="Missed" in states,
        harms=bool(_harmed(course, candidate)),
        reached=all(state == "Reached" for state in states),
        invalid=bool(lacks) and {*states} != {"NoData"},  # of nothing, nothing is lacking
        known="NoData" not in states,
        over=over,
        rejects_unknown=analysis.on_no_data == "Reject",
    )


def why_decided(
    course: Course, candidate: str, case: Case, decision: Decision, invalid: Invalid
) -> str:
    """Return why something is decided about a candidate; arguments are those of `case_of`."""
    known = [*_of(course, candidate), *_harmed(course, candidate)]
    return words.why(case, decision, known, _lacks(course, candidate, invalid))


def _lacks(course: Course, candidate: str, invalid: Invalid) -> str:
    """Return why nothing can be decided about the first objective of which that is so."""
    names = [one.name for one in course.spec.objectives or []]
    return next(filter(None, (invalid.get((name, candidate, "")) for name in names)), "")


def _of(course: Course, candidate: str) -> Iterator[Comparison]:
    """Iterate over what is known of a candidate by all rows."""
    known = course.status.comparisons or []
    return (one for one in known if one.candidate == candidate and not one.segment)


def _in_segments(course: Course, candidate: str) -> Iterator[Comparison]:
    """Iterate over what is known of a candidate by the rows of segments."""
    known = course.status.comparisons or []
    return (one for one in known if one.candidate == candidate and one.segment)


def _harmed(course: Course, candidate: str) -> list[Comparison]:
    """Return the segments in which a candidate does worse than it may."""
    return [one for one in _in_segments(course, candidate) if one.state == "Missed"]


def invalidities(course: Course, wanted: Sequence[Task], look: Look | None) -> Invalid:
    """Return why nothing can be decided about objectives, as far as one look tells."""
    found: dict[Key, str] = {}
    for one in course.spec.objectives or []:
        why = f"the target's spec.feedback declares no {one.feedback} any more"
        for candidate in course.left:
            found[one.name, candidate.name, ""] = f"objective {one.name}: {why}"
    gone = _segment_gone(course, wanted)
    return found | {task.key: gone or (invalidity(task, look) if look else "") for task in wanted}


def _segment_gone(course: Course, wanted: Sequence[Task]) -> str:
    """Return which segment nobody can look at any more."""
    known = {one.segment.name for one in wanted if one.segment}
    named = (course.spec.analysis and course.spec.analysis.segments) or []
    gone = next((name for name in named if name not in known), "")
    return f"the target's spec.rows.segments declares no {gone} any more" if gone else ""


def _weighed(course: Course, wanted: Sequence[Task], look: Look, invalid: Invalid) -> Course:
    """Return the course with what a look says."""
    known = {one.key: one for one in course.status.comparisons or []}
    for task in wanted:
        objective, candidate, segment = task.key
        new = Comparison(objective=objective, candidate=candidate, segment=segment)
        before = known.get(task.key, new)
        known[task.key] = _compared(task, look, before, course, invalid[task.key])
    # Of candidates that are gone the last word stays.
    return course.told(comparisons=[*known.values()], look=look.number)


def _compared(
    task: Task, look: Look, before: Comparison, course: Course, invalid: str
) -> Comparison:
    """Return what a look says, after all looks before it. What was reached or missed once stays so:
    that the interval has ever passed the goal is what its level speaks of."""
    found = task.compare(look)
    if found is None:
        return before
    lacks = invalid or ("" if found.enough else words.TOO_LITTLE)
    decides = not lacks  # what is lacking may be what would have decided
    spends = decides and not before.spent and _at_horizon(task, found.estimate.n, look, course)
    weighed = weigh(task, found, at_horizon=spends)
    state: str = before.state
    if state not in ("Reached", "Missed"):
        decided = {1: "Reached", -1: "Missed"}.get(weighed.verdict) if decides else None
        state = decided or "Undecided"
    evidence = max(before.evidence, weighed.evidence) if decides else before.evidence
    return words.told(
        task,
        weighed,
        before,
        state=state,
        evidence=evidence,
        spent=before.spent or spends,
        lacks=lacks,
        left=_seconds_left(task, found, look, course) if not (before.spent or spends) else None,
    )


def _seconds_left(task: Task, found: Difference, look: Look, course: Course) -> float | None:
    """Return how much longer it takes; None: nobody can tell, or waits for it."""
    began = course.status.began_at
    if began is None or task.segment or course.phase != Phase.RUNNING:
        return None
    return seconds_left(task, found, look.at - parse_time(began).timestamp())


def _at_horizon(task: Task, rows: float, look: Look, course: Course) -> bool:
    """Return whether a look is due that spends what was kept for the horizon."""
    horizon = task.horizon
    if horizon is None:
        return False
    if horizon.rows and rows >= horizon.rows:
        return True
    began = course.status.began_at
    if horizon.duration is None or began is None:
        return False
    due = parse_time(began) + timedelta(seconds=seconds(horizon.duration))
    return datetime.fromtimestamp(look.at, UTC) >= due


def exhausted(course: Course) -> set[str]:
    """Return the candidates for whom nothing more is to come: what they have not reached had its
    look at the horizon."""
    return {one.name for one in course.left if _has_spent(course, one.name)}


def _has_spent(course: Course, candidate: str) -> bool:
    waits = [one for one in _of(course, candidate) if one.state not in ("Reached", "Missed")]
    return bool(waits) and all(one.spent for one in waits)
