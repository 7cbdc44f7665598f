"""Words: what comparisons and decisions say to people."""

from collections.abc import Sequence
from math import isfinite

from contender.api.v1alpha1.experiment_status import Comparison, GuardrailStatus
from contender.core.experiment.decisions import Case, Decision
from contender.core.experiment.guardrails import Finding
from contender.core.experiment.weighing import Task, Weighed, needed

TOO_LITTLE = "too little is known"
_POINTS = ("ZeroOne",)
"""Losses that are shares, told in percent."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MOST_DAYS = 30
"""What takes longer takes too long."""


def told(
    task: Task,
    found: Weighed,
    before: Comparison,
    *,
    state: str,
    evidence: float,
    spent: bool,
    lacks: str = "",
    left: float | None = None,
) -> Comparison:
    """Return a comparison as status shows it.

    Args:
        task: what was weighed.
        found: what the look says.
        before: what status said.
        state: what is known after all looks.
        evidence: the greatest so far.
        spent: whether the look at the horizon is over.
        lacks: why nothing could be decided by this look; empty: it could.
        left: after how many seconds more it is decided; None: nobody can tell.
    """
    sign = 1.0 if task.is_reward else -1.0
    ends = sorted((sign * found.low, sign * found.high))
    return before.model_copy(
        update={
            "rows": round(found.rows),
            "incumbent": _number(found.incumbent),
            "challenger": _number(found.challenger),
            "difference": _number(sign * found.gain),
            "low": _number(ends[0]),
            "high": _number(ends[1]),
            "evidence": _log_evidence(evidence),
            "needed": round(needed(task), 2),
            "spent": spent,
            "state": state,
            "message": _sentence(task, found, _stands(state, lacks, left)),
        }
    )


def told_guardrail(candidate: str, found: Finding) -> GuardrailStatus:
    """Return what a guardrail says of a candidate, as status shows it."""
    return GuardrailStatus(
        name=found.guardrail,
        candidate=candidate,
        breached=found.breached,
        evidence=_log_evidence(found.evidence),
        needed=round(found.needed, 2),
        message=found.message,
    )


def _log_evidence(value: float) -> float:
    return round(max(-99.0, min(999.0, value)), 2)


def _sentence(task: Task, found: Weighed, stands: str) -> str:
    """Return such as: v4 errs 2.10 points less (0.93 .. 3.31) on 8,412 labelled rows; better:
    reached."""
    better = found.gain >= 0
    amount, more = _amount(task, abs(found.gain)), "more" if better == task.is_reward else "less"
    if task.is_reward:
        what = f"earns {amount} {more}"
    elif task.loss in _POINTS:
        what = f"errs {amount} {more}"
    else:
        what = f"has {amount} {more} {task.loss} loss"
    if isfinite(found.low):
        low, high = (found.low, found.high) if better else (-found.high, -found.low)
        what += f" ({_bare(task, low)} .. {_bare(task, high)})"
    rows = "rows" if task.is_reward else "labelled rows"
    if task.segment:
        rows += f" of {task.segment.name}"
    return f"{task.candidate} {what} on {round(found.rows):,} {rows}; {_goal(task)}: {stands}"


_STATES = {
    "NoData": "nothing is known",
    "Undecided": "not yet decided",
    "Reached": "reached",
    "Missed": "missed",
}


def _stands(state: str, lacks: str, left: float | None) -> str:
    if state == "Undecided" and lacks:
        return f"not decided while {lacks}"
    if state == "Undecided" and left is not None:
        return f"{_STATES[state]}, {how_long(left)}"
    return _STATES[state]


def how_long(seconds: float) -> str:
    """Return how much longer something takes, as roughly as anybody can tell."""
    if seconds > _MOST_DAYS * _DAY:
        return f"more than {_MOST_DAYS} days"
    if seconds >= 36 * _HOUR:
        return f"about {round(seconds / _DAY)} days more"
    if seconds >= 57.5 * _MINUTE:
        return f"about {round(seconds / _HOUR)} h more"
    if seconds >= 10 * _MINUTE:
        return f"about {5 * round(seconds / _MINUTE / 5)} min more"
    return f"about {max(1, round(seconds / _MINUTE))} min more"


def settled(one: Comparison) -> Comparison:
    """Return a comparison of which nothing more is expected: without how much longer it takes."""
    return one.model_copy(update={"message": _without_time(one.message)})


def _without_time(message: str) -> str:
    said, undecided, _ = message.partition(_STATES["Undecided"])
    return said + undecided


def _goal(task: Task) -> str:
    margin = task.objective.margin
    if task.objective.goal == "NonInferior":
        return f"less than {_amount(task, margin)} worse"
    if task.segment:
        return "not worse"
    return f"more than {_amount(task, margin)} better" if margin else "better"


def _amount(task: Task, value: float) -> str:
    return f"{_bare(task, value)} points" if task.loss in _POINTS else _bare(task, value)


def _bare(task: Task, value: float) -> str:
    told = f"{100 * value:.2f}" if task.loss in _POINTS else f"{value:.4g}"
    return told.removeprefix("-") if float(told) == 0 else told


def _number(value: float) -> str:
    """Return a number as status shows it; empty: nobody can tell yet."""
    return f"{value + 0.0:.6g}" if isfinite(value) else ""


def why(case: Case, decision: Decision, known: Sequence[Comparison], invalid: str) -> str:
    """Return why something was decided about a candidate."""
    if case.mismatched:
        return (
            "sample-ratio mismatch: requests went to arms otherwise than the weights say, so that"
            " no comparison holds"
        )
    if case.invalid:
        return invalid
    states = {Decision.REJECT: ("Missed",), Decision.PROMOTE: ("Reached",)}.get(decision, ())
    said = [one for one in known if one.state in states] or [
        one for one in known if one.state != "Reached"
    ]
    told = "; ".join(f"{one.about}: {_without_time(one.message)}" for one in said if one.message)
    return told or "nothing is known about the objectives: no rows with a truth were counted"
