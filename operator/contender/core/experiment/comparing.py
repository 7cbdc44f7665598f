"""Comparing: how a candidate differs from the incumbent in a look, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from contender.core.experiment.looks import Buckets, Look, Mean
from contender.router.traffic import INCUMBENT
from contender.stats.estimates import (
    BUCKETS,
    LEAST_CARRIERS,
    LEAST_SPREAD,
    Clustered,
    Estimate,
    by_bucket,
    difference_by_bucket,
    spread,
    stratified,
    stratified_by_bucket,
    weight,
    with_unseen,
)
from contender.stats.moments import Moments
from contender.stats.sequences import LEAST_ROWS

LEAST_UNITS = 1 / (1 / LEAST_SPREAD - 1 / BUCKETS)
"""Entities or requests of each arm before which nothing is decided: so many of one size are spread
over `LEAST_SPREAD` buckets."""
LEAST_OF_ARM = 30
"""Rows of each arm before which nothing is decided where losses have no bound, as for
`stats.fixed.z_interval`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, and what may be assumed of it."""

    candidate: str
    feedback: str
    loss: str
    bound: float | None
    """The greatest loss there is; None: there is none."""
    by_entity: bool
    """Whether rows of the same entity, or else of the same request, may depend on each other."""
    segment: str = ""
    """Id of the segment whose rows are compared; empty: all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a candidate differs from the incumbent."""

    estimate: Estimate
    """The candidate's mean minus the incumbent's. A row that both have answered counts once."""
    incumbent: float
    challenger: float
    """Means of both."""
    enough: bool
    """Whether so much was seen that anything may be decided."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One epoch."""

    weight: float
    """Rows in pairs, or what two arms of different sizes are worth: how much was seen, not what."""
    incumbent: float
    challenger: float
    estimate: Estimate
    clustered: Clustered | None
    """The difference by bucket; None: it is not told."""
    sides: tuple[Mean, ...]
    """What it is made of: pairs, or the rows of both arms."""


def compare(look: Look, question: Question) -> Difference | None:
    """Return how a candidate differs from the incumbent; None: nothing is known yet.

    Both answers to the same rows tell more than different rows of both arms. Base rates and weights
    change from epoch to epoch, so that each is compared by itself.
    """
    try:
        parts = [*_parts(look, question)]
        estimate = stratified([(one.weight, one.estimate) for one in parts])
        clustered = _over_epochs(parts)
    except ValueError:  # sums beyond all numbers
        return None
    if estimate is None:
        return None
    if clustered and question.by_entity:
        variance = max(estimate.variance, clustered.estimate.variance)
        estimate = replace(estimate, variance=variance)
    whole, enough = sum(one.weight for one in parts), True
    for kind in (1, 2):  # pairs have one side, arms are two
        same = [one for one in parts if len(one.sides) == kind]
        share = sum(one.weight for one in same) / whole
        for side in range(kind if same else 0):
            n, units = _seen(same, side, question)
            enough = enough and (units >= LEAST_UNITS or not question.by_entity)
            if question.bound is not None:
                estimate = with_unseen(estimate, share * question.bound, units)
            else:
                enough = enough and (n >= LEAST_OF_ARM or kind == 1)
    if question.bound is None:
        carriers = clustered.carriers if clustered else LEAST_CARRIERS
        enough = enough and estimate.n >= LEAST_ROWS and carriers >= LEAST_CARRIERS
    return Difference(
        estimate=estimate,
        incumbent=sum(one.weight * one.incumbent for one in parts) / whole,
        challenger=sum(one.weight * one.challenger for one in parts) / whole,
        enough=enough,
    )


def _over_epochs(parts: Sequence[_Part]) -> Clustered | None:
    """Return the difference by bucket; None: it is not told."""
    told = [(one.weight, one.clustered) for one in parts if one.clustered]
    return stratified_by_bucket(told) if len(told) == len(parts) else None


