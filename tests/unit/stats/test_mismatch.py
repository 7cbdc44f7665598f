"""Sample-ratio mismatch: arms that get what they are meant to get are let alone, others found."""

from math import exp, inf, isclose, log

import pytest
from scipy import stats

from contender.stats.mismatch import (
    ALPHA,
    Assigned,
    log_evidence_of_mismatch,
    log_evidence_over_epochs,
)

NEEDED = log(1 / ALPHA)
HALVES = (0.5, 0.5)


def test_600_to_400_is_found_as_an_ordinary_test_finds_it() -> None:
    ordinary = stats.chisquare([600, 400], [500, 500])
    assert isclose(ordinary.pvalue, 2.54e-10, rel_tol=1e-3)
    assert log_evidence_of_mismatch((600, 400), HALVES) > NEEDED


@pytest.mark.parametrize(
    ("concentration", "expected"),
    [(100, 17.09894), (1_000, 9.67506), (10_000, 1.77079)],
)
def test_the_concentration_says_which_mismatches_are_found_first(
    concentration: float, expected: float
) -> None:
    """10,000, the choice of `ssrm`, expects slight ones, and does not find this one."""
    found = log_evidence_of_mismatch((600, 400), HALVES, concentration)
    assert isclose(found, expected, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((1, 0, 0), -1.0986122886681096), ((20, 17, 9), -7.028201432058012)],
)
def test_published_values(counts: tuple[int, ...], expected: float) -> None:
    """The likelihood under uniform shares, from the tests of `ssrm`: concentration 3, thirds."""
    thirds = (1 / 3, 1 / 3, 1 / 3)
    intended = stats.multinomial.logpmf(counts, sum(counts), thirds)
    found = log_evidence_of_mismatch(counts, thirds, 3) + intended
    assert isclose(found, expected, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("counts", "shares", "expected"),
    [
        ((0, 0), HALVES, 0.0),  # nothing was seen
        ((7,), (1.0,), 0.0),  # nothing could be otherwise
        ((7, 0), (1.0, 0.0), 0.0),  # an arm without a share, and without a unit
        ((1_000_000, 1), (1.0, 0.0), inf),  # proof
    ],
)
def test_edges(counts: tuple[int, ...], shares: tuple[float, ...], expected: float) -> None:
    assert isclose(log_evidence_of_mismatch(counts, shares), expected, abs_tol=1e-9)


def test_huge_counts_are_no_problem() -> None:
    assert -10 < log_evidence_of_mismatch((10**9, 10**9), HALVES) < 0
    assert log_evidence_of_mismatch((10**9, 10**9 + 10**6), HALVES) > NEEDED


def test_shares_may_be_rounded() -> None:
    """The remainder of a rounded sum is no mismatch, however many units there are."""
    rounded = (0.3333333, 0.3333333, 0.3333333)
    assert log_evidence_of_mismatch((10**9, 10**9, 10**9), rounded) < 0


@pytest.mark.parametrize(
    ("counts", "shares", "concentration", "message"),
    [
        ((-1, 2), HALVES, 1.0, "no counts"),
        ((1, 2), HALVES, 0.0, "no concentration"),
        ((1, 2), (0.5, 0.4), 1.0, "no shares"),
        ((1, 2), (1.5, -0.5), 1.0, "no shares"),
        ((1, 2, 3), HALVES, 1.0, "argument"),
    ],
)
def test_what_are_no_counts_or_shares_is_refused(
    counts: tuple[int, ...], shares: tuple[float, ...], concentration: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        log_evidence_of_mismatch(counts, shares, concentration)


FIRST = Assigned((900, 110), (0.9, 0.1))
SECOND = Assigned((470, 530), HALVES)


def test_evidence_of_epochs_multiplies_where_requests_are_assigned_anew() -> None:
    """10 % in the one and 50 % in the other is no mismatch, whatever it is together."""
    alone = [log_evidence_of_mismatch(one.counts, one.shares) for one in (FIRST, SECOND)]
    assert isclose(log_evidence_over_epochs([FIRST, SECOND], sticky=False), sum(alone))
    assert log_evidence_over_epochs([FIRST, SECOND], sticky=False) < NEEDED


def test_entities_that_come_back_do_not_count_twice() -> None:
    once = log_evidence_of_mismatch(SECOND.counts, SECOND.shares)
    again = log_evidence_over_epochs([SECOND] * 20, sticky=True)
    assert isclose(again, once - log(2))
    assert log_evidence_over_epochs([SECOND] * 20, sticky=False) > 10 * once


def test_over_any_number_of_epochs_no_more_than_alpha_is_spent() -> None:
    spent = sum(1 / (k * (k + 1)) for k in range(1, 100_000))
    assert 0.9999 < spent <= 1


@pytest.mark.parametrize("sticky", [False, True])
def test_no_epoch_is_no_evidence(sticky: bool) -> None:
    assert log_evidence_over_epochs([], sticky=sticky) == 0


@pytest.mark.parametrize("sticky", [False, True])
def test_proof_in_one_epoch_is_proof(sticky: bool) -> None:
    assert log_evidence_over_epochs([FIRST, Assigned((5, 1), (1.0, 0.0))], sticky=sticky) == inf


def test_what_one_more_unit_adds_is_fair() -> None:
    """Under the intended shares the expectation of the next evidence is the present one."""
    shares, counts = (0.7, 0.2, 0.1), (50, 12, 3)
    following = sum(
        share
        * exp(log_evidence_of_mismatch([x + (i == arm) for i, x in enumerate(counts)], shares))
        for arm, share in enumerate(shares)
    )
    assert isclose(following, exp(log_evidence_of_mismatch(counts, shares)), rel_tol=1e-9)
