"""Planning: as many rows as published formulas and statsmodels say."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil, inf, isclose, log, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from contender.stats.estimates import Estimate, careful_difference, with_unseen
from contender.stats.fixed import z_interval
from contender.stats.moments import Moments
from contender.stats.planning import (
    Design,
    Rows,
    Traffic,
    careful_of_split,
    design_effect,
    excess_of_buckets,
    fixed_rows,
    requests_needed,
    rows_needed,
    rows_until,
    seconds_needed,
    sequential_rows,
    unseen,
    variance_of_pairs,
    variance_of_share,
    variance_of_split,
)
from contender.stats.sequences import interval, mixture

CONVERSIONS = Design(
    effect=0.005,
    variance=variance_of_split(variance_of_share(0.05), variance_of_share(0.055), 0.5),
)
"""5 % of the incumbent's callers buy, and half of all go to a challenger with 5.5 %."""


def test_5_to_5_5_percent_needs_31231_in_each_arm() -> None:
    assert ceil(fixed_rows(CONVERSIONS) / 2) == 31_231


def test_the_pooled_variance_of_statsmodels_makes_hardly_a_difference() -> None:
    pooled = samplesize_proportions_2indep_onetail(0.005, 0.05, 0.8)
    assert isclose(fixed_rows(CONVERSIONS) / 2, pooled, rel_tol=2e-4)


@given(st.floats(0.01, 0.5), st.floats(0.001, 0.2), st.floats(0.55, 0.99), st.floats(0.1, 10.0))
def test_a_fixed_test_of_means_is_the_one_of_statsmodels(
    size: float, alpha: float, power: float, ratio: float
) -> None:
    """`size` is the difference in standard deviations, `ratio` the challenger's rows by the
    incumbent's."""
    variance = variance_of_split(1.0, 1.0, ratio / (1 + ratio))
    found = fixed_rows(Design(size, variance, alpha=alpha, power=power))
    # One-sided with half of alpha: statsmodels adds the far tail of a two-sided test.
    one_arm = NormalIndPower().solve_power(
        size, None, alpha / 2, power, ratio, alternative="larger"
    )
    assert isclose(found, one_arm * (1 + ratio), rel_tol=1e-4, abs_tol=1.0)


def closed_form(design: Design) -> Rows:
    """Return V ((width + z(power)) / distance)^2 for the width, in standard errors, of each way.

    Where intervals are tuned for the rows that are needed, N rho2 is the same for every N.
    """
    information = -2 * log(design.alpha) + log(1 - 2 * log(design.alpha))
    always = sqrt((1 + 1 / information) * (log(1 + information) - 2 * log(design.alpha)))
    variance = design.variance * (1 + (design.cluster_rows - 1) * design.icc)
    widths = (always, norm.isf(0.4 * design.alpha), norm.isf(0.5 * design.alpha))
    distance = design.effect - design.margin
    return Rows(
        *(ceil(variance * ((width + norm.ppf(design.power)) / distance) ** 2) for width in widths)
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"power": 0.9},
        {"alpha": 0.01},
        {"margin": -0.005},
        {"margin": 0.004},
        {"cluster_rows": 50, "icc": 0.2},
        {"variance": 1e-6, "effect": 1.0},
        {"variance": 1e6},
    ],
    ids=str,
)
def test_rows_by_how_one_looks(change: dict[str, Any]) -> None:
    design = replace(CONVERSIONS, **change)
    found, expected = rows_needed(design), closed_form(design)
    assert isclose(found.sequential, expected.sequential, rel_tol=1e-9, abs_tol=1)
    assert isclose(found.horizon, expected.horizon, rel_tol=1e-9, abs_tol=1)
    assert isclose(found.fixed, expected.fixed, rel_tol=1e-9, abs_tol=1)


def test_rows_of_an_example() -> None:
    assert rows_needed(CONVERSIONS) == Rows(sequential=119_608, horizon=66_714, fixed=62_462)


@pytest.mark.parametrize(
    ("alpha", "power", "ratio"),
    [(0.05, 0.8, 1.915), (0.05, 0.9, 1.773), (0.01, 0.8, 1.668), (0.01, 0.9, 1.583)],
)
def test_what_looking_all_the_time_costs(alpha: float, power: float, ratio: float) -> None:
    """It is the same for every effect and variance."""
    for effect, variance in ((0.005, 0.2), (3.0, 40_000.0)):
        needed = rows_needed(Design(effect, variance, alpha=alpha, power=power))
        assert isclose(needed.ratio, ratio, abs_tol=1e-3)


