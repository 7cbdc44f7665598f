"""Validity: why nothing may be concluded, however narrow an interval is."""

from collections.abc import Sequence
from math import log

from contender.api.v1alpha1.experiment_status import Epoch
from contender.core.experiment.course import Course
from contender.core.experiment.looks import Drawn, Look
from contender.core.experiment.weighing import Coverage, Task, coverage, unjudged
from contender.core.manifest import parse_time
from contender.router.traffic import INCUMBENT
from contender.stats import mismatch

UNDER_WAY_SECONDS = 5.0
"""Requests are counted when they are answered: those that came last are not counted yet, of a slow
arm more than of others, or are counted in the next epoch. What so many seconds bring proves no
mismatch."""


def invalidity(task: Task, look: Look) -> str:
    """Return why nothing can be decided about an objective; empty when it can."""
    if task.judges_copies and (why := _lacks_pairs(task, look)):
        return why
    if task.is_reward and task.feedback.missing == "Zero":
        return ""  # what did not come counts as 0
    found, least = coverage(task, look), task.analysis.min_feedback_coverage
    if found.least is not None and found.least < least:
        return f"{_covered(found)} have a truth {task.feedback.name}; {least:.1%} are needed"
    if found.differs:
        return f"truths {task.feedback.name} do not come alike: {_covered(found)} have one"
    return "" if task.is_reward else _lacks_losses(task, look)


def _lacks_pairs(task: Task, look: Look) -> str:
    halves = [one for one in look.halves if one.arm == task.candidate]
    missing = sum(one.missing for one in halves)
    whole = missing + sum(one.complete for one in halves)
    most = task.analysis.max_missing_pairs
    if missing <= most * whole:
        return ""
    return f"of {whole} pairs {missing / whole:.1%} miss an answer; {most:.1%} are allowed"


def _covered(found: Coverage) -> str:
    theirs, ours = (f"{one or 0.0:.1%}" for one in (found.incumbent, found.challenger))
    return f"{theirs} of the incumbent's rows and {ours} of the candidate's"


def _lacks_losses(task: Task, look: Look) -> str:
    """Return why an arm looks better than it is: rows that it failed to answer have no loss where
    there is no greatest one."""
    most = task.analysis.max_missing_pairs
    for arm in (task.candidate, INCUMBENT):
        if (share := unjudged(task, look, arm)) > most:
            return (
                f"{share:.1%} of the rows of {arm} with a truth have no {task.loss} loss, because"
                f" it answered nothing that can be compared; {most:.1%} are allowed"
            )
    return ""


def is_mismatched(course: Course, look: Look | None) -> bool:
    """Return whether requests went to arms otherwise than weights say; or, where callers stay with
    an arm, callers did, of whom the recorder tells."""
    sticky = course.spec.stickiness is not None
    drawn = _callers(look) if sticky else _requests(course)
    evidence = mismatch.log_evidence_over_epochs(drawn, sticky=sticky)
    return evidence >= log(1 / mismatch.ALPHA)


def _callers(look: Look | None) -> list[mismatch.Assigned]:
    """Return the different callers of each epoch; what nobody got is the share of one arm more."""
    by_epoch: dict[str, list[Drawn]] = {}
    for one in look.drawn if look else ():
        by_epoch.setdefault(one.epoch, []).append(one)
    found: list[mismatch.Assigned] = []
    for drawn in by_epoch.values():
        counts = [one.callers for one in drawn]
        shares = [one.share / 100 for one in drawn]
        rest = 1.0 - sum(shares)
        if rest >= 0:  # else somebody was told of shares that no weights give
            found.append(mismatch.Assigned((*counts, 0), (*shares, rest)))
    return found


def _requests(course: Course) -> list[mismatch.Assigned]:
    epochs = course.status.epochs or []
    ends = [*(one.since for one in epochs[1:]), course.status.counted_at or ""]
    return [
        _drawn(epoch, end)
        for epoch, end in zip(epochs, ends, strict=False)
        if _is_split(epoch.shares)
    ]


def _is_split(shares: dict[str, int]) -> bool:
    """Return whether each request went to just one arm."""
    return sum(shares.values()) == 100 and shares.get(INCUMBENT, 0) < 100


def _drawn(epoch: Epoch, end: str) -> mismatch.Assigned:
    """Return the counts of an epoch, as near to the weights as requests under way allow."""
    shares = tuple(epoch.shares.get(one.arm, 0) / 100 for one in epoch.counts)
    counts = [one.requests for one in epoch.counts]
    lasted = (parse_time(end) - parse_time(epoch.since)).total_seconds() if end else 0.0
    slack = sum(counts) * min(1.0, UNDER_WAY_SECONDS / max(lasted, 1.0)) if end else 0.0
    return mismatch.Assigned(tuple(_nearer(counts, shares, slack)), shares)


def _nearer(counts: Sequence[int], shares: Sequence[float], slack: float) -> list[int]:
    whole = sum(counts)
    gaps = [count - share * whole for count, share in zip(counts, shares, strict=True)]
    return [
        round(count - max(-slack, min(slack, gap))) for count, gap in zip(counts, gaps, strict=True)
    ]
