"""However often one looks, what is not there is found no more often than alpha says.

Simulations with fixed seeds, of what the estimates are recommended for. Each is measured for the
interval and for both one-sided bounds; the last ones show what the precautions are for.
"""

from collections.abc import Callable, Iterator
from math import inf, log, sqrt

import numpy as np
import pytest

from contender.stats.estimates import Estimate, difference_of_means, mean
from contender.stats.fixed import hybrid, p_value
from contender.stats.losses import LEAST_PROBABILITY
from contender.stats.moments import Moments
from contender.stats.sequences import log_evidence, mixture
from tests.properties.looking import (
    ALPHA,
    Draw,
    Epoch,
    Numbers,
    Runs,
    at_most,
    batches,
    errors,
    excluded,
    looks,
    moments,
    pairs,
    ramp,
    returning,
    scores,
    split,
    sticky,
    taken_for_new,
    zero_one,
)

RUNS = 250
FEWER = 100
"""Runs of what takes longer."""
FEWEST = 40
"""Runs of what takes longest."""
PLANNED = 5_000
ROWS = 2 * PLANNED
"""Looks go on for twice as long as was planned."""
WORST = -log(LEAST_PROBABILITY)
NORMAL = sqrt(2 / np.pi)
"""The mean of the absolute value of a normal number."""
RAMP = (Epoch(0.01, 0.05), Epoch(0.1, 0.06), Epoch(0.5, 0.07))


def squared(error: Numbers) -> Numbers:
    return error * error


def brier(score: Numbers, truth: Numbers) -> Numbers:
    return (score - truth) ** 2


def log_loss(score: Numbers, truth: Numbers) -> Numbers:
    return -np.log(np.maximum(np.where(truth == 1, score, 1 - score), LEAST_PROBABILITY))


def of_scores(loss: Callable[[Numbers, Numbers], Numbers], positives: float) -> float:
    """Return the expectation of `scores`."""
    truth = np.array([1.0, 1.0, 0.0, 0.0])
    score = np.array([0.8, positives / 2, 0.8, positives / 2])
    chance = np.array([0.5 * positives] * 2 + [0.005 * (1 - positives), 0.995 * (1 - positives)])
    return float(chance @ (loss(score, truth) - loss(np.full(4, positives), truth)))


def rate(of: float) -> Draw:
    return lambda random, rows: (random.random(rows) < of).astype(float)


def amounts(random: np.random.Generator, rows: int) -> Numbers:
    """Return what callers buy: most nothing, some much."""
    return np.where(random.random(rows) < 0.05, np.exp(random.standard_normal(rows)), 0.0)


PAIRS: dict[str, tuple[Draw, float | None, float]] = {
    # rows, the bound of a difference, and the true mean difference, which is the null
    "zero-one, 2 % differ": (zero_one(0.01, 0.01), 1.0, 0.0),
    "zero-one, 10 % differ": (zero_one(0.05, 0.05), 1.0, 0.0),
    "zero-one, margin 2 %, all that differ are worse": (zero_one(0.02, 0.0), 1.0, 0.02),
    "zero-one, margin 1 %": (zero_one(0.015, 0.005), 1.0, 0.01),
    "squared": (errors(squared, 0.0), None, 0.0),
    "squared, 5 % far off": (errors(squared, 0.05), None, 0.05 * 8),
    "absolute": (errors(np.abs, 0.0), None, 0.0),
    "absolute, 5 % far off": (errors(np.abs, 0.05), None, 0.05 * 2 * NORMAL),
    "Brier": (scores(brier, 0.02), 1.0, of_scores(brier, 0.02)),
    "log-loss": (scores(log_loss, 0.02), WORST, of_scores(log_loss, 0.02)),
}

CLUSTERS: dict[str, tuple[Callable[[int], Runs], int]] = {
    # runs, and the number of rows that was planned
    "50 alike rows a request": (lambda n: batches(0.1, 0.5, 1_000, 50, n, 16), 25_000),
    "half of the entities": (lambda n: sticky([0.5], 2_000, 0.2, None, ROWS, n, 17), PLANNED),
    "a tenth, some very busy": (lambda n: sticky([0.1], 2_000, 0.2, 1.2, ROWS, n, 19), PLANNED),
    "ever more of the entities": (
        lambda n: sticky([0.1, 0.2, 0.5], 500, 0.5, None, ROWS, n, 22),
        PLANNED,
    ),
    "pairs of entities that come back in ten epochs": (
        lambda n: returning(10, 500, 0.5, ROWS, n, 23),
        PLANNED,
    ),
}

