"""Confidence sequences: intervals that hold at every look at once.

A fixed-sample interval looked at again and again is wrong sooner or later. These are wrong at any
of all looks with a probability of at most alpha, however often and for whatever reason one looks or
stops. They are normal mixtures: the evidence is the likelihood ratio of a shift against no shift,
averaged over shifts of mean 0 and variance rho2 (in squared standard deviations of an observation);
an interval has all nulls against which there is not enough of it, by Ville's inequality.

Like the central limit theorem they hold for means of any observations with a variance, once there
are enough of them: `LEAST_ROWS` here, and `LEAST_SPREAD` and `LEAST_CARRIERS` in `estimates`.

A null is a difference that is asked about: 0, or a margin.

Sources: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Ann. Stat. 52, 2024 (arXiv 2103.06476v7: equation 9 for intervals,
155 for evidence, 161 for rho2, 134 for one side, there a little simplified). Howard, Ramdas,
McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat.
49, 2021: the same mixtures of both and of one side for known variances, with 1 / rho2 as rho; and
their library confseq. The delay before the first look: Bibaut, Kallus and Lindon, "Near-optimal
non-parametric sequential tests and confidence sequences with possibly dependent observations"
(arXiv 2212.14411).
"""

from math import erfc, exp, inf, log, pi, sqrt

from contender.stats.estimates import Estimate

LEAST_ROWS = 200
"""Nothing is decided before so many observations, of both arms together or pairs. What happens to
one in a hundred is then likely to have been seen."""

_FAR = 30.0
"""Standard deviations below which the normal distribution is taken from its tail's expansion."""

_HALVINGS = 60
"""Steps of a bisection: beyond, floats do not change."""


def mixture(planned: float, alpha: float) -> float:
    """Return the rho2 with which intervals are narrowest at a planned number of observations.

    Args:
        planned: N*, of both arms together; above 0.
        alpha: the probability of an error, between 0 and 1.

    Raises:
        ValueError: out of bounds.
    """
    if not (0 < planned < inf and 0 < alpha < 1):
        raise ValueError(f"nothing to plan with: {planned} observations, alpha {alpha}")
    twice = -2 * log(alpha)
    return (twice + log(1 + twice)) / planned


def one_sided_mixture(planned: float, alpha: float) -> float:
    """Return the rho2 with which one-sided bounds are about the nearest at a planned number.

    Args:
        planned: N*, of both arms together; above 0.
        alpha: the probability of an error, between 0 and .5.

    Raises:
        ValueError: out of bounds.
    """
    return mixture(planned, 2 * alpha)


def half_width(estimate: Estimate, rho2: float, alpha: float) -> float:
    """Return how far the interval reaches to either side of the value.

    SE sqrt((1 + 1 / (N rho2)) ln((1 + N rho2) / alpha^2)), which is infinite while the variance is
    not known.
    """
    if estimate.variance == 0:
        return inf
    information = estimate.n * rho2
    reach = (1 + 1 / information) * (log(1 + information) - 2 * log(alpha))
    return sqrt(estimate.variance * reach)


def interval(estimate: Estimate, rho2: float, alpha: float) -> tuple[float, float]:
    """Return the interval that, at all looks, has the true difference within itself."""
    width = half_width(estimate, rho2, alpha)
    return estimate.value - width, estimate.value + width


def log_evidence(estimate: Estimate, null: float, rho2: float) -> float:
    """Return ln of the evidence against a difference that equals `null`.

    It reaches ln(1 / alpha) exactly when the null leaves the interval of that alpha. While the
    variance is not known it is 0.
    """
    if estimate.variance == 0:
        return 0.0
    information = estimate.n * rho2
    x = _standardized(estimate, null, information)
    return x * x / 2 - log(1 + information) / 2


def log_evidence_above(estimate: Estimate, null: float, rho2: float) -> float:
    """Return ln of the evidence that the difference is above `null`, against all that are not.

    A mixture over shifts above 0 only: E = 2 e^(x^2 / 2) Phi(x) / sqrt(1 + N rho2). A difference
    far below makes little evidence, never much. While the variance is not known it is 0.
    """
    if estimate.variance == 0:
        return 0.0
    information = estimate.n * rho2
    x = _standardized(estimate, null, information)
    return _log_half_mixture(x) - log(1 + information) / 2


def log_evidence_below(estimate: Estimate, null: float, rho2: float) -> float:
    """Return ln of the evidence that the difference is below `null`, against all that are not."""
    return log_evidence_above(_mirrored(estimate), -null, rho2)


def lower_bound(estimate: Estimate, rho2: float, alpha: float) -> float:
    """Return the bound that, at all looks, the true difference is above.

    The null against which `log_evidence_above` is ln(1 / alpha). A lower and an upper bound
    together err with a probability of up to twice alpha.

    Args:
        estimate: of the difference.
        rho2: of `one_sided_mixture`.
        alpha: the probability of an error, between 0 and 1.
    """
    if estimate.variance == 0:
        return -inf
    information = estimate.n * rho2
    enough = log(1 + information) / 2 - log(alpha)
    x = _where_half_mixture_is(enough)
    return estimate.value - x * sqrt(estimate.variance * (1 + 1 / information))


def upper_bound(estimate: Estimate, rho2: float, alpha: float) -> float:
    """Return the bound that, at all looks, the true difference is below."""
    return -lower_bound(_mirrored(estimate), rho2, alpha)


def always_valid_p(log_evidence_maximum: float) -> float:
    """Return the p-value that holds at any look: of the greatest evidence of all looks so far."""
    return min(1.0, exp(-max(log_evidence_maximum, 0.0)))


def _mirrored(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, estimate.variance, estimate.n)


def _standardized(estimate: Estimate, null: float, information: float) -> float:
    """Return the distance from the null, in standard errors of the estimate and the prior."""
    return (estimate.value - null) / sqrt(estimate.variance * (1 + 1 / information))


def _log_half_mixture(x: float) -> float:
    """Return ln(2 e^(x^2 / 2) Phi(x)), which grows with x.

    Far below 0, the bound of Birnbaum, "An inequality for Mill's ratio", Ann. Math. Stat. 13, 1942;
    it is a little lower, so never too much evidence.
    """
    if x < -_FAR:
        return log(4 / (sqrt(x * x + 4) - x)) - log(2 * pi) / 2
    return x * x / 2 + log(erfc(-x / sqrt(2)))


def _where_half_mixture_is(value: float) -> float:
    """Return x for which `_log_half_mixture` is a value above 0, by bisection."""
    # ln(2 Phi(x)) is from 0 to ln 2 for x above 0.
    low, high = sqrt(2 * max(value - log(2), 0.0)), sqrt(2 * value)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _log_half_mixture(middle) < value:
            low = middle
        else:
            high = middle
    return high
