"""Tests for one look at a planned horizon, and how alpha is shared between it and all others."""

from dataclasses import dataclass
from math import erfc, inf, sqrt
from statistics import NormalDist

from contender.stats.estimates import Estimate

SEQUENTIAL_SHARE = 0.2
"""The part of alpha for looks before the horizon: .01 of .05 leaves a power of 77.5 % where a test
at the horizon alone has 80 %, and still stops early for what is plain."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Spending:
    """How an alpha is spent. The probability of any error is at most the sum (Bonferroni).

    Raises:
        ValueError: a part is negative, or the sum is no probability of an error.
    """

    sequential: float
    """The alpha of a confidence sequence, for all looks."""
    fixed: float
    """The alpha of one interval at the horizon; 0 without a horizon, and once it is spent."""

    def __post_init__(self) -> None:
        if not (self.sequential >= 0 and self.fixed >= 0 and 0 < self.alpha < 1):
            raise ValueError(f"no way to spend an alpha: {self}")

    @property
    def alpha(self) -> float:
        """The probability of any error, at most."""
        return self.sequential + self.fixed


def hybrid(alpha: float) -> Spending:
    """Return how an alpha is spent by an Experiment that has a horizon."""
    sequential = SEQUENTIAL_SHARE * alpha
    return Spending(sequential, alpha - sequential)


def z_interval(estimate: Estimate, alpha: float) -> tuple[float, float]:
    """Return the interval that, at this look alone, has the true difference within itself.

    One of its ends, for twice alpha, is a one-sided bound. It has no ends while the variance is not
    known.

    Args:
        estimate: of the difference, from 30 observations an arm or more.
        alpha: the probability of an error, between 0 and 1.

    Raises:
        ValueError: out of bounds.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"no probability of an error: {alpha}")
    if estimate.variance == 0:
        return -inf, inf
    width = -_NORMAL.inv_cdf(alpha / 2) * sqrt(estimate.variance)
    return estimate.value - width, estimate.value + width


def p_value(estimate: Estimate, null: float) -> float:
    """Return the two-sided p-value of a difference that equals `null`, at this look alone."""
    if estimate.variance == 0:
        return 1.0
    # Not the distribution function: far out, that is 0 too soon.
    return erfc(abs(estimate.value - null) / sqrt(2 * estimate.variance))
