"""What holds for any observations: estimates, sequences and tests, beside SciPy's."""

from math import exp, isclose, log, sqrt
from statistics import fmean, variance

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from contender.stats.estimates import (
    Estimate,
    by_bucket,
    careful_difference,
    difference,
    difference_of_means,
    mean,
    mean_by_bucket,
    relative_difference,
    spread,
    stratified,
    weight,
    with_unseen,
)
from contender.stats.fixed import hybrid, p_value, z_interval
from contender.stats.mcnemar import chi_square, exact_p_value
from contender.stats.mcnemar import log_evidence as of_discordant
from contender.stats.mcnemar import p_value as p_of_statistic
from contender.stats.moments import Moments
from contender.stats.sequences import (
    always_valid_p,
    half_width,
    interval,
    log_evidence,
    log_evidence_above,
    log_evidence_below,
    lower_bound,
    mixture,
    one_sided_mixture,
    upper_bound,
)

SMALLEST, LARGEST, MOST = 1e-9, 1e9, 1e12
NEARLY_0 = 1e-250
"""Below, SciPy has lost it."""
WHOLE = st.integers(-1000, 1000).map(float)
"""Values whose sums are exact."""
SIZES = st.floats(SMALLEST, LARGEST)
VALUES = st.one_of(st.just(0.0), SIZES, SIZES.map(lambda one: -one))
COUNTS = st.floats(1, MOST)
ALPHAS = st.floats(1e-6, 0.4)
ESTIMATES = st.builds(Estimate, VALUES, st.floats(1e-18, 1e18), COUNTS)
BUCKETS = st.lists(st.tuples(st.integers(0, 50), st.integers(-50, 50)), min_size=2, max_size=40)


def of(values: list[float]) -> Moments:
    return Moments(len(values), sum(values), sum(one * one for one in values))


def same(a: Estimate | None, b: Estimate | None, rel: float = 1e-6) -> bool:
    """Return whether both say the same, up to rounding."""
    if a is None or b is None:
        return a is b
    error = sqrt(a.variance)
    return (
        isclose(a.value, b.value, rel_tol=rel, abs_tol=rel * error)
        and isclose(a.variance, b.variance, rel_tol=rel)
        and a.n == b.n
    )


# Moments and means.


@given(st.lists(WHOLE, max_size=30), st.randoms(use_true_random=False), st.integers(0, 30))
def test_observations_come_in_any_order_and_in_any_parts(
    values: list[float], order: object, cut: int
) -> None:
    shuffled = [*values]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert of(shuffled[:cut]) + of(shuffled[cut:]) == of(values)
    one_by_one = Moments(0, 0, 0)
    for value in shuffled:
        one_by_one += of([value])
    assert one_by_one == of(values)


@given(st.lists(WHOLE, min_size=2, max_size=30))
def test_mean_and_variance(values: list[float]) -> None:
    found = of(values)
    assert isclose(found.mean, fmean(values), abs_tol=1e-9)
    assert isclose(found.variance, variance(values), rel_tol=1e-9, abs_tol=1e-6)


@given(
    st.floats(2, MOST),
    st.floats(-LARGEST, LARGEST),
    st.floats(0, LARGEST),
    st.floats(2, MOST),
    st.floats(-LARGEST, LARGEST),
    st.floats(0, LARGEST),
)
@example(MOST, LARGEST, 0.0, MOST, LARGEST, 0.0)
@example(2.0, SMALLEST, SMALLEST, MOST, LARGEST, LARGEST)
def test_nothing_that_can_be_observed_is_too_large_or_too_small(
    n: float, middle: float, scale: float, other_n: float, other_middle: float, other_scale: float
) -> None:
    one = Moments(n, n * middle, n * (middle * middle + scale * scale))
    other = Moments(
        other_n, other_n * other_middle, other_n * (other_middle**2 + other_scale * other_scale)
    )
    assert one.variance >= 0
    for found in (
        difference_of_means(one, other),
        careful_difference(one, other),
        relative_difference(one, other),
    ):
        if found is not None:  # an Estimate is finite
            rho2 = mixture(n, 0.05)
            assert half_width(found, rho2, 0.05) > 0
            assert log_evidence(found, 0, rho2) >= -log(1 + found.n * rho2)
            assert 0 <= p_value(found, 0) <= 1


