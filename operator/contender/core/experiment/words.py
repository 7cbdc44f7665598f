"""Words: what comparisons and decisions say to people."""

from collections.abc import Sequence
from math import isfinite

from contender.api.v1alpha1.experiment_status import Comparison
from contender.core.experiment.decisions import Case, Decision
from contender.core.experiment.weighing import Task, Weighed, needed

TOO_LITTLE = "too little is known"
_POINTS = ("ZeroOne",)
"""Losses that are shares, told in percent."""


def told(
    task: Task,
    found: Weighed,
    before: Comparison,
    *,
    state: str,
    evidence: float,
    spent: bool,
    lacks: str = "",
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
            "evidence": round(max(-99.0, min(999.0, evidence)), 2),
            "needed": round(needed(task), 2),
            "spent": spent,
            "state": state,
            "message": _sentence(task, found, state, lacks),
        }
    )


def _sentence(task: Task, found: Weighed, state: str, lacks: str) -> str:
    """Return such as: v4 errs 2.10 points less (0.93 .. 3.31) on 8,412 rows; better: reached."""
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
    stands = f"not decided while {lacks}" if lacks and state == "Undecided" else _STATES[state]
    return f"{task.candidate} {what} on {round(found.rows):,} rows; {_goal(task)}: {stands}"


_STATES = {
    "NoData": "nothing is known",
    "Undecided": "not yet decided",
    "Reached": "reached",
    "Missed": "missed",
}


def _goal(task: Task) -> str:
    margin = task.objective.margin
    if task.objective.goal == "NonInferior":
        return f"less than {_amount(task, margin)} worse"
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
    told = "; ".join(f"{one.objective}: {one.message}" for one in said if one.message)
    return told or "nothing is known about the objectives: no rows with a truth were counted"
