"""Sample-ratio mismatch: do the arms get the requests that they were meant to get?

When they do not, something loses requests of one arm only, such as a crash, a cache or a filter,
and what is left of that arm cannot be compared with the others. The test is a mixture e-process
that may be looked at after every request: the likelihood of the counts, averaged over a Dirichlet
distribution of shares around the intended ones, against that of the intended ones. While these are
true its expectation is 1, so by Ville's inequality it ever reaches 1/alpha with probability of at
most alpha.

Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022
(arXiv 2011.03567).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isclose, lgamma, log

ALPHA = 0.001
"""The probability that a sound experiment is ever called mismatched. It is small because a mismatch
spoils all that was found, and because true ones are mostly large."""

CONCENTRATION = 100.0
"""How near the intended shares a mismatch is expected: the distribution weighs as much as so many
units. Every number is valid, it only decides which mismatches are found first. 100, as the package
`savvi` takes, needs at most a quarter more units than 1,000 or 10,000 for slight mismatches. With
10,000, the default of the authors' package `ssrm`, gross ones need up to seven times as many, and
600 to 400 in place of 500 each is not found at all."""


@dataclass(frozen=True)
class Assigned:
    """Counts of one epoch: a stretch in which nothing about the traffic changed."""

    counts: tuple[int, ...]
    """Units of each arm: requests, or distinct entities if an entity stays with its arm."""
    shares: tuple[float, ...]
    """Shares that the arms were meant to get, together 1."""


def log_evidence_over_epochs(epochs: Sequence[Assigned], *, sticky: bool) -> float:
    """Return the logarithm of the evidence that shares were not as intended in some epoch.

    Where each request is assigned by itself, epochs are independent and their evidence multiplies.
    An entity that stays with its arm comes back in the next epoch without being assigned again: the
    same chance would count twice. Then the strongest epoch counts, and the k-th one needs k (k + 1)
    times as much evidence, which adds up to alpha over any number of epochs (Bonferroni).

    Args:
        epochs: in the order in which they began.
        sticky: whether an entity stays with its arm.

    Raises:
        ValueError: out of bounds, as in `log_evidence_of_mismatch`.
    """
    found = [log_evidence_of_mismatch(one.counts, one.shares) for one in epochs]
    if not sticky:
        return sum(found)
    return max((one - log(k * (k + 1)) for k, one in enumerate(found, 1)), default=0.0)


def log_evidence_of_mismatch(
    counts: Sequence[int], shares: Sequence[float], concentration: float = CONCENTRATION
) -> float:
    """Return the logarithm of the evidence that counts did not come about by the intended shares.

    E = G(c) / G(c + n) * product over arms of G(c s + x) / (G(c s) s^x), with G the gamma function,
    c the concentration, x of n units for the arm with the share s.

    Args:
        counts: x, units of each arm.
        shares: s, one for each arm, from 0 to 1 and together 1.
        concentration: c, positive; to be fixed before the first unit.

    Returns:
        ln E; at ln(1 / alpha) the counts are a mismatch. Infinite when an arm with the share 0 got
        anything.

    Raises:
        ValueError: out of bounds.
    """
    _check(counts, shares, concentration)
    whole = sum(shares)
    arms = [(x, s / whole) for x, s in zip(counts, shares, strict=True) if x > 0]
    if any(s == 0 for _, s in arms):
        return inf
    return (
        lgamma(concentration)
        - lgamma(concentration + sum(counts))
        + sum(_of_arm(x, s, concentration) for x, s in arms)
    )


def _of_arm(count: int, share: float, concentration: float) -> float:
    expected = concentration * share
    return lgamma(expected + count) - lgamma(expected) - count * log(share)


def _check(counts: Iterable[int], shares: Sequence[float], concentration: float) -> None:
    if any(x < 0 for x in counts) or concentration <= 0:
        raise ValueError(f"no counts, or no concentration: {counts}, {concentration}")
    if any(s < 0 for s in shares) or not isclose(sum(shares), 1, abs_tol=1e-6):
        raise ValueError(f"no shares that are 1 together: {shares}")
