"""The Beta distribution, beside SciPy's."""

from math import inf, isclose, log

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from contender.stats.beta import log_beta, log_survival

POSITIVE = st.floats(0.01, 1e6)


@given(POSITIVE, POSITIVE)
def test_log_beta(a: float, b: float) -> None:
    assert isclose(log_beta(a, b), special.betaln(a, b), rel_tol=1e-9, abs_tol=1e-6)


@given(st.floats(0.0, 1.0), POSITIVE, POSITIVE)
@example(0.5, 1e6, 1e6)
@example(0.500001, 1e6, 1e6)
@example(0.01, 1.0, 1e6)
def test_log_survival(x: float, a: float, b: float) -> None:
    expected = float(stats.beta.logsf(x, a, b))
    found = log_survival(x, a, b)
    if expected > -700:  # beyond, SciPy has lost it
        assert isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6)
    else:
        assert found < -650


@pytest.mark.parametrize(("x", "expected"), [(0.0, 0.0), (0.25, log(0.75)), (1.0, -inf)])
def test_the_uniform_distribution(x: float, expected: float) -> None:
    assert isclose(log_survival(x, 1, 1), expected, abs_tol=1e-12)


def test_far_out_it_is_still_a_number() -> None:
    """P(X > x) of Beta(1, b) is (1 - x)^b."""
    assert isclose(log_survival(0.9, 1, 100_000), 100_000 * log(0.1), rel_tol=1e-9)


@pytest.mark.parametrize(("x", "a", "b"), [(-0.1, 1, 1), (1.1, 1, 1), (0.5, 0, 1), (0.5, 1, -1)])
def test_what_is_no_distribution_is_refused(x: float, a: float, b: float) -> None:
    with pytest.raises(ValueError, match="no Beta distribution"):
        log_survival(x, a, b)
