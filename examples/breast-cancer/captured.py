"""Choose the captured rows that a model can learn from, and count the others."""

import math
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

Measurements = tuple[float, ...]

FEATURES = 30
_CLASSES = {"0": 0, "1": 1}


@dataclass
class Captured:
    rows: list[Measurements] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many, by why."""


def choose(found: Iterable[dict[str, Any]], feedback: str, held_out: Set[Measurements]) -> Captured:
    """Take the rows whose true class is known, other than those that models are measured by."""
    captured = Captured()
    for one in found:
        row, label = _measurements(one.get("row")), _label(one.get("feedback"), feedback)
        if one.get("row") is None:
            captured.left_out["nothing was kept of the row"] += 1
        elif row is None:
            captured.left_out[f"not {FEATURES} finite numbers"] += 1
        elif label is None:
            captured.left_out[f"no {feedback} of 0 or 1"] += 1
        elif row in held_out:
            captured.left_out["held out, to measure with"] += 1
        else:
            captured.rows.append(row)
            captured.labels.append(label)
    return captured


def _measurements(row: object) -> Measurements | None:
    if not isinstance(row, list) or len(row) != FEATURES or not all(map(_is_number, row)):
        return None
    try:
        values = tuple(map(float, row))
    except OverflowError:  # a whole number that no float can hold
        return None
    return values if all(map(math.isfinite, values)) else None


def _label(known: object, feedback: str) -> int | None:
    """The true class: 1, 1.0 and "1" are the same, as for the recorder."""
    told = known.get(feedback) if isinstance(known, dict) else None
    value = told.get("value") if isinstance(told, dict) else None
    if _is_number(value) and value in (0, 1):
        return int(value)
    return _CLASSES.get(value) if isinstance(value, str) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