@pytest.mark.parametrize("planned", [None, 1_000, 5_000, 120_000, 10**7])
def test_so_many_rows_suffice_and_one_less_does_not(planned: int | None) -> None:
    """Half of all estimates are above their expectation: a power of 50 %."""
    design = replace(CONVERSIONS, power=0.5)
    needed = sequential_rows(design, planned)

    def lowest(rows: int) -> float:
        estimate = Estimate(design.effect, design.variance / rows, rows)
        return interval(estimate, mixture(planned or rows, design.alpha), design.alpha)[0]

    assert lowest(needed - 1) < 0 <= lowest(needed)


def test_tuned_for_other_rows_more_are_needed() -> None:
    least = sequential_rows(CONVERSIONS)
    needed = [sequential_rows(CONVERSIONS, least * factor) for factor in (0.01, 0.1, 1, 10, 100)]
    assert needed[0] > needed[1] > needed[2] < needed[3] < needed[4]
    assert isclose(needed[2], least, rel_tol=1e-3)


CAREFUL = replace(CONVERSIONS, careful=1.3, bucketed=2, unseen=unseen(1.0, [0.5, 0.5]))
"""The same by an operator who is careful."""


@pytest.mark.parametrize("design", [CONVERSIONS, CAREFUL], ids=["plain", "careful"])
@pytest.mark.parametrize("at_horizon", [False, True])
def test_the_interval_is_the_careful_one_and_luck_is_that_of_rows(
    design: Design, at_horizon: bool
) -> None:
    planned = 5_000
    needed = rows_needed(design, planned)
    rows = needed.horizon if at_horizon else needed.sequential

    def lowest(n: int) -> float:
        """Return the end of the interval if the estimate is as unlucky as one in five."""
        unlucky = design.effect - norm.ppf(0.8) * sqrt(design.variance / n)
        taken = design.variance * design.careful * (1 + design.bucketed * excess_of_buckets(1.0))
        estimate = Estimate(unlucky, taken / n + design.unseen / n**2, n)
        if at_horizon:
            return z_interval(estimate, 0.04)[0]
        return interval(estimate, mixture(planned, design.alpha), design.alpha)[0]

    assert lowest(rows - 1) < 0 <= lowest(rows)


def test_whoever_is_careful_needs_more_rows_but_not_for_the_usual_test() -> None:
    plain, careful = rows_needed(CONVERSIONS, 5_000), rows_needed(CAREFUL, 5_000)
    assert careful.fixed == plain.fixed
    assert careful.horizon > 1.1 * plain.horizon
    assert careful.sequential > 1.1 * plain.sequential


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.floats(0.02, 0.98))
def test_a_careful_split_is_the_one_that_is_estimated(
    incumbent: float, challenger: float, share: float
) -> None:
    n = 1e9
    arms = [
        Moments(part * n, part * n * mean, part * n * mean)
        for part, mean in ((share, challenger), (1 - share, incumbent))
    ]
    estimate = careful_difference(*arms)
    assert estimate
    variances = variance_of_share(incumbent), variance_of_share(challenger)
    taken = careful_of_split(*variances, share, challenger - incumbent)
    assert taken >= 1
    assert isclose(
        estimate.variance * n, taken * variance_of_split(*variances, share), rel_tol=1e-6
    )


@pytest.mark.parametrize("effect", [1.0, 1.05, 1.3, 3.0, 10.0])
def test_the_excess_of_buckets_is_what_comes_of_the_larger_variance(effect: float) -> None:
    guesses = effect * np.random.default_rng(4).chisquare(127, 400_000) / 127
    expected = np.maximum(1.0, guesses).mean() / effect - 1
    assert isclose(excess_of_buckets(effect), expected, abs_tol=2e-3)


def test_what_was_not_seen_is_added_as_an_estimate_adds_it() -> None:
    estimate = Estimate(0.1, 0.0, 1000)
    assert isclose(
        with_unseen(estimate, 2.0, 250).variance, unseen(2.0, [0.25]) / estimate.n**2, rel_tol=1e-12
    )
    assert unseen(1.0, [0.1, 0.9]) == unseen(1.0, [0.1]) + unseen(1.0, [0.9])
    assert unseen(0.0, [1.0]) == 0.0


@pytest.mark.parametrize("rho2", [mixture(500, 0.05), mixture(50_000, 0.05)])
@pytest.mark.parametrize(("value", "null"), [(0.02, 0.0), (-0.02, 0.0), (0.0, 0.02), (0.5, 0.0)])
def test_so_many_rows_in_all_pass_the_null_if_the_estimate_stays(
    value: float, null: float, rho2: float
) -> None:
    found = rows_until(Estimate(value, 0.1 / 400, 400), null, rho2, 0.05)

    def is_within(rows: float) -> bool:
        low, high = interval(Estimate(value, 0.1 / rows, rows), rho2, 0.05)
        return low <= null <= high

    assert is_within(found - 1)
    assert not is_within(found)


