from decimal import Decimal

import pytest

from contender.core.quantity import parse_quantity, same_quantity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("500m", "0.5"),
        ("1", 1),
        ("1.0", "1"),
        ("1000m", 1),
        ("1Gi", "1024Mi"),
        ("1G", "1e9"),
        ("1k", "1000"),
        ("1E", "1000P"),
        ("1Ei", "1024Pi"),
        ("1e3", "1k"),
        ("1E3", "1k"),
        ("100n", "0.1u"),
        ("+2", "2"),
        ("-1", "-1000m"),
        (".5", "500m"),
        ("5.", "5"),
    ],
)
def test_two_spellings_of_one_amount_are_the_same(one: str | int, other: str | int) -> None:
    assert same_quantity(one, other)
    assert same_quantity(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1Gi", "1G"),
        ("1m", "1M"),
        ("500m", "501m"),
        ("", ""),
        ("a lot", "a lot"),
        ("1Zi", "1Zi"),
        (None, None),
        ({"cpu": 1}, {"cpu": 1}),
    ],
)
def test_other_amounts_and_what_is_no_quantity_are_not_the_same(one: object, other: object) -> None:
    assert not same_quantity(one, other)


@pytest.mark.parametrize(
    ("text", "amount"), [("1Mi", "1048576"), ("250m", "0.25"), ("2e-3", "0.002")]
)
def test_a_quantity_stands_for_its_amount(text: str, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["", "m", "1 Gi", "one", "0x10", "1ki", "NaN", "Infinity", "1_000"]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)