def _seen(parts: Sequence[_Part], side: int, question: Question) -> tuple[float, float]:
    """Return how many rows were seen on one side, and how many of them, or of their entities, are
    independent of each other.

    That m entities of one size are spread over 1 / (1 / m + 1 / K) of K buckets tells their number;
    of such that differ in size, what they are worth.
    """
    means = [one.sides[side] for one in parts]
    n = sum(one.n for one in means)
    if not question.by_entity:
        return n, n
    rows = [one.buckets.n for one in means if one.buckets]
    if len(rows) < len(means):
        return n, n
    lacking = 1 / max(spread(_added(*rows)), 1.0) - 1 / len(rows[0])
    return n, min(n, 1 / lacking) if lacking > 0 else n


def _parts(look: Look, question: Question) -> Iterator[_Part]:
    """Iterate over epochs."""
    asked = question.feedback, question.loss, question.segment
    pairs = look.of(question.candidate, *asked, paired=True)
    ours = look.of(question.candidate, *asked, paired=False)
    theirs = look.of(INCUMBENT, *asked, paired=False)
    for epoch in sorted({*pairs, *ours}):
        if pair := pairs.get(epoch):
            if _is_known(pair, question):
                yield _of_pairs(pair, question)
            continue
        mine, other = ours.get(epoch), theirs.get(epoch)
        if mine and other and _is_known(mine, question) and _is_known(other, question):
            yield _of_arms(mine, other, question)


def _is_known(mean: Mean, question: Question) -> bool:
    """Return whether anybody can tell how sure a mean is."""
    return mean.n >= 2 and not (question.by_entity and mean.bucket_variance is None)


def _of_pairs(pair: Mean, question: Question) -> _Part:
    return _Part(
        weight=pair.n,
        incumbent=pair.incumbent,
        challenger=pair.challenger,
        estimate=Estimate(pair.mean, _variance(pair, question), pair.n),
        clustered=_by_bucket(pair.buckets),
        sides=(pair,),
    )


def _of_arms(mine: Mean, other: Mean, question: Question) -> _Part:
    """Return an epoch in which each row has one answer.

    A small arm that has not yet seen what is rare seems surer than it is: the variance of its rows
    is at least that of both arms together (`stats.estimates.careful_difference`).
    """
    both = (_moments(mine) + _moments(other)).variance
    variance = sum(max(_variance(one, question), both / one.n) for one in (mine, other))
    return _Part(
        weight=weight(mine.n, other.n),
        incumbent=other.mean,
        challenger=mine.mean,
        estimate=Estimate(mine.mean - other.mean, variance, mine.n + other.n),
        clustered=_difference_by_bucket(mine.buckets, other.buckets),
        sides=(mine, other),
    )


def _variance(mean: Mean, question: Question) -> float:
    """Return the squared standard error of a mean. With few buckets filled, theirs alone may be too
    small."""
    by_entity = mean.bucket_variance if question.by_entity else None
    return max(mean.row_variance, by_entity or 0.0)


def _by_bucket(buckets: Buckets | None) -> Clustered | None:
    return by_bucket(buckets.n, buckets.sums) if buckets else None


def _difference_by_bucket(mine: Buckets | None, other: Buckets | None) -> Clustered | None:
    if not (mine and other):
        return None
    both = by_bucket(_added(mine.n, other.n), _added(mine.sums, other.sums))
    challenger, incumbent = _by_bucket(mine), _by_bucket(other)
    if not (both and challenger and incumbent):
        return None
    return difference_by_bucket(challenger, incumbent, both)


def _added(*by_bucket: Sequence[float]) -> list[float]:
    return [sum(bucket) for bucket in zip(*by_bucket, strict=True)]


def _moments(mean: Mean) -> Moments:
    squares = mean.row_variance * mean.n * (mean.n - 1) + mean.n * mean.mean * mean.mean
    return Moments.of_sums(mean.n, mean.n * mean.mean, squares)
