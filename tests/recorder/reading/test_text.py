"""Scalars as text: the same label however it is sent."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.recorder.reading.text import text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("churn", "churn"),
        ("", ""),
        ("1.0", "1.0"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (2**63, "9223372036854775808"),
        (2.0**63, "9223372036854775808"),
        (2**64 - 1, "18446744073709551615"),
        (1e300, str(int(1e300))),
        (None, None),
        ([], None),
        ({}, None),
        ([1], None),
    ],
)
def test_the_text_of(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@given(st.integers(-(2**53), 2**53))
def test_an_integer_is_the_same_as_a_float_and_as_text(number: int) -> None:
    assert text_of(number) == text_of(float(number)) == text_of(str(number))


@given(
    st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
)
def test_numbers_have_the_same_text_only_if_they_are_equal(number: float) -> None:
    text = text_of(orjson.loads(orjson.dumps(number)))
    assert text is not None
    assert (int(text) if text.lstrip("-").isdigit() else float(text)) == number
