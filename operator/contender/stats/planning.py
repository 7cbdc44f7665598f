"""Planning: how many rows does an objective need, before an experiment starts?

An objective compares the mean of something per row, such as a loss, between two arms: it is
decided when the confidence interval of their difference excludes the margin. How many rows that
takes depends on how far the expected difference is from the margin, and on how much rows vary.

N counts all rows that are compared: pairs where both arms answer the same rows, the rows of both
arms together in a split.

Source of the fixed test: the normal approximation, as in Fleiss, Levin and Paik, "Statistical
methods for rates and proportions", 2003, chapter 4, with the variance of each arm by itself. The
sequential test is solved for with the formula that decides: `contender.stats.sequences`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, isfinite, sqrt
from statistics import NormalDist

from contender.stats.estimates import Estimate
from contender.stats.fixed import hybrid
from contender.stats.sequences import half_width, mixture

MOST_ROWS = 10**15
"""Nobody has more: a design that needs them is refused."""


@dataclass(frozen=True, slots=True)
class Design:
    """What is to be found out.

    Raises:
        ValueError: nobody can find it out.
    """

    effect: float
    """The difference of means, challenger minus incumbent, that one hopes for."""
    variance: float
    """N times the squared standard error of the difference after N rows: `variance_of_pairs`,
    `variance_of_split`, or the variance of the differences of pairs. Above 0."""
    margin: float = 0.0
    """The difference that the interval must exclude, in the unit of `effect`."""
    alpha: float = 0.05
    """How often the interval may miss the true difference: already divided by the number of
    candidates and of segments."""
    power: float = 0.8
    """How often it is to be found out if the difference is `effect`; from .5, below 1."""
    cluster_rows: float = 1.0
    """Rows that belong together, of one request or one entity; at least 1. Of clusters of unequal
    size the sum of their squared sizes over the sum of their sizes."""
    icc: float = 0.0
    """How alike the rows of a cluster are: their intra-class correlation, from 0 to 1."""

    def __post_init__(self) -> None:
        if not (self.variance > 0 and isfinite(self.variance) and isfinite(self.distance)):
            raise ValueError(f"a design without finite numbers: {self}")
        if not (0 < self.alpha < 1 and 0.5 <= self.power < 1):
            raise ValueError(f"a design without an alpha or a power: {self}")
        if self.distance == 0:
            raise ValueError(f"no number of rows tells the effect from the margin: {self}")
        design_effect(self.cluster_rows, self.icc)

    @property
    def distance(self) -> float:
        """How far the effect is from the margin."""
        return abs(self.effect - self.margin)

    @property
    def row_variance(self) -> float:
        """The variance, as much larger as rows of a cluster are alike."""
        return self.variance * design_effect(self.cluster_rows, self.icc)


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a design needs, by how one looks at them."""

    sequential: int
    """Looked at all the time."""
    horizon: int
    """Looked at all the time with a part of alpha, and once at the end with the rest of it."""
    fixed: int
    """Looked at once, at the end, and never before."""

    @property
    def ratio(self) -> float:
        """How many times the rows of a fixed test the sequential one needs."""
        return self.sequential / self.fixed


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes, of what is compared: both arms of a split, the copied requests of a shadow.

    Raises:
        ValueError: nothing comes.
    """

    requests_per_second: float
    rows_per_request: float = 1.0
    labelled: float = 1.0
    """The share of rows of which the truth becomes known; above 0, to 1."""
    delay: float = 0.0
    """Seconds until it is known."""

    def __post_init__(self) -> None:
        if not (self.requests_per_second > 0 and self.rows_per_request > 0 and self.delay >= 0):
            raise ValueError(f"no traffic: {self}")
        if not 0 < self.labelled <= 1:
            raise ValueError(f"no share of rows with a truth: {self}")


def rows_needed(design: Design) -> Rows:
    """Return how many rows a design needs.

    Raises:
        ValueError: more than `MOST_ROWS`.
    """
    at_the_end = replace(design, alpha=hybrid(design.alpha).fixed)
    return Rows(
        sequential=sequential_rows(design),
        horizon=fixed_rows(at_the_end),
        fixed=fixed_rows(design),
    )


def requests_needed(rows: int, traffic: Traffic) -> int:
    """Return how many requests bring so many rows with a truth."""
    return ceil(rows / (traffic.rows_per_request * traffic.labelled))


def seconds_needed(rows: int, traffic: Traffic) -> float:
    """Return after how many seconds so many rows have their truth."""
    return requests_needed(rows, traffic) / traffic.requests_per_second + traffic.delay


def fixed_rows(design: Design) -> int:
    """Return how many rows a test needs that is looked at once.

    N = variance (z(1 - alpha / 2) + z(power))^2 / (effect - margin)^2
    """
    errors = _quantile(1 - design.alpha / 2) + _quantile(design.power)
    return ceil(design.row_variance * (errors / design.distance) ** 2)


def sequential_rows(design: Design, planned: float | None = None) -> int:
    """Return how many rows a test needs that is looked at all the time.

    After so many the interval excludes the margin even if the estimate is z(power) standard errors
    nearer to it than expected. As looks before count too, the true power is higher: 87 % where 80
    are asked for.

    Args:
        design: what is to be found out.
        planned: N*, the number of rows for which the interval is narrowest; above 0. None: the
            number that is returned.

    Raises:
        ValueError: out of bounds, or more than `MOST_ROWS`.
    """
    luck = _quantile(design.power)

    def suffice(rows: int) -> bool:
        estimate = Estimate(design.effect, design.row_variance / rows, rows)
        rho2 = mixture(rows if planned is None else planned, design.alpha)
        reach = half_width(estimate, rho2, design.alpha) + luck * sqrt(estimate.variance)
        return reach <= design.distance

    return _least(suffice)


def variance_of_share(share: float) -> float:
    """Return the variance of something that is so (1) or not (0) in each row.

    Args:
        share: of rows in which it is so, from 0 to 1.
    """
    return share * (1 - share)


def variance_of_pairs(discordant: float, effect: float) -> float:
    """Return the variance of the difference of two errors (0 or 1) in the same row.

    The difference is 1, 0 or -1, so its square has the mean d: Var = d - e^2. The more the arms
    agree, the fewer rows are needed.

    Args:
        discordant: d, the share of rows in which one arm is right and the other wrong.
        effect: e, the mean difference, from -d to d.

    Raises:
        ValueError: out of bounds.
    """
    if not abs(effect) <= discordant <= 1:
        raise ValueError(f"no share of discordant rows: {discordant}, with a difference {effect}")
    return discordant - effect * effect


def variance_of_split(incumbent: float, challenger: float, share: float) -> float:
    """Return N times the variance of the difference of two means over N rows in all.

    Var = incumbent / (1 - share) + challenger / share: few rows in one arm cannot be made up for by
    many in the other one.

    Args:
        incumbent: variance of its rows.
        challenger: variance of its rows.
        share: of rows that the challenger gets, between 0 and 1.

    Raises:
        ValueError: out of bounds.
    """
    if not 0 < share < 1:
        raise ValueError(f"no split: {share}")
    return incumbent / (1 - share) + challenger / share


def design_effect(cluster_rows: float, icc: float) -> float:
    """Return how many rows in clusters tell as much as one that is independent.

    1 + (m - 1) icc: of 50 rows of an entity that are all alike, 50 tell as much as one.

    Source: Kish, "Survey sampling", 1965, section 5.4.

    Args:
        cluster_rows: m, at least 1.
        icc: intra-class correlation, from 0 to 1.

    Raises:
        ValueError: out of bounds.
    """
    if not (cluster_rows >= 1 and 0 <= icc <= 1):
        raise ValueError(f"no clusters: {cluster_rows} rows, correlation {icc}")
    return 1 + (cluster_rows - 1) * icc


def _quantile(probability: float) -> float:
    return NormalDist().inv_cdf(probability)


def _least(suffice: Callable[[int], bool]) -> int:
    """Return the least number of rows that suffices; every larger one does too."""
    most = 1
    while not suffice(most):
        most *= 2
        if most > MOST_ROWS:
            raise ValueError(f"needs more than {MOST_ROWS} rows")
    least = most // 2 + 1
    while least < most:
        middle = (least + most) // 2
        if suffice(middle):
            most = middle
        else:
            least = middle + 1
    return most
