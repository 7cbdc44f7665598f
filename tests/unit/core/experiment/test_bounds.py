"""How many copies may be in flight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.bounds import (
    LEAST_IN_FLIGHT,
    MOST_IN_FLIGHT,
    copies_in_flight,
)


@pytest.mark.parametrize(
    ("per_second", "seconds", "expected"),
    [(0, 30, 16), (1, 0.01, 16), (100, 1.1, 256), (100, 0.1, 16), (1000, 30, 1024)],
)
def test_bounds(per_second: float, seconds: float, expected: int) -> None:
    assert copies_in_flight(per_second, seconds) == expected


@given(st.floats(0, 1e5), st.floats(0, 60))
def test_what_is_needed_fits_unless_it_is_too_much(per_second: float, seconds: float) -> None:
    found = copies_in_flight(per_second, seconds)
    assert LEAST_IN_FLIGHT <= found <= MOST_IN_FLIGHT
    assert found == MOST_IN_FLIGHT or found >= per_second * seconds
