"""Kubernetes quantities: two spellings of one amount are equal."""

import re
from decimal import Decimal

_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_quantity(value: str | int) -> Decimal:
    """Return the amount that a quantity such as `500m`, `1Gi` or `1e3` stands for.

    Raises:
        ValueError: the text is no quantity.
    """
    text = str(value)
    for length in (2, 1, 0):
        number, unit = text[: len(text) - length], text[len(text) - length :]
        if unit in _FACTORS and _NUMBER.fullmatch(number):
            return Decimal(number) * _FACTORS[unit]
    raise ValueError(f"not a quantity: {text!r}")


def same_quantity(one: object, other: object) -> bool:
    """Return whether both are quantities of the same amount."""
    if not isinstance(one, str | int) or not isinstance(other, str | int):
        return False
    try:
        return parse_quantity(one) == parse_quantity(other)
    except ValueError:
        return False
