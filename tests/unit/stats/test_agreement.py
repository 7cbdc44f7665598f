"""Agreement of two arms, beside SciPy's and statsmodels' numbers."""

from collections.abc import Sequence
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from contender.stats.agreement import kappa, wilson


@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.001, 0.5))
def test_the_interval_is_the_one_of_statsmodels(n: int, part: float, alpha: float) -> None:
    successes = round(part * n)
    low, high = wilson(successes, n, alpha)
    expected = proportion_confint(successes, n, alpha, method="wilson")
    assert isclose(low, expected[0], abs_tol=1e-9)
    assert isclose(high, expected[1], abs_tol=1e-9)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.27753),
        (10, 10, 0.72247, 1.0),
        (81, 263, 0.25530, 0.36621),  # Newcombe, Statistics in Medicine 17, 1998, table I
        (15, 148, 0.06237, 0.16052),  # likewise
    ],
)
def test_known_intervals(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)
    assert isclose(found[0], low, abs_tol=1e-4)
    assert isclose(found[1], high, abs_tol=1e-4)


def test_more_rows_make_it_narrower() -> None:
    widths = [high - low for low, high in (wilson(9 * n, 10 * n) for n in (1, 10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("successes", "n", "alpha"), [(-1, 5, 0.05), (6, 5, 0.05), (1, 5, 0.0), (1, 5, 1.0)]
)
def test_what_is_no_share_is_refused(successes: int, n: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="no counts"):
        wilson(successes, n, alpha)


TABLES = st.integers(2, 4).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(1, 1000), min_size=size, max_size=size), min_size=size, max_size=size
    )
)


@given(TABLES)
def test_kappa_is_the_one_of_statsmodels(table: list[list[int]]) -> None:
    found = kappa(table)
    assert found is not None
    assert isclose(found, cohens_kappa(table, return_results=False), abs_tol=1e-9)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[20, 5], [10, 15]], 0.4),
        ([[7, 0], [0, 9]], 1.0),
        ([[0, 7], [7, 0]], -1.0),
        ([[9025, 475], [475, 25]], 0.0),  # 90.5 % agree, and all of it is chance
        ([[5, 0], [0, 0]], None),  # both always answer the same class
        ([[0, 0], [0, 0]], None),
        ([], None),
    ],
)
def test_known_tables(table: Sequence[Sequence[int]], expected: float | None) -> None:
    found = kappa(table)
    if expected is None or found is None:
        assert found is expected
    else:
        assert isclose(found, expected, abs_tol=1e-12)


@pytest.mark.parametrize("table", [[[1, 2]], [[1], [2]], [[1, 2], [3]], [[1, -2], [3, 4]]])
def test_what_is_no_table_is_refused(table: Sequence[Sequence[int]]) -> None:
    with pytest.raises(ValueError, match="no square table"):
        kappa(table)