@given(st.lists(WHOLE, min_size=2, max_size=20), st.lists(WHOLE, min_size=2, max_size=20))
def test_the_difference_of_means_is_welchs(ours: list[float], theirs: list[float]) -> None:
    one, other = of(ours), of(theirs)
    assume(one.variance + other.variance > 1e-6)
    found = difference_of_means(one, other)
    assert found is not None
    expected, _ = stats.ttest_ind_from_stats(
        one.mean, sqrt(one.variance), one.n, other.mean, sqrt(other.variance), other.n, False
    )
    assert isclose(found.value / sqrt(found.variance), expected, rel_tol=1e-6, abs_tol=1e-9)
    careful = careful_difference(one, other)
    assert careful is not None
    assert careful.value == found.value
    assert careful.variance >= found.variance * (1 - 1e-12)


@given(
    st.lists(WHOLE, min_size=2, max_size=20),
    st.lists(WHOLE, min_size=2, max_size=20),
    st.integers(-1000, 1000),
)
def test_what_both_arms_have_in_common_changes_nothing(
    ours: list[float], theirs: list[float], shift: int
) -> None:
    assume(of(ours).variance + of(theirs).variance > 0.1)
    for estimate in (difference_of_means, careful_difference):
        plain = estimate(of(ours), of(theirs))
        shifted = estimate(of([one + shift for one in ours]), of([one + shift for one in theirs]))
        assert same(plain, shifted)


@given(
    st.lists(st.integers(1, 1000).map(float), min_size=2, max_size=20),
    st.lists(st.integers(1, 1000).map(float), min_size=2, max_size=20),
    st.floats(0.01, 100),
)
def test_a_relative_difference_has_no_unit(
    ours: list[float], theirs: list[float], unit: float
) -> None:
    one, other = of(ours), of(theirs)
    assume(one.variance > 0.1 and other.variance > 0.1)
    scaled = relative_difference(
        of([value * unit for value in ours]), of([value * unit for value in theirs])
    )
    found = relative_difference(one, other)
    assume((found is None) == (scaled is None))  # at the least distance rounding decides
    assert same(found, scaled)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_of_equal_shares_the_p_value_is_the_normal_one(ones: int, others: int) -> None:
    found = difference_of_means(Moments(1000, ones, ones), Moments(1000, others, others))
    assert found is not None
    if found.variance == 0:  # every time, or never
        assert p_value(found, 0) == 1
        return
    expected = 2 * stats.norm.sf(abs(found.value) / sqrt(found.variance))
    assert isclose(p_value(found, 0), expected, rel_tol=1e-6, abs_tol=NEARLY_0)
    low, high = stats.norm.interval(0.95, found.value, sqrt(found.variance))
    assert z_interval(found, 0.05) == pytest.approx((low, high))


# Buckets.


@given(st.lists(WHOLE, min_size=2, max_size=30))
def test_one_observation_a_bucket_is_the_plain_mean(values: list[float]) -> None:
    found, plain = mean_by_bucket([1.0] * len(values), values), mean(of(values))
    assert found is not None
    assert plain is not None
    assert isclose(found.value, plain.value, abs_tol=1e-9)
    assert isclose(found.variance, plain.variance, rel_tol=1e-6, abs_tol=1e-9)


@given(BUCKETS)
def test_each_bucket_is_left_out_once(buckets: list[tuple[int, int]]) -> None:
    filled = [(x, y) for x, y in buckets if x > 0]
    found = mean_by_bucket([x for x, _ in buckets], [y if x else 0 for x, y in buckets])
    if len(filled) < 2:
        assert found is None
        return
    assert found is not None
    n, total = sum(x for x, _ in filled), sum(y for _, y in filled)
    k = len(filled)
    squares = sum(((total - y) / (n - x) - total / n) ** 2 for x, y in filled)
    assert isclose(found.variance, (k - 1) / k * squares, rel_tol=1e-6, abs_tol=1e-12)
    # It is never surer than the formula for buckets of one size.
    plain = k / (k - 1) * sum((y - total / n * x) ** 2 for x, y in filled) / n**2
    assert len({x for x, _ in filled}) > 1 or isclose(
        found.variance, plain, rel_tol=1e-6, abs_tol=1e-12
    )


