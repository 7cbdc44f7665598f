"""Looks: how an Experiment stood at one moment, as means and how sure they are.

Whoever decides by what he sees must not choose when to look by anything but the data. So a look is
taken whenever so much more is known than at the last one, and what was seen then is kept.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from contender.recorder.joining.parts import LABELLED
from contender.recorder.joining.sums import ARM, BUCKETS, PAIR, PAIR_COUNTS
from contender.recorder.model import StatisticKey
from contender.stats.estimates import mean_by_bucket
from contender.stats.moments import Moments

GROWTH = 1.03
"""So much more, as a ratio, must be known for the next look."""
LEAST_GROWTH = 10
"""And at least so much more."""

Json = dict[str, Any]
Sums = Mapping[StatisticKey, Sequence[float]]


def belongs(key: StatisticKey, judge: str) -> bool:
    """Return whether sums are part of what is seen of their Experiment: all of the present judge,
    and how many pairs there are, about which no judge is asked."""
    return key.judge == judge or key.kind == "pairs"


def total(sums: Sums) -> int:
    """Return how much is known of an Experiment: losses, rewards and rows of arms, and pairs."""
    return int(sum(one[0] for key, one in sums.items() if key.kind != "pair" and not key.segment))


def is_due(known: int, last: int) -> bool:
    """Return whether it is time for a look.

    Args:
        known: the present total.
        last: that of the last look; 0: there was none.
    """
    return known >= last + LEAST_GROWTH and known >= GROWTH * last


def seen(sums: Sums) -> Json:
    """Return what is seen of an Experiment.

    Args:
        sums: all that belong to it.
    """
    keys = sorted(sums)
    means = [_mean(key, sums[key]) for key in keys if key.kind != "pairs"]
    pairs = [_pairs(key, sums[key]) for key in keys if key.kind == "pairs"]
    return {
        "means": [one for one in means if one is not None],
        "pairs": [one for one in pairs if one["counts"]],
    }


def _pairs(key: StatisticKey, sums: Sequence[float]) -> Json:
    named = zip(PAIR_COUNTS, sums, strict=False)
    counts = {name: int(number) for name, number in named if number}
    return {"epoch": key.epoch, "arm": key.arm, "counts": counts}


def _mean(key: StatisticKey, sums: Sequence[float]) -> Json | None:
    """Return the mean of one arm, or of pairs; None of nothing, and of sums that have grown beyond
    all numbers."""
    names = ARM if key.kind == "arm" else PAIR
    named = dict(zip(names, sums, strict=False))
    n = named["n"]
    if n <= 0 or not all(map(isfinite, sums)):
        return None
    added, squares = (
        ("sum", "squares") if key.kind == "arm" else ("difference", "differenceSquares")
    )
    moments = Moments.of_sums(n, named[added], named[squares])
    start = len(names)
    by_bucket = sums[start : start + BUCKETS], sums[start + BUCKETS : start + 2 * BUCKETS]
    found = {
        "epoch": key.epoch,
        "arm": key.arm,
        "kind": key.kind,
        "feedback": key.feedback,
        "loss": key.loss,
        "segment": key.segment,
        "n": int(n),
        "mean": moments.mean,
        "rowVariance": moments.variance / n,
        "bucketVariance": _bucket_variance(*by_bucket),
    }
    if key.loss != LABELLED:
        # Entities come back in other epochs: only by bucket can epochs be compared together.
        found["buckets"] = {"n": [int(one) for one in by_bucket[0]], "sum": [*by_bucket[1]]}
    if key.kind == "arm":
        return found
    both = {name: named[name] / n for name in ("incumbent", "challenger")}
    return found | both | {name: int(named[name]) for name in ("worse", "better")}


def _bucket_variance(n: Sequence[float], sums: Sequence[float]) -> float | None:
    """Return the squared standard error of a mean of rows that are alike within a bucket; None if
    nobody can tell."""
    try:
        estimate = mean_by_bucket(n, sums)
    except ValueError:  # squares beyond all numbers
        return None
    return estimate.variance if estimate else None
