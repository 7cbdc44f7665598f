"""Sample-ratio mismatch and planning, beside SciPy and in simulations with fixed seeds."""

from collections.abc import Sequence
from dataclasses import replace
from math import isclose, log, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from contender.stats.agreement import wilson
from contender.stats.estimates import Estimate
from contender.stats.fixed import hybrid, z_interval
from contender.stats.mismatch import (
    ALPHA,
    CONCENTRATION,
    Assigned,
    log_evidence_of_mismatch,
    log_evidence_over_epochs,
)
from contender.stats.planning import (
    Design,
    rows_needed,
    variance_of_pairs,
    variance_of_share,
    variance_of_split,
)
from contender.stats.sequences import half_width, mixture

NEEDED = log(1 / ALPHA)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def shares(arms: int) -> st.SearchStrategy[list[float]]:
    weights = st.lists(st.integers(1, 100), min_size=arms, max_size=arms)
    return weights.map(lambda all_of_them: [one / sum(all_of_them) for one in all_of_them])


def assignments(most: int) -> st.SearchStrategy[tuple[list[int], list[float]]]:
    return st.integers(2, 5).flatmap(
        lambda arms: st.tuples(
            st.lists(st.integers(0, most), min_size=arms, max_size=arms), shares(arms)
        )
    )


@given(assignments(10**6), st.floats(1, 10**5))
def test_it_is_the_ratio_of_two_likelihoods(
    assigned: tuple[list[int], list[float]], concentration: float
) -> None:
    counts, intended = assigned
    total = sum(counts)
    mixture = stats.dirichlet_multinomial.logpmf(counts, concentration * np.array(intended), total)
    expected = mixture - stats.multinomial.logpmf(counts, total, intended)
    found = log_evidence_of_mismatch(counts, intended, concentration)
    assert isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6)


@given(assignments(10**6), st.randoms())
def test_the_order_of_arms_does_not_matter(
    assigned: tuple[list[int], list[float]], random: Random
) -> None:
    counts, intended = assigned
    order = list(range(len(counts)))
    random.shuffle(order)
    found = log_evidence_of_mismatch([counts[i] for i in order], [intended[i] for i in order])
    assert isclose(found, log_evidence_of_mismatch(counts, intended), rel_tol=1e-9, abs_tol=1e-6)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0.01, 0.99))
def test_the_farther_off_the_faster_it_grows(first: int, second: int, share: float) -> None:
    """It is convex: on both sides of where it is least, more is more evidence."""
    before, here, after = (
        log_evidence_of_mismatch((first + more, second - more), (share, 1 - share))
        for more in (-1, 0, 1)
    )
    assert before + after >= 2 * here - 1e-6


@given(st.integers(10, 10**6), st.floats(0.01, 0.99))
def test_it_is_least_where_counts_are_as_intended(total: int, share: float) -> None:
    def found(count: int) -> float:
        return log_evidence_of_mismatch((count, total - count), (share, 1 - share))

    expected = round(total * share)
    assert found(expected) <= 0.05
    far = round(4 * sqrt(total))
    assert all(
        found(expected) <= found(at) for at in (expected - far, expected + far) if 0 <= at <= total
    )


@given(
    st.integers(10**5, 10**8),
    st.integers(2, 4).flatmap(shares),
    st.lists(st.floats(-4, 4), min_size=4, max_size=4),
)
def test_of_many_units_it_is_a_function_of_chi_square(
    total: int, intended: list[float], off: list[float]
) -> None:
    """ln E nears X^2 / 2 * n / (n + c) - (d - 1) / 2 * ln((n + c) / c): both are normal then."""
    assume(min(intended) > 0.05)
    expected = total * np.array(intended)
    counts = np.rint(expected + np.array(off[: len(intended)]) * np.sqrt(expected))
    counts[-1] += total - counts.sum()
    concentration = 1e5
    square = float(((counts - expected) ** 2 / expected).sum())
    weight = total / (total + concentration)
    normal = square / 2 * weight + (len(intended) - 1) / 2 * log(1 - weight)
    found = log_evidence_of_mismatch([int(x) for x in counts], intended, concentration)
    assert isclose(found, normal, rel_tol=0.02, abs_tol=0.05)


def first_found(share: float, ratio: float, concentration: float) -> int:
    """Return of how many units a mismatch is found, when counts are as expected."""

    def is_found(total: int) -> bool:
        got = round(total * share * ratio)
        counts, intended = (total - got, got), (1 - share, share)
        return log_evidence_of_mismatch(counts, intended, concentration) >= NEEDED

    least, most = 1, 10**8
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if is_found(middle) else (middle + 1, most)
    return least


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("ratio", [0.5, 0.8, 0.9, 0.95, 0.98, 1.05, 1.5])
def test_the_concentration_is_a_good_one_throughout(share: float, ratio: float) -> None:
    needed = [first_found(share, ratio, one) for one in (CONCENTRATION, 1_000, 10_000)]
    assert needed[0] <= 1.27 * min(needed)


