"""Guardrails: a challenger that is no worse than it may be is let alone, one that is, is caught."""

from math import exp, inf, isclose, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from contender.stats.guardrail import Harm, log_evidence, log_evidence_of_ratio

ALPHA = 0.05
BREACHED = log(1 / ALPHA)
RATIO = 1.5


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_it_is_the_integral_that_it_claims_to_be(harmed: int, unharmed: int, q0: float) -> None:
    def likelihood(q: float) -> float:
        return exp(harmed * log(q / q0) + unharmed * log((1 - q) / (1 - q0))) if q < 1 else 0.0

    expected = integrate.quad(likelihood, q0, 1, limit=200)[0] / (1 - q0)
    found = exp(log_evidence(harmed, harmed + unharmed, q0))
    assert isclose(found, expected, rel_tol=1e-5, abs_tol=1e-9)


@given(st.integers(0, 30), st.floats(0.01, 0.99))
def test_what_one_more_request_adds_is_fair(total: int, q0: float) -> None:
    """Under the allowed share the expectation of the next evidence is the present one."""
    for harmed in range(total + 1):
        now = exp(log_evidence(harmed, total, q0))
        following = q0 * exp(log_evidence(harmed + 1, total + 1, q0)) + (1 - q0) * exp(
            log_evidence(harmed, total + 1, q0)
        )
        assert isclose(now, following, rel_tol=1e-6)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_more_harm_is_more_evidence(harmed: int, unharmed: int, q0: float) -> None:
    total = harmed + unharmed + 1
    assert log_evidence(harmed + 1, total, q0) >= log_evidence(harmed, total, q0)


@pytest.mark.parametrize(
    ("harmed", "total", "allowed", "expected"),
    [(0, 0, 0.3, 0.0), (5, 10, 1.0, 0.0), (1, 10, 0.0, inf), (0, 10, 0.0, log(1 / 11))],
)
def test_edges(harmed: int, total: int, allowed: float, expected: float) -> None:
    assert isclose(log_evidence(harmed, total, allowed), expected, abs_tol=1e-12)


def test_huge_counts_are_no_problem() -> None:
    # Never far below 0: a challenger that goes bad later is not forgiven for a good time before.
    assert -20 < log_evidence(5_000_000, 10_000_000, 0.6) < -10
    assert log_evidence(7_000_000, 10_000_000, 0.6) > 1000


@pytest.mark.parametrize(("harmed", "total", "allowed"), [(-1, 5, 0.5), (6, 5, 0.5), (1, 5, 1.5)])
def test_what_are_no_counts_is_refused(harmed: int, total: int, allowed: float) -> None:
    with pytest.raises(ValueError, match="no counts"):
        log_evidence(harmed, total, allowed)


def test_epochs_multiply_and_one_without_exposure_tells_nothing() -> None:
    first, second = Harm(5, 3, 0.1), Harm(2, 9, 1.0)
    both = log_evidence_of_ratio([first, second], RATIO)
    assert isclose(
        both, log_evidence_of_ratio([first], RATIO) + log_evidence_of_ratio([second], RATIO)
    )
    assert log_evidence_of_ratio([first, Harm(9, 0, 0.0)], RATIO) == log_evidence_of_ratio(
        [first], RATIO
    )


# Simulations: what happens when one looks often. Seeds are fixed.

LOOKS = 200
RUNS = 200


def breaches(
    rates: tuple[float, float], shares: tuple[float, ...], *, paired: bool = False, seed: int = 1
) -> float:
    """Return the share of runs in which the guardrail is ever breached.

    Args:
        rates: of harm, by the incumbent and by the challenger; in each following epoch 1.5 times as
            high, as in a day that gets busier.
        shares: of the challenger, one epoch after another.
        paired: whether both answer the same requests, and harm each other's callers alike.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(RUNS):
        done: list[Harm] = []
        breached = False
        for epoch, share in enumerate(shares):
            busier = 1.5**epoch
            harm = [0, 0]
            for _ in range(LOOKS // len(shares)):
                counts = _look(random, rates[0] * busier, rates[1] * busier, share, paired)
                harm = [harm[0] + counts[0], harm[1] + counts[1]]
                exposure = share if paired else share / (1 - share)
                present = Harm(harm[1], harm[0], exposure)
                breached |= log_evidence_of_ratio([*done, present], RATIO) >= BREACHED
            done.append(present)
        found += breached
    return found / RUNS


def _look(
    random: np.random.Generator, old: float, new: float, share: float, paired: bool
) -> tuple[int, int]:
    """Return the harm by incumbent and challenger in the requests between two looks."""
    requests = 100
    if not paired:
        served = random.binomial(requests, share)
        return random.binomial(requests - served, old), random.binomial(served, new)
    # The same request is hard for both.
    hard = random.random(requests)
    copied = random.random(requests) < share
    return int((hard < old).sum()), int((copied & (hard < new)).sum())


@pytest.mark.parametrize("shares", [(0.1,), (0.5,), (0.01, 0.1, 0.5)])
def test_an_equal_challenger_is_let_alone(shares: tuple[float, ...]) -> None:
    assert breaches((0.05, 0.05), shares) <= 0.01


@pytest.mark.parametrize("shares", [(0.1,), (0.5,), (0.01, 0.1, 0.5)])
def test_one_at_the_limit_is_breached_no_more_often_than_alpha(shares: tuple[float, ...]) -> None:
    assert breaches((0.04, 0.04 * RATIO), shares) <= ALPHA


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_the_same_for_copies_of_the_same_requests(share: float) -> None:
    assert breaches((0.04, 0.04 * RATIO), (share,), paired=True) <= ALPHA


def test_one_with_half_of_the_harm_is_let_alone() -> None:
    assert breaches((0.05, 0.025), (0.5,)) == 0


@pytest.mark.parametrize(("shares", "paired"), [((0.1,), False), ((0.5,), False), ((1.0,), True)])
def test_one_with_three_times_the_harm_is_always_caught(
    shares: tuple[float, ...], paired: bool
) -> None:
    assert breaches((0.05, 0.15), shares, paired=paired) == 1
