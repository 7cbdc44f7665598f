"""Moments: the three sums of an arm's observations from which its mean and variance follow."""

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Moments:
    """Sufficient statistics of one arm. They add up: over hours, parts and epochs, in any order.

    Raises:
        ValueError: no observations can have these sums.
    """

    n: float
    """Observations."""
    sum: float
    """Their sum, in the unit of an observation."""
    squares: float
    """The sum of their squares, in that unit squared."""

    def __post_init__(self) -> None:
        if not (isfinite(self.n) and isfinite(self.sum) and isfinite(self.squares)):
            raise ValueError(f"moments that are no finite numbers: {self}")
        if self.n < 0 or self.squares < 0 or (self.n == 0 and (self.sum or self.squares)):
            raise ValueError(f"moments of no observations: {self}")

    @classmethod
    def of_sums(cls, n: float, total: float, squares: float) -> "Moments":
        """Return the moments of sums from which observations were taken out again.

        Floats that were added and taken out leave a little behind: squares just below 0, and a sum
        of nothing. Both count as 0.

        Args:
            n: observations.
            total: their sum.
            squares: the sum of their squares.

        Raises:
            ValueError: n is negative, or a sum is no finite number.
        """
        return cls(n, total, max(squares, 0.0)) if n else cls(0.0, 0.0, 0.0)

    @property
    def mean(self) -> float:
        """The mean of the observations.

        Raises:
            ValueError: there is none of nothing.
        """
        if self.n == 0:
            raise ValueError("no observations have no mean")
        return self.sum / self.n

    @property
    def variance(self) -> float:
        """The variance of one observation, without bias; 0 of fewer than two, as nothing is known.

        Where the observations hardly differ, rounding leaves an error of about 1e-16 of their mean
        square, and what would be below 0 is 0.
        """
        if self.n < 2:
            return 0.0
        return max(self.squares - self.sum * self.mean, 0.0) / (self.n - 1)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.n + other.n, self.sum + other.sum, self.squares + other.squares)