def evidence(counts: Counts, intended: Sequence[float]) -> Floats:
    """Return what `log_evidence_of_mismatch` does, of many counts at once."""
    expected = CONCENTRATION * np.array(intended)
    arms = special.gammaln(expected + counts) - special.gammaln(expected)
    total = special.gammaln(CONCENTRATION) - special.gammaln(CONCENTRATION + counts.sum(-1))
    return np.asarray(total + (arms - counts * np.log(intended)).sum(-1))


RUNS = 20_000
LOOKS = 200


@pytest.mark.parametrize("intended", [(0.5, 0.5), (0.9, 0.1), (0.98, 0.01, 0.01)])
def test_a_sound_experiment_is_called_mismatched_no_more_often_than_alpha(
    intended: tuple[float, ...],
) -> None:
    """Looked at 200 times, after 100 more units each time."""
    random = np.random.default_rng(1)
    counts = np.zeros((RUNS, len(intended)), dtype=np.int64)
    highest = np.zeros(RUNS)
    for _ in range(LOOKS):
        counts += random.multinomial(100, intended, RUNS)
        highest = np.maximum(highest, evidence(counts, intended))
    assert (highest >= NEEDED).mean() <= ALPHA
    some = tuple(int(x) for x in counts[0])
    assert isclose(evidence(counts, intended)[0], log_evidence_of_mismatch(some, intended))


def test_entities_that_come_back_would_be_false_alarms_if_epochs_multiplied() -> None:
    """2,000 entities that keep their arm over five epochs: the same chance five times."""
    random = np.random.default_rng(2)
    runs = 2_000
    alarms = {True: 0, False: 0}
    for got in random.binomial(2_000, 0.5, runs):
        epochs = [Assigned((int(got), 2_000 - int(got)), (0.5, 0.5))] * 5
        for sticky in alarms:
            alarms[sticky] += log_evidence_over_epochs(epochs, sticky=sticky) >= NEEDED
    assert alarms[True] <= 2 * ALPHA * runs
    assert alarms[False] > 4 * ALPHA * runs


def test_epochs_of_requests_that_are_assigned_anew_keep_alpha() -> None:
    random = np.random.default_rng(3)
    ramp = (0.01, 0.1, 0.5)
    done = np.zeros(RUNS)
    highest = np.zeros(RUNS)
    for share in ramp:
        counts = np.zeros((RUNS, 2), dtype=np.int64)
        for _ in range(50):
            counts += random.multinomial(100, (1 - share, share), RUNS)
            present = done + evidence(counts, (1 - share, share))
            highest = np.maximum(highest, present)
        done = present
    assert (highest >= NEEDED).mean() <= ALPHA


@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.1]))
def test_the_interval_is_the_one_of_scipy(n: int, part: float, alpha: float) -> None:
    successes = round(part * n)
    expected = stats.binomtest(successes, n).proportion_ci(1 - alpha, method="wilson")
    found = wilson(successes, n, alpha)
    assert isclose(found[0], expected.low, abs_tol=1e-9)
    assert isclose(found[1], expected.high, abs_tol=1e-9)


# Planning: with as many rows as it says, what is there is found as often as it says.

TRIALS = 4_000
LOOKS_OF_A_PLAN = 100
BUYS = (0.05, 0.055)
CONVERSIONS = Design(
    effect=BUYS[1] - BUYS[0],
    variance=variance_of_split(variance_of_share(BUYS[0]), variance_of_share(BUYS[1]), 0.5),
)


def split_at_looks(
    rows: int, looks: int, buys: tuple[float, float], seed: int
) -> tuple[Floats, Floats]:
    """Return by trial and look the difference of shares, and its variance; half of the rows go to
    each arm."""
    random = np.random.default_rng(seed)
    ends = np.linspace(0, rows / 2, looks + 1).round().astype(np.int64)
    n = ends[1:]
    bought = [
        np.cumsum(random.binomial(np.diff(ends), share, (TRIALS, looks)), axis=1) / n
        for share in buys
    ]
    variance = sum(share * (1 - share) / (n - 1) for share in bought)
    return np.asarray(bought[1] - bought[0]), np.asarray(variance)


def widths_at_looks(variance: Floats, rows: int, planned: int, alpha: float) -> Floats:
    """Return the half-widths of the confidence sequence, of all trials and looks at once."""
    n = np.linspace(0, rows, variance.shape[1] + 1)[1:]
    unit = [half_width(Estimate(0.0, 1.0, one), mixture(planned, alpha), alpha) for one in n]
    return np.sqrt(variance) * np.array(unit)


@pytest.mark.parametrize("power", [0.8, 0.9])
def test_a_fixed_test_finds_it_as_often_as_planned(power: float) -> None:
    rows = rows_needed(replace(CONVERSIONS, power=power)).fixed
    difference, variance = split_at_looks(rows, 1, BUYS, seed=1)
    found = (difference > z_interval(Estimate(0, 1, rows), 0.05)[1] * np.sqrt(variance)).mean()
    assert isclose(found, power, abs_tol=0.02)