@given(BUCKETS, st.integers(1, 10))
def test_the_spread_and_the_carriers_count_buckets(
    buckets: list[tuple[int, int]], times: int
) -> None:
    n, sums = [float(x) for x, _ in buckets], [float(y) for _, y in buckets]
    filled = sum(x > 0 for x in n)
    assert 0 <= spread(n) <= filled * (1 + 1e-9)
    found = by_bucket(n, sums)
    assert found is None or 0 <= found.carriers <= filled * (1 + 1e-9)
    assert isclose(spread([times * x for x in n]), spread(n), rel_tol=1e-9)


# Putting together.


@given(ESTIMATES, st.floats(1e-3, 1e3))
def test_one_epoch_is_itself(estimate: Estimate, heavy: float) -> None:
    assert stratified([(heavy, estimate)]) == estimate
    assert stratified([(0, estimate), (heavy, estimate)]) == estimate


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), ESTIMATES), min_size=1, max_size=6))
def test_epochs_together_are_between_them_and_at_most_as_unsure_as_the_worst(
    parts: list[tuple[float, Estimate]],
) -> None:
    found = stratified(parts)
    assert found is not None
    values = [one.value for _, one in parts]
    slack = 1e-9 * max(abs(one) for one in values)
    assert min(values) - slack <= found.value <= max(values) + slack
    assert found.variance <= max(one.variance for _, one in parts) * (1 + 1e-9)
    scaled = stratified([(7 * heavy, one) for heavy, one in parts])
    assert scaled is not None
    assert isclose(scaled.variance, found.variance, rel_tol=1e-9)


@given(st.floats(0, MOST), st.floats(0, MOST))
def test_an_epoch_weighs_no_more_than_its_smaller_arm(ours: float, theirs: float) -> None:
    assume(min(ours, theirs) == 0 or min(ours, theirs) > 1e-100)
    assert 0 <= weight(ours, theirs) <= min(ours, theirs) * (1 + 1e-12)
    assert weight(ours, theirs) == weight(theirs, ours)


@given(ESTIMATES, ESTIMATES)
def test_differences_can_be_turned_round(one: Estimate, other: Estimate) -> None:
    there, back = difference(one, other), difference(other, one)
    assert (there.value, there.variance, there.n) == (-back.value, back.variance, back.n)


@given(ESTIMATES, st.floats(1e-6, 1e6), st.floats(1, MOST))
def test_care_makes_nothing_surer(estimate: Estimate, bound: float, units: float) -> None:
    assert with_unseen(estimate, bound, units).variance >= estimate.variance


# Sequences.


@given(ESTIMATES, COUNTS, ALPHAS, st.floats(-3, 3))
@example(Estimate(1.0, 1.0, 1.0), 1.0, 0.05, 1.0)
def test_a_null_leaves_the_interval_when_there_is_evidence_enough(
    estimate: Estimate, planned: float, alpha: float, where: float
) -> None:
    rho2 = mixture(planned, alpha)
    width = half_width(estimate, rho2, alpha)
    null = estimate.value + where * width
    assume(_apart(estimate, width, abs(where)))
    low, high = interval(estimate, rho2, alpha)
    outside = not low < null < high
    assert (log_evidence(estimate, null, rho2) >= log(1 / alpha)) == outside


@given(ESTIMATES, COUNTS, ALPHAS, st.floats(-3, 3))
def test_a_null_passes_a_bound_when_there_is_evidence_enough(
    estimate: Estimate, planned: float, alpha: float, where: float
) -> None:
    rho2 = one_sided_mixture(planned, alpha)
    low = lower_bound(estimate, rho2, alpha)
    high = upper_bound(estimate, rho2, alpha)
    width = estimate.value - low
    null = estimate.value + where * width
    assume(_apart(estimate, width, abs(where)))
    assert (log_evidence_above(estimate, null, rho2) >= log(1 / alpha)) == (null <= low)
    assert (log_evidence_below(estimate, null, rho2) >= log(1 / alpha)) == (null >= high)


