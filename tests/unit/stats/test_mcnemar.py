"""McNemar: fixed and sequential, beside published values."""

from math import exp, isclose, log

import pytest

from contender.stats.mcnemar import chi_square, exact_p_value, log_evidence, p_value

WORSE, BETTER = 86, 150
"""Agresti, "Categorical data analysis": approval of a prime minister, [[794, 86], [150, 570]]."""


def test_the_published_values() -> None:
    assert chi_square(WORSE, BETTER) == pytest.approx(17.356, abs=5e-4)
    assert chi_square(WORSE, BETTER, corrected=True) == pytest.approx(16.818, abs=5e-4)
    assert exact_p_value(WORSE, BETTER) == pytest.approx(3.716e-5, abs=5e-9)
    assert log_evidence(WORSE, BETTER) == pytest.approx(6.8316, abs=5e-5)


@pytest.mark.parametrize(
    ("statistic", "p"), [(0, 1), (3.841459, 0.05), (6.634897, 0.01), (17.356, 3.101e-5)]
)
def test_the_p_value_of_a_statistic(statistic: float, p: float) -> None:
    assert p_value(statistic) == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize("worse", [0, 1, 7, 30])
@pytest.mark.parametrize("better", [0, 2, 7, 50])
def test_what_one_more_row_adds_is_fair(worse: int, better: int) -> None:
    """While both are wrong equally often the expectation of the next evidence is the present."""
    following = exp(log_evidence(worse + 1, better)) + exp(log_evidence(worse, better + 1))
    assert isclose(exp(log_evidence(worse, better)), following / 2, rel_tol=1e-9)


def test_without_rows_that_differ_nothing_is_known() -> None:
    assert log_evidence(0, 0) == 0
    assert chi_square(0, 0) == chi_square(0, 0, corrected=True) == 0
    assert exact_p_value(0, 0) == 1


def test_a_few_rows_on_one_side_are_enough() -> None:
    """All on one side, 15 are; at a look that was planned, six would be."""
    assert log_evidence(0, 14) < log(20) < log_evidence(0, 15)
    assert exact_p_value(0, 5) > 0.05 > exact_p_value(0, 6)


def test_huge_counts_are_no_problem() -> None:
    million = 1_000_000
    assert -10 < log_evidence(million, million) < -5
    assert log_evidence(million, million + 10_000) > 10
    assert 0 < exact_p_value(million, million + 10_000) < 1e-11
    assert exact_p_value(0, million) == 0


@pytest.mark.parametrize(("worse", "better"), [(-1, 5), (5, -1)])
def test_what_are_no_counts_is_refused(worse: int, better: int) -> None:
    for test in (log_evidence, chi_square, exact_p_value):
        with pytest.raises(ValueError, match="no counts"):
            test(worse, better)
