"""Runs that are looked at often: what a loss, a split or a ramp looks like while rows come in.

A run yields the estimate of each look at which something may be decided. All random numbers come
from a seed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contender.stats.estimates import (
    LEAST_CARRIERS,
    LEAST_SPREAD,
    Clustered,
    Estimate,
    by_bucket,
    careful_difference,
    difference_by_bucket,
    mean,
    mean_by_bucket,
    spread,
    stratified,
    stratified_by_bucket,
    weight,
    with_unseen,
)
from contender.stats.moments import Moments
from contender.stats.sequences import (
    LEAST_ROWS,
    log_evidence,
    log_evidence_above,
    log_evidence_below,
    mixture,
    one_sided_mixture,
)

Numbers = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Numbers]
"""So many rows: of each the challenger's loss minus the incumbent's."""
Run = Iterable[Estimate]
Runs = Iterator[Run]

ALPHA = 0.05
LOOKS = 200
BUCKETS = 128


class Shares(NamedTuple):
    """Of all runs, those in which a null was ever excluded."""

    two_sided: float
    above: float
    below: float

    def __repr__(self) -> str:
        return "/".join(f"{100 * one:.1f}" for one in self)


def excluded(runs: Iterable[Run], null: float, planned: float, alpha: float = ALPHA) -> Shares:
    """Return in how many of the runs a look excluded the null: by the interval, or by a bound."""
    found = [_excluded(run, null, planned, alpha) for run in runs]
    return Shares(*(sum(column) / len(found) for column in zip(*found, strict=True)))


def _excluded(run: Run, null: float, planned: float, alpha: float) -> tuple[bool, bool, bool]:
    rho2, of_one_side = mixture(planned, alpha), one_sided_mixture(planned, alpha)
    enough = log(1 / alpha)
    two_sided = above = below = False
    for look in run:
        two_sided |= log_evidence(look, null, rho2) >= enough
        if look.value > null:
            above |= log_evidence_above(look, null, of_one_side) >= enough
        else:
            below |= log_evidence_below(look, null, of_one_side) >= enough
    return two_sided, above, below


def at_most(share: float, runs: int) -> float:
    """Return what a measured share is below if the true one is at most `share`."""
    return share + 3 * (share * (1 - share) / runs) ** 0.5


def looks(rows: int, first: int = LEAST_ROWS) -> list[int]:
    """Return after how many rows one looks: often at the beginning."""
    return sorted({int(one) for one in np.geomspace(first, rows, LOOKS).round()})


# Pairs: both arms answer the same rows.


def zero_one(worse: float, better: float) -> Draw:
    """Return rows in which one arm alone is wrong with these probabilities."""

    def draw(random: np.random.Generator, rows: int) -> Numbers:
        chance = random.random(rows)
        return np.where(chance < worse, 1.0, np.where(chance < worse + better, -1.0, 0.0))

    return draw


def errors(loss: Callable[[Numbers], Numbers], mixed: float) -> Draw:
    """Return losses of a challenger that is mostly nearer and sometimes far off.

    Its errors are normal, with three times the standard deviation in a share `mixed` of the rows.
    """

    def draw(random: np.random.Generator, rows: int) -> Numbers:
        scale = np.where(random.random(rows) < mixed, 3.0, 1.0)
        return loss(random.standard_normal(rows) * scale) - loss(random.standard_normal(rows))

    return draw


def scores(loss: Callable[[Numbers, Numbers], Numbers], positives: float) -> Draw:
    """Return losses of a sharp challenger beside an incumbent that always tells the base rate.

    The challenger finds half of the positives with a score of .8, and is wrong about one in 200 of
    the others.
    """

    def draw(random: np.random.Generator, rows: int) -> Numbers:
        truth = (random.random(rows) < positives).astype(float)
        found = random.random(rows) < np.where(truth == 1, 0.5, 0.005)
        score = np.where(found, 0.8, positives / 2)
        return loss(score, truth) - loss(np.full(rows, positives), truth)

    return draw


def pairs(draw: Draw, rows: int, runs: int, bound: float | None, seed: int) -> Runs:
    """Yield runs of pairs, one row a request.

    Args:
        draw: rows.
        rows: of a run.
        runs: how many.
        bound: of the difference, in absolute value; None: there is none, so `carriers` decides
            whether there is enough.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    for _ in range(runs):
        values = draw(random, rows)
        yield _by_carriers(values, random) if bound is None else _by_bound(values, bound)


def _by_bound(values: Numbers, bound: float) -> Iterator[Estimate]:
    sums, squares = values.cumsum(), (values * values).cumsum()
    for n in looks(len(values)):
        found = mean(Moments(n, float(sums[n - 1]), float(squares[n - 1])))
        assert found is not None
        yield with_unseen(found, bound, n)


def _by_carriers(values: Numbers, random: np.random.Generator) -> Iterator[Estimate]:
    for n, sums in _buckets(random.integers(0, BUCKETS, len(values)), values):
        found = by_bucket(n, sums)
        if found is not None and found.carriers >= LEAST_CARRIERS:
            yield found.estimate


