"""Guardrails: does a challenger do harm more often than it may?

Harm is whatever can be counted by request: an error, an answer slower than a threshold. The test is
one-sided and may be looked at after every request. It is a mixture e-process: the likelihood ratio
of a share above the allowed one against the allowed one, averaged over a Beta distribution that is
truncated to the shares above. While nothing is wrong its expectation is at most 1, so by Ville's
inequality it ever reaches 1/alpha with probability of at most alpha.

Sources: Ville, "Etude critique de la notion de collectif", 1939; Robbins, "Statistical methods
related to the law of the iterated logarithm", Ann. Math. Stat. 41, 1970 (mixtures); Lindon and
Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022 (counts). Without the
truncation a challenger that does less harm than allowed would be evidence too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, log

from contender.stats.beta import log_beta, log_survival


@dataclass(frozen=True)
class Harm:
    """Counts of one epoch: a stretch in which nothing about the traffic changed."""

    challenger: int
    """Requests with harm by the challenger."""
    incumbent: int
    """Requests with harm by the incumbent."""
    exposure: float
    """Requests of the challenger for each one of the incumbent, as the router was told: w/(1 - w)
    in a split that gives it the share w, s in a shadow that gets the share s of copies."""


def log_evidence_of_ratio(epochs: Iterable[Harm], max_ratio: float) -> float:
    """Return the logarithm of the evidence that the challenger does harm more than `max_ratio`
    times as often as the incumbent.

    Of all harm, the challenger's part is expected to be at most q0 = e r / (e r + 1), for exposure
    e and ratio r: exactly so when each request is assigned at random. When both answer the same
    request the evidence is only weakened by what they do alike: with q above q0, the factor of a
    request that both harm, q (1 - q) / (q0 (1 - q0)), adds -(q - q0)^2 / (q0 (1 - q0)) to the
    expectation. Epochs multiply, each with a q0 of its own: pooled, a base rate that moves while
    weights change would look like harm.

    Args:
        epochs: counts, each since the beginning of its epoch.
        max_ratio: positive.

    Returns:
        ln E; above ln(1 / alpha) the guardrail is breached at level alpha.
    """
    return sum(
        log_evidence(
            one.challenger,
            one.challenger + one.incumbent,
            one.exposure * max_ratio / (one.exposure * max_ratio + 1),
        )
        for one in epochs
        if one.exposure > 0
    )


def log_evidence(harmed: int, total: int, allowed: float) -> float:
    """Return the logarithm of the evidence that a share is above an allowed one.

    E = B(1 + x, 1 + n - x) P(Beta(1 + x, 1 + n - x) > q0)
        / (B(1, 1) P(Beta(1, 1) > q0) q0^x (1 - q0)^(n - x))

    Args:
        harmed: x, from 0 to n.
        total: n.
        allowed: q0, the largest share that is no harm, from 0 to 1. At 0 the first harm is proof,
            at 1 nothing is.

    Raises:
        ValueError: out of bounds.
    """
    if not (0 <= harmed <= total and 0 <= allowed <= 1):
        raise ValueError(f"no counts or no share: {harmed} of {total}, allowed {allowed}")
    if allowed == 1 or total == 0:
        return 0.0
    if allowed == 0:
        return inf if harmed else _log_mixture(0, total, 0.0)
    unharmed = total - harmed
    null = harmed * log(allowed) + unharmed * log(1 - allowed)
    return _log_mixture(harmed, unharmed, allowed) - null


def _log_mixture(harmed: int, unharmed: int, above: float) -> float:
    """Return ln of the mean likelihood over shares that are uniform above a bound."""
    a, b = 1.0 + harmed, 1.0 + unharmed
    return log_beta(a, b) + log_survival(above, a, b) - log(1 - above)