SPLITS: dict[str, Callable[[int], Runs]] = {
    "a share of 1 %, rate 5 %": lambda n: split(rate(0.05), 0.01, ROWS, n, 11),
    "a share of 10 %, rate 5 %": lambda n: split(rate(0.05), 0.1, ROWS, n, 12),
    "a share of 10 %, amounts": lambda n: split(amounts, 0.1, ROWS, n, 13),
    "a ramp while rates move": lambda n: ramp(RAMP, ROWS, n, 14),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str) -> None:
    draw, bound, null = PAIRS[name]
    runs = FEWER if bound is None else RUNS
    found = excluded(pairs(draw, ROWS, runs, bound, 10), null, PLANNED)
    assert max(found) <= at_most(ALPHA, runs), found


@pytest.mark.parametrize("name", SPLITS)
def test_splits(name: str) -> None:
    found = excluded(SPLITS[name](RUNS), 0.0, PLANNED)
    assert max(found) <= at_most(ALPHA, RUNS), found


@pytest.mark.parametrize("name", CLUSTERS)
def test_rows_that_are_alike(name: str) -> None:
    runs, planned = CLUSTERS[name]
    found = excluded(runs(FEWEST), 0.0, planned)
    assert max(found) <= at_most(ALPHA, FEWEST), found


# What is there is found.


@pytest.mark.parametrize("discordance", [0.02, 0.1])
def test_what_a_fixed_test_finds_the_horizon_finds_nearly_as_often(discordance: float) -> None:
    """With the rows that give a fixed test a power of 80 %."""
    fixed, looking, both, _ = found_within(PLANNED, discordance, 2.8016)
    assert 0.74 <= fixed <= 0.86
    assert 0.42 <= looking <= 0.60
    assert fixed - 0.06 <= both <= fixed


def test_with_twice_the_rows_looking_alone_finds_it_mostly_before_the_end() -> None:
    _, looking, _, half = found_within(PLANNED, 0.1, 2.8016 * sqrt(2))
    assert looking >= 0.82
    assert half <= 0.65


def found_within(rows: int, discordance: float, errors_away: float) -> tuple[float, ...]:
    """Return the shares found at the end, by looking, and by both as in a hybrid; and the median
    part of the rows after which looking has found it.

    Args:
        rows: of a run, as planned.
        discordance: share of rows in which one arm alone is wrong.
        errors_away: how far the true difference is from 0, in standard errors at the end.
    """
    gap = errors_away * sqrt(discordance / rows)
    draw = zero_one((discordance - gap) / 2, (discordance + gap) / 2)
    spent = hybrid(ALPHA)
    fixed, both, ends = 0, 0, []
    for run in pairs(draw, rows, RUNS, 1.0, 20):
        seen = list(run)
        fixed += p_value(seen[-1], 0) <= ALPHA
        both += ends_at(seen, rows, spent.sequential) <= 1 or p_value(seen[-1], 0) <= spent.fixed
        ends.append(ends_at(seen, rows, ALPHA))
    return fixed / RUNS, sum(end <= 1 for end in ends) / RUNS, both / RUNS, float(np.median(ends))


def ends_at(seen: list[Estimate], planned: int, alpha: float) -> float:
    """Return after which part of the planned rows 0 is excluded; infinite if it is not."""
    rho2 = mixture(planned, alpha)
    found = (one.n for one in seen if log_evidence(one, 0, rho2) >= log(1 / alpha))
    return next(found, inf) / planned


# What the precautions are for: without each of them, far more is found than is there.


def test_a_small_arm_has_not_yet_seen_what_is_rare() -> None:
    random = np.random.default_rng(1)

    def run() -> Iterator[Estimate]:
        values, ours = rate(0.05)(random, ROWS), random.random(ROWS) < 0.01
        for one, other in moments(values, ours):
            found = difference_of_means(one, other)
            if found is not None:
                yield found

    assert excluded((run() for _ in range(FEWER)), 0.0, PLANNED).below > 0.5


def test_rows_that_are_alike_are_not_so_many_rows() -> None:
    random = np.random.default_rng(1)
    draw = zero_one(0.05, 0.05)

    def run() -> Iterator[Estimate]:
        values = np.repeat(draw(random, ROWS // 50), 50)
        for n in looks(ROWS):
            seen = values[:n]
            found = mean(Moments(n, float(seen.sum()), float((seen * seen).sum())))
            if found is not None:
                yield found

    assert excluded((run() for _ in range(FEWER)), 0.0, PLANNED).two_sided > 0.3


def test_epochs_are_not_to_be_mixed() -> None:
    """Rates go up while the challenger's share does: pooled, it would be to blame."""
    assert excluded(ramp(RAMP, 3 * ROWS, FEWER, 21, pooled=True), 0.0, PLANNED).above > 0.3


def test_who_comes_back_is_no_news() -> None:
    assert excluded(taken_for_new(10, 500, 0.5, ROWS, FEWEST, 23), 0.0, PLANNED).two_sided > 0.1