def _apart(estimate: Estimate, width: float, where: float) -> bool:
    """Return whether a null is so far from the end that rounding does not decide."""
    return abs(where - 1) > 1e-6 and width > 1e-6 * abs(estimate.value)


@given(ESTIMATES, COUNTS, st.floats(1e-6, 0.1))
def test_a_bound_is_nearer_than_the_end_of_the_interval(
    estimate: Estimate, planned: float, alpha: float
) -> None:
    assume(planned / 100 < estimate.n < planned * 100)
    bound = lower_bound(estimate, one_sided_mixture(planned, alpha), alpha)
    end, _ = interval(estimate, mixture(planned, alpha), alpha)
    assert end <= bound <= estimate.value
    # Both sides of a one-sided alpha come to about an interval of twice that.
    wider, _ = interval(estimate, mixture(planned, 2 * alpha), 2 * alpha)
    assert isclose(
        estimate.value - bound,
        estimate.value - wider,
        rel_tol=0.05,
        abs_tol=1e-6 * abs(estimate.value),
    )


@given(SIZES, COUNTS, st.floats(1.01, 10), COUNTS, ALPHAS)
def test_more_observations_make_it_narrower(
    size: float, n: float, more: float, planned: float, alpha: float
) -> None:
    early, late = (Estimate(0, size / rows, rows) for rows in (n, n * more))
    rho2 = mixture(planned, alpha)
    assert half_width(late, rho2, alpha) < half_width(early, rho2, alpha)
    of_one_side = one_sided_mixture(planned, alpha)
    assert lower_bound(late, of_one_side, alpha) >= lower_bound(early, of_one_side, alpha)
    # And what holds at every look is never narrower than what holds at one.
    low, high = z_interval(late, alpha)
    assert half_width(late, rho2, alpha) >= (high - low) / 2


@given(ESTIMATES, COUNTS, st.floats(-100, 100))
def test_evidence_of_both_sides_is_the_mean_of_that_of_each(
    estimate: Estimate, planned: float, far: float
) -> None:
    rho2 = mixture(planned, 0.05)
    null = estimate.value + far * sqrt(estimate.variance)
    sides = [f(estimate, null, rho2) for f in (log_evidence_above, log_evidence_below)]
    assume(max(sides) < 600)
    both = log_evidence(estimate, null, rho2)
    assert isclose((exp(sides[0]) + exp(sides[1])) / 2, exp(both), rel_tol=1e-6)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_p_value_falls_with_the_evidence(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= always_valid_p(high) <= always_valid_p(low) <= 1


@given(st.floats(1e-6, 0.999))
def test_nothing_of_alpha_is_lost(alpha: float) -> None:
    found = hybrid(alpha)
    assert isclose(found.alpha, alpha)
    assert 0 < found.sequential < found.fixed


# McNemar.


@given(st.integers(0, 2000), st.integers(0, 2000))
@example(0, 0)
@example(0, 2000)
def test_discordant_rows_are_those_of_scipy(worse: int, better: int) -> None:
    n = worse + better
    mixed = stats.betabinom.logpmf(worse, n, 10, 10) - stats.binom.logpmf(worse, n, 0.5)
    assert isclose(of_discordant(worse, better), float(mixed), rel_tol=1e-6, abs_tol=1e-6)
    if n == 0:
        return
    exact = stats.binomtest(worse, n, 0.5).pvalue
    assert isclose(exact_p_value(worse, better), float(exact), rel_tol=1e-6, abs_tol=NEARLY_0)
    statistic = chi_square(worse, better)
    expected = stats.chisquare([worse, better])
    assert isclose(statistic, float(expected.statistic), rel_tol=1e-9, abs_tol=1e-9)
    assert isclose(
        p_of_statistic(statistic), float(expected.pvalue), rel_tol=1e-6, abs_tol=NEARLY_0
    )
    assert chi_square(worse, better, corrected=True) <= statistic
