"""Sums: sufficient statistics that add up, as rows of numbers."""

from array import array
from collections.abc import Sequence

from contender.stats import estimates

BUCKETS = estimates.BUCKETS
"""Entities fall into so many buckets, by the last bits of their hash."""

PAIR_COUNTS = (
    "requests",
    "eligible",
    "complete",
    "rows",
    "agree",
    "disagree",
    "failedChallenger",
    "failedIncumbent",
    "failedBoth",
    "refused",
    "overflow",
    "lost",
    "cancelled",
    "unread",
    "ineligible",
    "incumbentMissing",
    "servedLost",
)
"""What is counted of the requests of a challenger and the incumbent, in the order of `pairs`."""

ARM = ("n", "sum", "squares")
"""The first numbers of `arm`; n and sum by bucket follow."""
PAIR = (
    "n",
    "incumbent",
    "incumbentSquares",
    "challenger",
    "challengerSquares",
    "difference",
    "differenceSquares",
    "worse",
    "better",
)
"""The first numbers of `pair`: sums of both losses, of the challenger's minus the incumbent's, and
in how many rows the challenger's was greater or smaller; n and difference by bucket follow."""

LENGTHS = {
    "arm": len(ARM) + 2 * BUCKETS,
    "pair": len(PAIR) + 2 * BUCKETS,
    "pairs": len(PAIR_COUNTS),
}


def empty(kind: str) -> "array[float]":
    """Return the sums of nothing."""
    return array("d", bytes(8 * LENGTHS[kind]))


def add(kind: str, sums: "array[float]", amount: Sequence[float], sign: int) -> None:
    """Add one amount, or take it out.

    Args:
        kind: `arm`, `pair` or `pairs`.
        sums: what is changed.
        amount: of `arm` (bucket, loss), of `pair` (bucket, incumbent's loss, challenger's loss), of
            `pairs` a number for each of `PAIR_COUNTS`.
        sign: 1 or -1.
    """
    match kind:
        case "arm":
            bucket, loss = int(amount[0]), amount[1]
            _into(sums, (1.0, loss, loss * loss), sign)
            _into_bucket(sums, len(ARM), bucket, loss, sign)
        case "pair":
            bucket, theirs, ours = int(amount[0]), amount[1], amount[2]
            gap = ours - theirs
            worse, better = float(gap > 0), float(gap < 0)
            squares = (theirs, theirs * theirs, ours, ours * ours, gap, gap * gap)
            _into(sums, (1.0, *squares, worse, better), sign)
            _into_bucket(sums, len(PAIR), bucket, gap, sign)
        case _:
            _into(sums, amount, sign)


def _into(sums: "array[float]", amounts: Sequence[float], sign: int) -> None:
    for index, amount in enumerate(amounts):
        if amount:
            sums[index] += sign * amount


def _into_bucket(sums: "array[float]", start: int, bucket: int, value: float, sign: int) -> None:
    sums[start + bucket] += sign
    sums[start + BUCKETS + bucket] += sign * value
