"""McNemar's test: of two models that answer the same rows, which is wrong more often?

Rows in which both are right, or both wrong, tell nothing. Of those in which one is wrong alone each
is expected to be so in half. The tests hold for margin 0, one row a request and distinct entities:
of rows that are alike, use `estimates.mean_by_bucket`.

Source: McNemar, "Note on the sampling error of the difference between correlated proportions",
Psychometrika 12, 1947.
"""

from math import erfc, exp, log, sqrt

from contender.stats.beta import log_beta, log_survival

PRIOR = 10.0
"""Both parameters of the Beta distribution over the challenger's part of the errors: most of it
within .3 and .7, as two models that are worth comparing are."""


def log_evidence(worse: int, better: int) -> float:
    """Return ln of the evidence that one model is wrong more often: exact, at any look.

    E = B(a + x, a + y) / B(a, a) 2^(x + y), the beta-binomial mixture against one half (Robbins,
    "Statistical methods related to the law of the iterated logarithm", Ann. Math. Stat. 41, 1970).

    Args:
        worse: x, rows in which the challenger alone was wrong.
        better: y, rows in which the incumbent alone was.

    Raises:
        ValueError: negative.
    """
    _check(worse, better)
    mixed = log_beta(PRIOR + worse, PRIOR + better) - log_beta(PRIOR, PRIOR)
    return mixed + (worse + better) * log(2)


def chi_square(worse: int, better: int, *, corrected: bool = False) -> float:
    """Return McNemar's statistic, (x - y)^2 / (x + y); 0 without rows that differ.

    Args:
        worse: x, rows in which the challenger alone was wrong.
        better: y, rows in which the incumbent alone was.
        corrected: for continuity, |x - y| less 1 (Edwards, "Note on the correction for continuity",
            Psychometrika 13, 1948).

    Raises:
        ValueError: negative.
    """
    _check(worse, better)
    if worse + better == 0:
        return 0.0
    gap = max(abs(worse - better) - corrected, 0)
    return gap * gap / (worse + better)


def p_value(statistic: float) -> float:
    """Return the p-value of a statistic of one degree of freedom, at one look."""
    return erfc(sqrt(statistic / 2))


def exact_p_value(worse: int, better: int) -> float:
    """Return the two-sided binomial p-value, at one look.

    Twice the tail P(X >= k) = P(Beta(n - k + 1, k) > 1/2) of the greater count k of n.

    Raises:
        ValueError: negative.
    """
    _check(worse, better)
    if worse == better:
        return 1.0
    greater, smaller = max(worse, better), min(worse, better)
    return min(1.0, 2 * exp(log_survival(0.5, smaller + 1, greater)))


def _check(worse: int, better: int) -> None:
    if worse < 0 or better < 0:
        raise ValueError(f"no counts: {worse}, {better}")
