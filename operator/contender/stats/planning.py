"""Planning: how many rows does an objective need, before an experiment starts?

An objective compares the mean of something per row, such as a loss, between two arms: it is
decided when the confidence interval of their difference excludes the margin. How many rows that
takes depends on how far the expected difference is from the margin, and on how much rows vary.

N counts all rows that are compared: pairs where both arms answer the same rows, the rows of both
arms together in a split.

The interval is made by an operator who is careful: a variance from buckets counts if it is larger
than that of rows (`excess_of_buckets`), an arm has at least the variance of both arms together
(`careful_of_split`), and what was not seen yet is added (`unseen`). All that makes it wider than
rows alone would, but the estimate no less sure: both variances are told apart.

Source of the fixed test: the normal approximation, as in Fleiss, Levin and Paik, "Statistical
methods for rates and proportions", 2003, chapter 4, with the variance of each arm by itself. The
sequential test is solved for with the formula that decides: `contender.stats.sequences`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, inf, isfinite, sqrt
from statistics import NormalDist

from contender.stats.estimates import BUCKETS, UNSEEN, Estimate
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
    careful: float = 1.0
    """How many times the variance an interval takes: `careful_of_split`; at least 1."""
    bucketed: int = 0
    """Of how many means the variance is that of buckets if it is the larger one: 1 for pairs, 2
    for a split; 0 where rows stand for themselves."""
    unseen: float = 0.0
    """What is added to the squared standard error of an interval, times N^2: `unseen`."""

    def __post_init__(self) -> None:
        if not (self.variance > 0 and isfinite(self.variance) and isfinite(self.distance)):
            raise ValueError(f"a design without finite numbers: {self}")
        if not (0 < self.alpha < 1 and 0.5 <= self.power < 1):
            raise ValueError(f"a design without an alpha or a power: {self}")
        if not (self.careful >= 1 and self.bucketed >= 0 and self.unseen >= 0):
            raise ValueError(f"a design whose intervals are narrower than its rows: {self}")
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

    def error(self, rows: float) -> float:
        """Return the standard error of the estimate after so many rows."""
        return sqrt(self.row_variance / rows)

    def taken(self, rows: float) -> Estimate:
        """Return the estimate that an interval is made of after so many rows, in the mean."""
        excess = self.bucketed * excess_of_buckets(design_effect(self.cluster_rows, self.icc))
        known = self.row_variance * self.careful * (1 + excess) / rows
        return Estimate(self.effect, known + self.unseen / rows / rows, rows)


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a design needs, by how one looks at them."""

    sequential: int
    """Looked at all the time."""
    horizon: int
    """Looked at all the time with a part of alpha, and once at the end with the rest of it."""
    fixed: int
    """Looked at once, at the end, and never before, by the usual test."""

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


def rows_needed(design: Design, planned: float | None = None) -> Rows:
    """Return how many rows a design needs.

    Args:
        design: what is to be found out.
        planned: as in `sequential_rows`.

    Raises:
        ValueError: more than `MOST_ROWS`.
    """
    return Rows(
        sequential=sequential_rows(design, planned),
        horizon=horizon_rows(design),
        fixed=fixed_rows(design),
    )


def requests_needed(rows: int, traffic: Traffic) -> int:
    """Return how many requests bring so many rows with a truth."""
    return ceil(rows / (traffic.rows_per_request * traffic.labelled))


def seconds_needed(rows: int, traffic: Traffic) -> float:
    """Return after how many seconds so many rows have their truth."""
    return requests_needed(rows, traffic) / traffic.requests_per_second + traffic.delay


def fixed_rows(design: Design) -> int:
    """Return how many rows the usual test needs, that is looked at once.

    N = variance (z(1 - alpha / 2) + z(power))^2 / (effect - margin)^2
    """
    errors = _quantile(1 - design.alpha / 2) + _quantile(design.power)
    return ceil(design.row_variance * (errors / design.distance) ** 2)


def horizon_rows(design: Design) -> int:
    """Return how many rows a horizon needs, at which most of alpha is spent.

    The least N with z(1 - alpha / 2) SE(taken) + z(power) SE <= |effect - margin|, for the alpha
    that is kept for it. What looks before may find is left out: it is hardly ever more.

    Raises:
        ValueError: more than `MOST_ROWS`.
    """
    reach = _quantile(1 - hybrid(design.alpha).fixed / 2)
    return _least(_suffices(design, lambda estimate: reach * sqrt(estimate.variance)))


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

    def width(estimate: Estimate) -> float:
        rho2 = mixture(estimate.n if planned is None else planned, design.alpha)
        return half_width(estimate, rho2, design.alpha)

    return _least(_suffices(design, width))


def _suffices(design: Design, width: Callable[[Estimate], float]) -> Callable[[int], bool]:
    """Return whether an interval of this half-width excludes the margin after so many rows, even if
    the estimate is z(power) standard errors nearer to it than expected."""
    luck = _quantile(design.power)
    return lambda rows: width(design.taken(rows)) + luck * design.error(rows) <= design.distance


def rows_until(estimate: Estimate, null: float, rho2: float, alpha: float) -> float:
    """Return after how many rows in all the interval excludes a null, if the value stays as it was
    estimated and rows go on to vary as much.

    Args:
        estimate: what is known so far.
        null: the difference that is asked about.
        rho2: of the interval, as in `sequences.half_width`.
        alpha: likewise.

    Returns:
        Infinity while the variance is not known, if the value is the null, and beyond `MOST_ROWS`.
    """
    distance = abs(estimate.value - null)
    row_variance = estimate.variance * estimate.n
    if not (distance and row_variance):
        return inf

    def suffice(rows: int) -> bool:
        then = Estimate(estimate.value, row_variance / rows, rows)
        return half_width(then, rho2, alpha) < distance

    try:
        return _least(suffice)
    except ValueError:
        return inf


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


def careful_of_split(incumbent: float, challenger: float, share: float, effect: float) -> float:
    """Return how many times the variance of a split an interval takes: each arm has at least the
    variance of both arms together, as in `estimates.careful_difference`.

    Args:
        incumbent: variance of its rows.
        challenger: variance of its rows.
        share: of rows that the challenger gets, between 0 and 1.
        effect: the difference of their means.

    Raises:
        ValueError: out of bounds.
    """
    both = (1 - share) * incumbent + share * challenger + share * (1 - share) * effect * effect
    taken = variance_of_split(max(incumbent, both), max(challenger, both), share)
    return taken / variance_of_split(incumbent, challenger, share)


def excess_of_buckets(effect: float) -> float:
    """Return by what share a variance is too large in the mean if that of buckets is taken unless
    that of rows is larger.

    The one from K buckets is a guess, with a standard deviation of s = sqrt(2 / (K - 1)) of it. For
    a normal guess with the mean d, E max(1, d (1 + s Z)) = d (1 + s (phi(u) + u Phi(u))) with
    u = (1 / d - 1) / s: 5 % more where rows have nothing in common, and less where they have.

    Args:
        effect: d, how many times the variance of rows theirs is: `design_effect`.
    """
    spread = sqrt(2 / (BUCKETS - 1))
    bound = (1 / effect - 1) / spread
    normal = NormalDist()
    return spread * (normal.pdf(bound) + bound * normal.cdf(bound))


def unseen(bound: float, units: Iterable[float]) -> float:
    """Return what is added to the squared standard error of an interval, times N^2, for what was
    not seen yet: `estimates.with_unseen`.

    Args:
        bound: the greatest absolute value of a row's observation.
        units: of each mean, how many independent units there are by the number of all rows.
    """
    return UNSEEN * sum((bound / one) ** 2 for one in units)


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
