"""Pairs: how a request counts for a challenger and the incumbent."""

from collections.abc import Mapping

from contender.recorder.joining.parts import Amount
from contender.recorder.joining.read import Read
from contender.recorder.joining.sums import PAIR_COUNTS
from contender.recorder.model import Outcome, Stratum
from contender.router.traffic import INCUMBENT

_MISSING = {
    Outcome.OVERFLOW: "overflow",
    Outcome.LOST: "lost",
    Outcome.CANCELLED: "cancelled",
    Outcome.UNREAD: "unread",
    Outcome.INELIGIBLE: "ineligible",
}


def counts(named: Mapping[str, int]) -> Amount:
    """Return named counts as they are added."""
    return tuple(named.get(name, 0) for name in PAIR_COUNTS)


def compared(
    stratum: Stratum, arms: Mapping[str, Read], candidate: str, rows: int
) -> dict[str, int]:
    """Return how a request counts for a candidate and the incumbent."""
    found = {"requests": 1}
    needed = {INCUMBENT, candidate}
    if not stratum.eligible:
        return {**found, "ineligible": 1}
    if not needed <= {stratum.arm, *stratum.expects, *arms}:
        return found
    found["eligible"] = 1
    if not needed <= arms.keys():
        return found  # not yet
    theirs, ours = arms[INCUMBENT], arms[candidate]
    if ours.outcome.is_missing:
        return {**found, _MISSING[ours.outcome]: 1}
    if theirs.outcome.is_missing:
        return {**found, "incumbentMissing": 1}
    return found | {"complete": 1} | _agreement(theirs, ours, rows)


def _agreement(theirs: Read, ours: Read, rows: int) -> dict[str, int]:
    """Return how a complete pair counts."""
    if ours.failed or theirs.failed:
        return {_failure(theirs, ours): 1}
    if ours.outputs is None or theirs.outputs is None:
        return {}
    both = zip(ours.outputs, theirs.outputs, strict=True)
    alike = sum(mine[0] == other[0] for mine, other in both)
    return {"rows": rows, "agree": alike, "disagree": rows - alike}


def _failure(theirs: Read, ours: Read) -> str:
    if theirs.failed and ours.failed:
        both_refused = {theirs.outcome, ours.outcome} == {Outcome.REFUSED}
        return "refused" if both_refused else "failedBoth"
    return "failedChallenger" if ours.failed else "failedIncumbent"