@pytest.mark.parametrize("power", [0.8, 0.9])
def test_looked_at_all_the_time_it_is_found_at_least_as_often_as_planned(power: float) -> None:
    rows = rows_needed(replace(CONVERSIONS, power=power)).sequential
    difference, variance = split_at_looks(rows, LOOKS_OF_A_PLAN, BUYS, seed=2)
    at_looks = difference > widths_at_looks(variance, rows, rows, 0.05)
    assert isclose(at_looks[:, -1].mean(), power, abs_tol=0.02)
    ever = at_looks.any(axis=1).mean()
    assert power < ever < power + 0.08


def test_it_is_mostly_found_long_before_the_planned_rows() -> None:
    """In the mean after about as many rows as a fixed test needs: docs/statistics.md."""
    needed = rows_needed(CONVERSIONS)
    difference, variance = split_at_looks(needed.sequential, LOOKS_OF_A_PLAN, BUYS, seed=3)
    at_looks = difference > widths_at_looks(variance, needed.sequential, needed.sequential, 0.05)
    first = np.where(at_looks.any(axis=1), at_looks.argmax(axis=1) + 1, LOOKS_OF_A_PLAN)
    mean = first.mean() / LOOKS_OF_A_PLAN * needed.sequential
    assert isclose(mean / needed.fixed, 1.1, abs_tol=0.05)


@pytest.mark.parametrize(("buys", "least", "most"), [(BUYS, 0.79, 0.83), ((0.05, 0.05), 0, 0.05)])
def test_with_a_horizon_it_is_found_as_often_as_planned_and_alpha_is_kept(
    buys: tuple[float, float], least: float, most: float
) -> None:
    rows = rows_needed(CONVERSIONS).horizon
    spending = hybrid(0.05)
    difference, variance = split_at_looks(rows, LOOKS_OF_A_PLAN, buys, seed=4)
    always = np.abs(difference) > widths_at_looks(variance, rows, rows, spending.sequential)
    reach = z_interval(Estimate(0, 1, rows), spending.fixed)[1] * np.sqrt(variance[:, -1])
    found = (always.any(axis=1) | (np.abs(difference[:, -1]) > reach)).mean()
    assert least <= found <= most


def test_an_equal_arm_is_found_different_less_often_than_alpha() -> None:
    rows = rows_needed(CONVERSIONS).sequential
    difference, variance = split_at_looks(rows, LOOKS_OF_A_PLAN, (0.05, 0.05), seed=5)
    assert (np.abs(difference) > widths_at_looks(variance, rows, rows, 0.05)).any(1).mean() <= 0.05


def test_paired_errors_are_found_as_often_as_planned() -> None:
    """Arms that disagree on 3 % of the rows, and the challenger is wrong in 1 % fewer."""
    discordant, effect = 0.03, -0.01
    rows = rows_needed(Design(effect, variance_of_pairs(discordant, effect))).fixed
    worse, better = (discordant + effect) / 2, (discordant - effect) / 2
    random = np.random.default_rng(6)
    drawn = random.multinomial(rows, (worse, better, 1 - discordant), TRIALS)
    mean = (drawn[:, 0] - drawn[:, 1]) / rows
    variance = ((drawn[:, 0] + drawn[:, 1]) / rows - mean**2) / rows
    found = (mean < z_interval(Estimate(0, 1, rows), 0.05)[0] * np.sqrt(variance)).mean()
    assert isclose(found, 0.8, abs_tol=0.02)


def test_rows_in_clusters_are_found_as_often_as_planned() -> None:
    """20 rows a request, that are alike (0.2). Requests are the units."""
    size, icc, effect = 20, 0.2, 0.1
    needed = rows_needed(Design(effect, 1.0, cluster_rows=size, icc=icc)).fixed
    requests = round(needed / size)
    random = np.random.default_rng(7)
    spread = sqrt(icc + (1 - icc) / size)
    means = random.normal(effect, spread, (TRIALS, requests))
    errors = means.std(axis=1, ddof=1) / sqrt(requests)
    found = (means.mean(axis=1) > z_interval(Estimate(0, 1, needed), 0.05)[1] * errors).mean()
    assert isclose(found, 0.8, abs_tol=0.02)


@given(st.floats(0.001, 10), st.floats(0.001, 100), st.floats(0.001, 0.2), st.floats(0.5, 0.99))
def test_more_is_needed_for_what_is_harder(
    effect: float, variance: float, alpha: float, power: float
) -> None:
    design = Design(effect, variance, alpha=alpha, power=power)
    harder = (
        replace(design, effect=effect / 2),
        replace(design, variance=2 * variance),
        replace(design, alpha=alpha / 2),
        replace(design, power=(1 + power) / 2),
        replace(design, cluster_rows=10, icc=0.1),
    )
    found = rows_needed(design)
    for one in map(rows_needed, harder):
        assert one.sequential >= found.sequential
        assert one.fixed >= found.fixed
    assert found.fixed <= found.horizon <= found.sequential