def _buckets(
    where: NDArray[np.int64], values: Numbers, first: int = LEAST_ROWS
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield observations and sums by bucket at each look."""
    n, sums = np.zeros(BUCKETS), np.zeros(BUCKETS)
    done = 0
    for rows in looks(len(values), first):
        n = n + np.bincount(where[done:rows], minlength=BUCKETS)
        sums = sums + np.bincount(where[done:rows], values[done:rows], BUCKETS)
        done = rows
        yield n, sums


def batches(
    discordance: float, alike: float, requests: int, rows: int, runs: int, seed: int
) -> Runs:
    """Yield runs of requests of many rows that are alike.

    Args:
        discordance: share of rows in which one arm alone is wrong; each is in half of them.
        alike: intra-class correlation of the rows of a request.
        requests: of a run.
        rows: of a request.
        runs: how many.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    draw = zero_one(discordance / 2, discordance / 2)
    for _ in range(runs):
        # Two rows are alike if both copy their request: with probability sqrt(alike) squared.
        copies = random.random((requests, rows)) < alike**0.5
        own = draw(random, requests * rows).reshape(requests, rows)
        values = np.where(copies, draw(random, requests)[:, None], own).sum(axis=1)
        yield _of_requests(values, rows, random)


def _of_requests(values: Numbers, rows: int, random: np.random.Generator) -> Iterator[Estimate]:
    done = 0.0
    where = random.integers(0, BUCKETS, len(values))
    for n, sums in _buckets(where, values, first=LEAST_ROWS // rows):
        done = float(n.sum())
        found = mean_by_bucket(n * rows, sums)
        if found is not None and spread(n) >= LEAST_SPREAD:
            yield with_unseen(found, 1.0, done)


# Splits: each row has one answer.


def split(draw: Draw, share: float, rows: int, runs: int, seed: int) -> Runs:
    """Yield runs of a split in which the challenger gets a share of the rows."""
    random = np.random.default_rng(seed)
    for _ in range(runs):
        values, ours = draw(random, rows), random.random(rows) < share
        yield _of_arms(values, ours)


def _of_arms(values: Numbers, ours: NDArray[np.bool_]) -> Iterator[Estimate]:
    for challenger, incumbent in moments(values, ours):
        found = careful_difference(challenger, incumbent)
        if found is not None:
            yield found


def moments(values: Numbers, ours: NDArray[np.bool_]) -> Iterator[tuple[Moments, Moments]]:
    """Yield the sums of the challenger and of the incumbent at each look."""
    at = np.array(looks(len(values))) - 1
    return zip(_of_arm(values, ours, at), _of_arm(values, ~ours, at), strict=True)


def _of_arm(values: Numbers, arm: NDArray[np.bool_], at: NDArray[np.int64]) -> Iterator[Moments]:
    mine = np.where(arm, values, 0.0)
    sums = (arm.cumsum()[at], mine.cumsum()[at], (mine * mine).cumsum()[at])
    return (Moments(*(float(one) for one in row)) for row in zip(*sums, strict=True))


def sticky(
    shares: Sequence[float],
    entities: int,
    alike: float,
    tail: float | None,
    rows: int,
    runs: int,
    seed: int,
) -> Runs:
    """Yield runs of a split by entity, each with a rate of its own around 5 %.

    Args:
        shares: of entities, that the challenger gets in one epoch after another. Who is with the
            challenger stays there while the share goes up.
        entities: how many there are; they come again and again.
        alike: intra-class correlation of the rows of an entity.
        tail: the exponent of a Pareto distribution of how busy entities are; None: equally.
        rows: of a run.
        runs: how many.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    a, b = 0.05 * (1 - alike) / alike, 0.95 * (1 - alike) / alike
    for _ in range(runs):
        busy = np.ones(entities) if tail is None else 1 + random.pareto(tail, entities)
        who = random.choice(entities, rows, p=busy / busy.sum())
        values = (random.random(rows) < random.beta(a, b, entities)[who]).astype(float)
        share = np.repeat(shares, -(-rows // len(shares)))[:rows]
        ours = random.random(entities)[who] < share
        yield _of_entities(values, ours, random.integers(0, BUCKETS, entities)[who], len(shares))


def _of_entities(
    values: Numbers, ours: NDArray[np.bool_], where: NDArray[np.int64], epochs: int
) -> Iterator[Estimate]:
    each = -(-len(values) // epochs)
    before: list[_Both] = []
    for rows in looks(len(values)):
        while rows > each * (len(before) + 1):
            done = slice(each * len(before), each * (len(before) + 1))
            before.append(_both(values[done], ours[done], where[done]))
        now = slice(each * len(before), rows)
        parts = [*before, _both(values[now], ours[now], where[now])]
        spreads = [spread(np.sum([part.n[arm] for part in parts], axis=0)) for arm in (0, 1)]
        found = stratified_by_bucket([(one.weight, one.mean) for one in parts if one.mean])
        if found is not None and min(spreads) >= LEAST_SPREAD:
            yield found.estimate


class _Both(NamedTuple):
    """Both arms in one epoch."""

    n: Numbers
    """By arm and bucket."""
    weight: float
    mean: Clustered | None
    """The difference."""


def _both(values: Numbers, ours: NDArray[np.bool_], where: NDArray[np.int64]) -> _Both:
    index = where + BUCKETS * ours
    n = np.bincount(index, minlength=2 * BUCKETS).reshape(2, BUCKETS).astype(float)
    sums = np.bincount(index, values, 2 * BUCKETS).reshape(2, BUCKETS)
    incumbent, challenger = (by_bucket(n[arm], sums[arm]) for arm in (0, 1))
    both = by_bucket(n.sum(axis=0), sums.sum(axis=0))
    if not (challenger and incumbent and both):
        return _Both(n, 0.0, None)
    heavy = weight(challenger.n, incumbent.n)
    return _Both(n, heavy, difference_by_bucket(challenger, incumbent, both))


def returning(epochs: int, entities: int, alike: float, rows: int, runs: int, seed: int) -> Runs:
    """Yield runs of pairs of entities that come back in every epoch.

    Args:
        epochs: of as many rows each.
        entities: how many there are, equally busy.
        alike: intra-class correlation of an entity's differences, which are normal.
        rows: of a run.
        runs: how many.
        seed: of the random numbers.
    """
    for one in _epochs_of_pairs(epochs, entities, alike, rows, runs, seed):
        yield (found.estimate for parts in one if (found := stratified_by_bucket(parts)))


def taken_for_new(
    epochs: int, entities: int, alike: float, rows: int, runs: int, seed: int
) -> Runs:
    """Yield the same runs, as if other entities came in each epoch; as must not be done."""
    for one in _epochs_of_pairs(epochs, entities, alike, rows, runs, seed):
        apart = ([(heavy, part.estimate) for heavy, part in parts] for parts in one)
        yield (found for parts in apart if (found := stratified(parts)))


def _epochs_of_pairs(
    epochs: int, entities: int, alike: float, rows: int, runs: int, seed: int
) -> Iterator[Iterator[list[tuple[float, Clustered]]]]:
    random = np.random.default_rng(seed)
    for _ in range(runs):
        who = random.integers(0, entities, rows)
        own = random.standard_normal(rows) * (1 - alike) ** 0.5
        values = random.standard_normal(entities)[who] * alike**0.5 + own
        yield _parts(values, random.integers(0, BUCKETS, entities)[who], rows // epochs)


def _parts(
    values: Numbers, where: NDArray[np.int64], each: int
) -> Iterator[list[tuple[float, Clustered]]]:
    before: list[tuple[float, Clustered]] = []
    begin = 0
    for rows in looks(len(values)):
        while rows > begin + each:
            before += _part(values[begin : begin + each], where[begin : begin + each])
            begin += each
        yield [*before, *_part(values[begin:rows], where[begin:rows])]


def _part(values: Numbers, where: NDArray[np.int64]) -> list[tuple[float, Clustered]]:
    n = np.bincount(where, minlength=BUCKETS).astype(float)
    found = by_bucket(n, np.bincount(where, values, BUCKETS).astype(float))
    return [(found.n, found)] if found is not None else []


class Epoch(NamedTuple):
    share: float
    """Of rows, that the challenger gets."""
    rate: float
    """Of errors, of both arms."""


def ramp(epochs: Iterable[Epoch], rows: int, runs: int, seed: int, *, pooled: bool = False) -> Runs:
    """Yield runs of a split whose weights and base rates change.

    Args:
        epochs: one after another, of as many rows each.
        rows: of a run.
        runs: how many.
        seed: of the random numbers.
        pooled: whether the sums of all epochs are mixed, as must not be done.
    """
    random = np.random.default_rng(seed)
    told = list(epochs)
    for _ in range(runs):
        yield _of_epochs(random, told, rows, pooled)


def _of_epochs(
    random: np.random.Generator, epochs: list[Epoch], rows: int, pooled: bool
) -> Iterator[Estimate]:
    each = LOOKS // len(epochs)
    nothing = Moments(0.0, 0.0, 0.0)
    before: list[tuple[Moments, Moments]] = []
    for epoch in epochs:
        challenger = incumbent = nothing
        for _ in range(each):
            ours = int(random.binomial(rows // LOOKS, epoch.share))
            challenger += _counted(random, ours, epoch.rate)
            incumbent += _counted(random, rows // LOOKS - ours, epoch.rate)
            now = [*before, (challenger, incumbent)]
            if pooled:
                now = [(sum((a for a, _ in now), nothing), sum((b for _, b in now), nothing))]
            parts = [(weight(a.n, b.n), careful_difference(a, b)) for a, b in now]
            found = stratified([(heavy, part) for heavy, part in parts if part is not None])
            if found is not None and found.n >= LEAST_ROWS:
                yield found
        before.append((challenger, incumbent))


def _counted(random: np.random.Generator, rows: int, rate: float) -> Moments:
    wrong = float(random.binomial(rows, rate))
    return Moments(float(rows), wrong, wrong)
