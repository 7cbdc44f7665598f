"""The look at a horizon."""

from math import inf

import pytest

from contender.stats.estimates import Estimate, difference_of_means
from contender.stats.fixed import Spending, hybrid, p_value, z_interval
from contender.stats.moments import Moments


def test_the_published_difference_of_means() -> None:
    """GrowthBook prints (.04538, .53462) and .02016, of t with 5,834 degrees of freedom."""
    found = difference_of_means(
        Moments(3461, 2422.7, 134698.29), Moments(3407, 1396.87, 52377.9767)
    )
    assert found is not None
    assert z_interval(found, 0.05) == pytest.approx((0.04538, 0.53462), abs=1e-4)
    assert p_value(found, 0) == pytest.approx(0.02016, abs=1e-4)


@pytest.mark.parametrize(
    ("alpha", "width"), [(0.05, 1.959964), (0.04, 2.053749), (0.1, 1.644854), (0.001, 3.290527)]
)
def test_the_width_in_standard_errors(alpha: float, width: float) -> None:
    assert z_interval(Estimate(1, 4, 100), alpha) == pytest.approx((1 - 2 * width, 1 + 2 * width))


def test_the_p_value_of_both_sides() -> None:
    assert p_value(Estimate(3, 1, 100), 3) == 1
    assert p_value(Estimate(3, 1, 100), 1.040036) == pytest.approx(0.05, abs=1e-6)
    assert p_value(Estimate(3, 1, 100), 4.959964) == pytest.approx(0.05, abs=1e-6)
    assert p_value(Estimate(100, 1, 100), 0) == 0


def test_a_variance_that_is_not_known_decides_nothing() -> None:
    assert z_interval(Estimate(5, 0, 3), 0.05) == (-inf, inf)
    assert p_value(Estimate(5, 0, 3), 0) == 1


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2])
def test_what_is_no_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        z_interval(Estimate(1, 1, 1), alpha)


def test_most_of_alpha_is_kept_for_the_horizon() -> None:
    found = hybrid(0.05)
    assert (found.sequential, found.fixed) == pytest.approx((0.01, 0.04))
    assert found.alpha == 0.05


def test_without_a_horizon_all_of_alpha_is_for_looks() -> None:
    assert Spending(0.05, 0).alpha == 0.05


@pytest.mark.parametrize(
    ("sequential", "fixed"), [(-0.01, 0.05), (0.05, -0.01), (0, 0), (0.5, 0.5), (float("nan"), 0.1)]
)
def test_what_is_no_way_to_spend_an_alpha_is_refused(sequential: float, fixed: float) -> None:
    with pytest.raises(ValueError, match="no way to spend"):
        Spending(sequential, fixed)
