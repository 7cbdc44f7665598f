"""Estimates, beside those of published implementations and what one can work out by hand."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from contender.stats.estimates import (
    Clustered,
    Estimate,
    by_bucket,
    careful_difference,
    difference,
    difference_by_bucket,
    difference_of_means,
    mean,
    mean_by_bucket,
    relative_difference,
    spread,
    stratified,
    stratified_by_bucket,
    weight,
    with_unseen,
)
from contender.stats.moments import Moments

# GrowthBook, packages/stats/tests/frequentist/test_tests.py: TestTwoSidedTTest.
INCUMBENT = Moments(3407, 1396.87, 52377.9767)
CHALLENGER = Moments(3461, 2422.7, 134698.29)
NOTHING = Moments(0, 0, 0)


def shares(n: float, ones: float) -> Moments:
    return Moments(n, ones, ones)


def welch(challenger: Moments, incumbent: Moments) -> float:
    """Return the degrees of freedom of both arms (Welch and Satterthwaite)."""
    arms = [(one.variance / one.n, one.n) for one in (challenger, incumbent)]
    both = sum(variance for variance, _ in arms)
    return both * both / sum(variance * variance / (n - 1) for variance, n in arms)


def t_interval(estimate: Estimate, degrees: float) -> tuple[float, float]:
    width = float(stats.t.ppf(0.975, degrees)) * sqrt(estimate.variance)
    return estimate.value - width, estimate.value + width


def test_the_published_absolute_difference() -> None:
    found = difference_of_means(CHALLENGER, INCUMBENT)
    assert found is not None
    degrees = welch(CHALLENGER, INCUMBENT)
    assert found.value == pytest.approx(0.29, abs=5e-6)
    assert t_interval(found, degrees) == pytest.approx((0.04538, 0.53462), abs=5e-6)
    p = 2 * stats.t.sf(found.value / sqrt(found.variance), degrees)
    assert p == pytest.approx(0.02016, abs=5e-6)
    assert found.n == 3407 + 3461


def test_the_published_relative_difference() -> None:
    found = relative_difference(CHALLENGER, INCUMBENT)
    assert found is not None
    assert found.value == pytest.approx(0.70732, abs=5e-6)
    interval = t_interval(found, welch(CHALLENGER, INCUMBENT))
    # They print it of the rounded means .41 and .7, with 3.9 and 6.2 as standard deviations.
    assert interval == pytest.approx((-0.03526, 1.44989), abs=5e-6)


def test_the_difference_of_shares() -> None:
    found = difference_of_means(shares(100, 30), shares(200, 40))
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert found.variance == pytest.approx(0.3 * 0.7 / 99 + 0.2 * 0.8 / 199)
    assert found.n == 300


@pytest.mark.parametrize("arm", [NOTHING, Moments(1, 3, 9)])
def test_too_little_is_known(arm: Moments) -> None:
    assert mean(arm) is None
    assert difference_of_means(arm, INCUMBENT) is None
    assert difference_of_means(CHALLENGER, arm) is None
    assert relative_difference(arm, INCUMBENT) is None
    assert careful_difference(NOTHING, INCUMBENT) is None
    assert careful_difference(CHALLENGER, NOTHING) is None


def test_nothing_is_relative_to_what_may_be_0() -> None:
    assert relative_difference(shares(100, 5), shares(100, 0)) is None
    assert relative_difference(shares(100, 5), shares(100, 1)) is None
    assert relative_difference(shares(100, 5), Moments(100, -50, 30)) is None
    assert relative_difference(shares(1000, 50), shares(1000, 50)) is not None


def test_arms_that_are_alike_are_as_sure_as_with_care() -> None:
    plain = difference_of_means(shares(1000, 50), shares(1000, 50))
    careful = careful_difference(shares(1000, 50), shares(1000, 50))
    assert plain is not None
    assert careful is not None
    assert careful.variance == pytest.approx(plain.variance, rel=1e-3)


def test_a_small_arm_without_errors_is_not_sure() -> None:
    plain = difference_of_means(shares(20, 0), shares(2000, 100))
    careful = careful_difference(shares(20, 0), shares(2000, 100))
    assert plain is not None
    assert careful is not None
    assert plain.value == careful.value == -0.05
    assert plain.value < -9 * sqrt(plain.variance)
    assert careful.value > -1.1 * sqrt(careful.variance)


def test_one_observation_an_arm_is_an_estimate_with_care() -> None:
    assert careful_difference(Moments(1, 2, 4), Moments(1, 0, 0)) == Estimate(2, 4, 2)


# Buckets.


def plain_ratio(n: list[float], sums: list[float]) -> tuple[float, float]:
    """Return the ratio of stats.md, and its variance: of buckets of one size."""
    x, y = np.array(n), np.array(sums)
    ratio = y.sum() / x.sum()
    k = (x > 0).sum()
    return ratio, k / (k - 1) * ((y - ratio * x) ** 2).sum() / x.sum() ** 2


def test_buckets_of_one_size() -> None:
    n, sums = [10.0, 10.0, 10.0, 10.0], [1.0, 4.0, 2.0, 3.0]
    found = mean_by_bucket(n, sums)
    assert found is not None
    assert (found.value, found.variance) == pytest.approx(plain_ratio(n, sums))
    assert found.n == 40


def test_a_bucket_with_much_of_all_makes_it_less_sure() -> None:
    n, sums = [100.0, 10.0, 10.0, 10.0], [20.0, 1.0, 2.0, 0.0]
    found = mean_by_bucket(n, sums)
    assert found is not None
    ratio, variance = plain_ratio(n, sums)
    assert found.value == pytest.approx(ratio)
    assert found.variance > 3 * variance


def test_empty_buckets_change_nothing() -> None:
    some = mean_by_bucket([3, 5, 2], [1, 2, 2])
    assert some == mean_by_bucket([0, 3, 0, 5, 2], [1e-17, 1, 0, 2, 2])


@pytest.mark.parametrize("n", [[], [0.0, 0.0], [7.0], [0.0, 7.0, 0.0]])
def test_one_bucket_tells_nothing(n: list[float]) -> None:
    assert mean_by_bucket(n, n) is None


@pytest.mark.parametrize(
    ("n", "sums"),
    [
        ([1.0], [1.0, 2.0]),
        ([-1.0, 2.0], [0.0, 0.0]),
        ([float("nan"), 1.0], [0.0, 0.0]),
        ([1.0, 1.0], [float("inf"), 0.0]),
    ],
)
def test_what_are_no_buckets_is_refused(n: list[float], sums: list[float]) -> None:
    with pytest.raises(ValueError, match="counts"):
        mean_by_bucket(n, sums)


@pytest.mark.parametrize(
    ("n", "expected"), [([], 0), ([0, 0], 0), ([5, 5, 5], 3), ([8, 1, 1], 100 / 66), ([9, 0], 1)]
)
def test_the_spread(n: list[float], expected: float) -> None:
    assert spread(n) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([0.0] * 128, 0),
        ([1.0] * 128, 0),
        ([1.0] * 64 + [-1.0] * 64, 128),
        ([1.0, -1.0] + [0.0] * 126, 2),
        ([1e-100, -1e-100] + [0.0] * 126, 2),
    ],
)
def test_the_carriers(sums: list[float], expected: float) -> None:
    found = by_bucket([4.0] * 128, sums)
    assert found is not None
    assert found.carriers == pytest.approx(expected)


def test_a_third_of_normal_buckets_carry_the_variance() -> None:
    values = np.random.default_rng(1).standard_normal((200, 128))
    found = [by_bucket(np.ones(128), row) for row in values]
    assert np.mean([one.carriers for one in found if one]) == pytest.approx(44, abs=1)


def clustered(n: list[float], sums: list[float]) -> Clustered:
    found = by_bucket(n, sums)
    assert found is not None
    return found


def between(ours: list[float], theirs: list[float], rows: float = 10.0) -> Clustered:
    """Return the difference of two arms, of so many rows in each bucket."""
    k = len(ours)
    together = [one + other for one, other in zip(ours, theirs, strict=True)]
    return difference_by_bucket(
        clustered([rows] * k, ours),
        clustered([rows] * k, theirs),
        clustered([2 * rows] * k, together),
    )


def test_who_comes_back_in_the_next_epoch_is_no_news() -> None:
    once = clustered([10.0] * 8, [0.0, 1.0, 5.0, 2.0, 9.0, 4.0, 3.0, 8.0])
    twice = stratified_by_bucket([(1, once), (1, once)])
    assert twice is not None
    assert twice.estimate == Estimate(once.value, once.estimate.variance, 160)
    apart = stratified([(1, once.estimate), (1, once.estimate)])
    assert apart is not None
    assert apart.variance == pytest.approx(once.estimate.variance / 2)


def test_a_difference_by_bucket_is_that_of_independent_arms() -> None:
    ours, theirs = [0.0, 1.0, 5.0, 2.0, 0.0, 3.0], [3.0, 1.0, 2.0, 4.0, 3.0, 4.0]
    found = between(ours, theirs).estimate
    apart = difference(clustered([10.0] * 6, ours).estimate, clustered([10.0] * 6, theirs).estimate)
    assert found.value == pytest.approx(apart.value)
    assert found.n == apart.n
    # Of these arms a bucket that is high in one is low in the other by chance.
    assert found.variance == pytest.approx(apart.variance, rel=0.5)


def test_who_changes_the_arm_in_the_next_epoch_cancels_out_but_not_entirely() -> None:
    ours, theirs = [0.0, 1.0, 5.0, 2.0], [3.0, 1.0, 2.0, 4.0]
    there, back = between(ours, theirs), between(theirs, ours)
    found = stratified_by_bucket([(1, there), (1, back), (0, there)])
    assert found is not None
    assert found.value == pytest.approx(0)
    assert found.pulls == pytest.approx(np.zeros(4))
    assert 0 < found.estimate.variance < there.estimate.variance
    assert stratified_by_bucket([(0, there)]) is None


def test_a_few_entities_without_errors_are_not_sure() -> None:
    few, many = [1.0] * 20 + [0.0] * 108, [50.0] * 128
    wrong = [50.0 if k % 20 == 0 else 0.0 for k in range(128)]
    ours, theirs = clustered(few, [0.0] * 128), clustered(many, wrong)
    both = clustered([a + b for a, b in zip(few, many, strict=True)], wrong)
    plain = difference(ours.estimate, theirs.estimate)
    careful = difference_by_bucket(ours, theirs, both).estimate
    assert plain.value == careful.value
    assert plain.value < -2.5 * sqrt(plain.variance)
    assert careful.value > -1.5 * sqrt(careful.variance)


# What is unknown, and what is put together.


def test_a_difference_is_no_surer_than_both() -> None:
    assert difference(Estimate(3, 1, 10), Estimate(1, 4, 20)) == Estimate(2, 5, 30)


def test_models_that_always_agree_may_differ_a_little() -> None:
    found = with_unseen(Estimate(0, 0, 1000), bound=1, units=1000)
    assert sqrt(found.variance) == pytest.approx(0.002)
    assert (found.value, found.n) == (0, 1000)


def test_what_is_not_seen_yet_fades_faster_than_chance() -> None:
    before = Estimate(0, 0.1 / 100, 100)
    later = Estimate(0, 0.1 / 10_000, 10_000)
    assert with_unseen(before, 1, 100).variance == pytest.approx(1.4 * before.variance)
    assert with_unseen(later, 1, 10_000).variance == pytest.approx(1.004 * later.variance)


@pytest.mark.parametrize(("bound", "units"), [(0, 1), (-1, 1), (float("inf"), 1), (1, 0)])
def test_without_a_bound_or_a_unit_nothing_is_known_of_the_unseen(
    bound: float, units: float
) -> None:
    with pytest.raises(ValueError, match="no bound"):
        with_unseen(Estimate(0, 0, 1), bound, units)


def test_the_weight_of_an_epoch() -> None:
    assert weight(100, 100) == 50
    assert weight(1, 1_000_000) == pytest.approx(1)
    assert weight(0, 100) == weight(100, 0) == weight(0, 0) == 0


def test_epochs_are_weighed() -> None:
    parts = [(1, Estimate(2, 8, 10)), (3, Estimate(6, 16, 30)), (0, Estimate(1000, 1, 1))]
    assert stratified(parts) == Estimate(5, 8 / 16 + 16 * 9 / 16, 40)


def test_without_any_weight_nothing_is_known() -> None:
    assert stratified([]) is None
    assert stratified([(0, Estimate(1, 1, 1))]) is None


@pytest.mark.parametrize("heavy", [-1, float("nan"), float("inf")])
def test_what_is_no_weight_is_refused(heavy: float) -> None:
    with pytest.raises(ValueError, match="no weights"):
        stratified([(1, Estimate(1, 1, 1)), (heavy, Estimate(1, 1, 1))])


@pytest.mark.parametrize(
    ("value", "variance", "n"),
    [(float("nan"), 1, 1), (1, float("inf"), 1), (1, -1, 1), (1, 1, 0), (1, 1, float("inf"))],
)
def test_what_is_no_estimate_is_refused(value: float, variance: float, n: float) -> None:
    with pytest.raises(ValueError, match="an estimate"):
        Estimate(value, variance, n)
