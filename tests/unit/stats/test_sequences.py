"""Confidence sequences, beside those of published implementations."""

from collections.abc import Callable
from math import exp, inf, isclose, log, sqrt

import pytest
from scipy import integrate, stats

from contender.stats.estimates import Estimate, relative_difference
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

ALPHA = 0.05
KNOWN = Estimate(10.0, 100.0, 100.0)
"""A sum of 10 at the intrinsic time 100, as the confseq library says: 100 observations of variance
1 would have the sum as an estimate with the variance 100."""


def test_the_two_sided_normal_mixture_of_confseq() -> None:
    """Its test/uniform_boundaries_unittest.cpp: best_rho, normal_mixture_bound and
    normal_log_mixture; its rho is 1 / rho2."""
    rho2 = mixture(100, ALPHA)
    assert 1 / rho2 == pytest.approx(12.60056, abs=5e-6)
    assert half_width(KNOWN, rho2, ALPHA) == pytest.approx(30.35209, abs=5e-6)
    assert log_evidence(KNOWN, 0, rho2) == pytest.approx(-0.6510052, abs=5e-8)


def test_the_one_sided_normal_mixture_of_confseq() -> None:
    rho2 = one_sided_mixture(100, ALPHA)
    assert KNOWN.value - lower_bound(KNOWN, rho2, ALPHA) == pytest.approx(27.66071, abs=5e-6)
    assert upper_bound(KNOWN, rho2, ALPHA) - KNOWN.value == pytest.approx(27.66071, abs=5e-6)
    assert log_evidence_above(KNOWN, 0, rho2) == pytest.approx(-0.06502391, abs=5e-8)


def test_the_sequential_interval_of_growthbook() -> None:
    """Its packages/stats/tests/frequentist/test_tests.py: TestSequentialTTest. The interval is of
    the relative difference; sequential_tuning_parameter is N*."""
    incumbent = Moments(3000, 1396.87, 52377.9767)
    challenger = Moments(3461, 2422.7, 134698.29)
    found = relative_difference(challenger, incumbent)
    assert found is not None
    rho2 = mixture(1000, ALPHA)
    assert found.value == pytest.approx(0.50336, abs=5e-6)
    assert interval(found, rho2, ALPHA) == pytest.approx((-0.55844, 1.56516), abs=5e-6)
    assert always_valid_p(log_evidence(found, 0, rho2)) == 1


@pytest.mark.parametrize(
    ("n", "expected"),
    [(10, 9.0844), (100, 3.8551), (500, 3.0836), (1000, 3.0352), (2000, 3.0615), (10_000, 3.2417)],
)
def test_the_interval_is_narrowest_near_the_planned_number(n: float, expected: float) -> None:
    """In standard errors; a fixed interval has 1.96 of them."""
    assert half_width(Estimate(0, 1, n), mixture(1000, ALPHA), ALPHA) == pytest.approx(
        expected, abs=5e-5
    )


@pytest.mark.parametrize("n", [1, 10, 100, 1000, 100_000])
@pytest.mark.parametrize("shift", [0.0, -1.0, -3.0])
def test_evidence_is_worth_no_more_than_1_while_there_is_nothing(n: float, shift: float) -> None:
    """The expectation over estimates, of as many standard errors from the null as the shift says:
    1 at the null, and of one side less than that for all that is farther on the other side."""
    rho2 = mixture(1000, ALPHA)

    def expectation(evidence: Callable[[Estimate, float, float], float]) -> float:
        def weighed(value: float) -> float:
            found = evidence(Estimate(value, 1, n), 0, rho2)
            return exp(found + float(stats.norm.logpdf(value, shift)))

        far = 10 * sqrt(1 + n * rho2)
        return float(integrate.quad(weighed, -far, far, points=[0], limit=400)[0])

    if shift == 0:
        assert isclose(expectation(log_evidence), 1, rel_tol=1e-6)
        assert isclose(expectation(log_evidence_above), 1, rel_tol=1e-6)
        assert isclose(expectation(log_evidence_below), 1, rel_tol=1e-6)
    else:
        assert expectation(log_evidence_above) < 1


def test_a_variance_that_is_not_known_decides_nothing() -> None:
    unknown, rho2 = Estimate(5, 0, 3), mixture(100, ALPHA)
    assert half_width(unknown, rho2, ALPHA) == inf
    assert interval(unknown, rho2, ALPHA) == (-inf, inf)
    assert (lower_bound(unknown, rho2, ALPHA), upper_bound(unknown, rho2, ALPHA)) == (-inf, inf)
    for evidence in (log_evidence, log_evidence_above, log_evidence_below):
        assert evidence(unknown, 0, rho2) == 0


def test_far_on_the_other_side_evidence_is_still_a_number() -> None:
    rho2 = mixture(1000, ALPHA)
    found = [
        log_evidence_above(Estimate(-far, 1, 1000), 0, rho2)
        for far in (0, 1, 10, 31, 32, 33, 34, 1e3, 1e9, 1e150)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] > -400


@pytest.mark.parametrize(
    ("log_maximum", "expected"), [(-5, 1), (0, 1), (log(20), 0.05), (1000, 0), (inf, 0)]
)
def test_the_p_value_of_all_looks(log_maximum: float, expected: float) -> None:
    assert always_valid_p(log_maximum) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("planned", "alpha"), [(0, 0.05), (-1, 0.05), (inf, 0.05), (100, 0), (100, 1)]
)
def test_what_is_no_plan_is_refused(planned: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="nothing to plan with"):
        mixture(planned, alpha)
    with pytest.raises(ValueError, match="nothing to plan with"):
        one_sided_mixture(planned, alpha)


def test_one_side_has_less_than_one_half() -> None:
    with pytest.raises(ValueError, match="nothing to plan with"):
        one_sided_mixture(100, 0.5)
