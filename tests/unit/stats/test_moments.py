"""Moments: sums that add up, and nothing else."""

import pytest

from contender.stats.moments import Moments


def of(*values: float) -> Moments:
    return Moments(len(values), sum(values), sum(one * one for one in values))


@pytest.mark.parametrize(
    ("values", "mean", "variance"),
    [
        ((3.0,), 3.0, 0.0),
        ((1.0, 3.0), 2.0, 2.0),
        ((0.0, 0.0, 0.0), 0.0, 0.0),
        ((1.0, 1.0, 1.0, 1.0), 1.0, 0.0),
        ((1e-9, 3e-9), 2e-9, 2e-18),
        ((1e9, 3e9), 2e9, 2e18),
    ],
)
def test_mean_and_variance(values: tuple[float, ...], mean: float, variance: float) -> None:
    assert of(*values).mean == pytest.approx(mean)
    assert of(*values).variance == pytest.approx(variance)


def test_what_rounding_leaves_is_no_negative_variance() -> None:
    assert Moments(3, 0.3, 0.03 - 1e-17).variance == 0
    assert Moments(1e12, 1e21, 1e30 * (1 - 1e-16)).variance == 0


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no mean"):
        _ = Moments(0, 0, 0).mean
    assert Moments(0, 0, 0).variance == 0


def test_they_add_up() -> None:
    assert of(1.0, 2.0) + of(3.0) + Moments(0, 0, 0) == of(1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("n", "total", "squares"),
    [
        (-1, 0, 0),
        (1, 1, -1),
        (0, 1, 0),
        (0, 0, 1),
        (float("nan"), 0, 0),
        (1, float("inf"), 1),
        (1, 1, float("inf")),
    ],
)
def test_sums_of_no_observations_are_refused(n: float, total: float, squares: float) -> None:
    with pytest.raises(ValueError, match="moments"):
        Moments(n, total, squares)


def test_what_is_left_by_observations_that_were_taken_out_counts_as_nothing() -> None:
    left = 0.1 + 0.2 - 0.3
    assert left != 0
    assert Moments.of_sums(0, left, left * left) == Moments(0, 0, 0)
    assert Moments.of_sums(2, 0.0, -1e-18) == Moments(2, 0, 0)
    with pytest.raises(ValueError, match="moments"):
        Moments.of_sums(-1, 0, 0)
