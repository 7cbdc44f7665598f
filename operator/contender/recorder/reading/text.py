"""JSON scalars as text, so that labels, entities and keys are the same however they are sent."""

from typing import Any


def text_of(value: Any) -> str | None:
    """Return a scalar as text: 1, 1.0 and "1" give the same. None: it is null, an object or an
    array."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return None