@pytest.mark.parametrize(
    "estimate",
    [Estimate(0.0, 0.001, 100), Estimate(0.1, 0.0, 100), Estimate(1e-9, 1.0, 100)],
    ids=["at the null", "no variance", "beyond all rows"],
)
def test_no_number_of_rows_tells_some_estimates_from_the_null(estimate: Estimate) -> None:
    assert rows_until(estimate, 0.0, mixture(5_000, 0.05), 0.05) == inf


@pytest.mark.parametrize(
    ("effect", "margin"), [(-0.01, 0.0), (0.01, 0.0), (0.0, 0.01), (0.5, 0.51)]
)
def test_only_the_distance_from_the_margin_matters(effect: float, margin: float) -> None:
    found = rows_needed(Design(effect, 0.03, margin=margin))
    assert isclose(found.fixed, 2355, abs_tol=1)
    assert isclose(found.sequential, 4509, abs_tol=2)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_variance_of_paired_errors(discordant: float, part: float) -> None:
    worse, better = discordant * part, discordant * (1 - part)
    values, weights = np.array([1.0, -1.0, 0.0]), [worse, better, 1 - discordant]
    mean = np.average(values, weights=weights)
    expected = np.average((values - mean) ** 2, weights=weights)
    found = variance_of_pairs(discordant, max(-discordant, min(discordant, worse - better)))
    assert isclose(found, expected, abs_tol=1e-12)


def test_rows_of_a_cluster_tell_as_much_less_as_the_design_effect_says() -> None:
    random = np.random.default_rng(1)
    size, icc = 5, 0.3
    shared = random.normal(0, icc**0.5, (200_000, 1))
    rows = shared + random.normal(0, (1 - icc) ** 0.5, (200_000, size))
    assert isclose(size * rows.mean(1).var(), rows.var() * design_effect(size, icc), rel_tol=0.02)


@pytest.mark.parametrize(
    ("cluster_rows", "icc", "expected"), [(1, 0.5, 1.0), (50, 0.0, 1.0), (50, 0.2, 10.8), (9, 1, 9)]
)
def test_design_effects(cluster_rows: float, icc: float, expected: float) -> None:
    assert isclose(design_effect(cluster_rows, icc), expected)


def test_a_split_of_90_to_10_needs_2_8_times_the_rows() -> None:
    assert isclose(variance_of_split(1, 1, 0.1) / variance_of_split(1, 1, 0.5), 2.78, abs_tol=0.01)


@pytest.mark.parametrize(
    ("traffic", "requests", "seconds"),
    [
        (Traffic(10), 6000, 600),
        (Traffic(10, rows_per_request=50), 120, 12),
        (Traffic(10, labelled=0.8), 7500, 750),
        (Traffic(10, delay=86_400), 6000, 87_000),
        (Traffic(0.5, rows_per_request=4, labelled=0.5, delay=60), 3000, 6060),
        (Traffic(1, rows_per_request=7), 858, 858),
    ],
)
def test_how_many_requests_and_how_long(traffic: Traffic, requests: int, seconds: float) -> None:
    assert requests_needed(6000, traffic) == requests
    assert isclose(seconds_needed(6000, traffic), seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"variance": 0.0},
        {"variance": inf},
        {"effect": nan},
        {"effect": 0.0},
        {"margin": 0.005},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"power": 0.4},
        {"power": 1.0},
        {"cluster_rows": 0.5},
        {"icc": -0.1},
        {"icc": 1.1},
        {"careful": 0.9},
        {"bucketed": -1},
        {"unseen": -1.0},
    ],
    ids=str,
)
def test_what_nobody_can_find_out_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"design|no number of rows|no clusters"):
        replace(CONVERSIONS, **wrong)


def test_more_rows_than_anyone_has_are_refused() -> None:
    with pytest.raises(ValueError, match="needs more than"):
        rows_needed(Design(1e-9, 1.0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Traffic(0), "no traffic"),
        (lambda: Traffic(1, rows_per_request=0), "no traffic"),
        (lambda: Traffic(1, delay=-1), "no traffic"),
        (lambda: Traffic(1, labelled=0), "no share"),
        (lambda: Traffic(1, labelled=1.1), "no share"),
        (lambda: variance_of_pairs(0.01, 0.02), "discordant"),
        (lambda: variance_of_pairs(1.2, 0.0), "discordant"),
        (lambda: variance_of_split(1, 1, 0), "no split"),
        (lambda: variance_of_split(1, 1, 1), "no split"),
    ],
)
def test_what_is_no_number_is_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
