"""Columns of rows: which ones there are, and of which type, found by looking at all rows once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

Json = dict[str, Any]

MOST_FEATURES = 2000
"""Columns of features; rows with more become JSON text."""


class Type(StrEnum):
    """Type of a column. In each one, null is allowed."""

    TEXT = "text"
    JSON = "JSON text"
    BOOLEAN = "boolean"
    INTEGER = "integer of 64 bits"
    NUMBER = "double"
    MOMENT = "microseconds, UTC"


FIXED = {
    "id": Type.TEXT,
    "time": Type.MOMENT,
    "version": Type.TEXT,
    "revision": Type.TEXT,
    "arm": Type.TEXT,
    "propensity": Type.NUMBER,
    "experiment": Type.TEXT,
    "epoch": Type.TEXT,
    "outcome": Type.TEXT,
}
"""Fields of which the type is known."""
OPEN = {"output": Type.TEXT, "score": Type.NUMBER}
"""Fields that hold what the model says; the type is that of a column with nothing but null."""
COPY = ("version", "outcome", "output", "score")
NESTED = ("row", "copies", "feedback")


@dataclass(frozen=True)
class Column:
    """One column."""

    name: str
    type: Type
    get: Callable[[Json], Any]
    """Finds its value in a row, as JSON has it; None: null."""


class Seen:
    """Which types the values of a column have had.

    Args:
        empty: what it is when all were null.
    """

    def __init__(self, empty: Type = Type.TEXT) -> None:
        self._empty = empty
        self._types: set[Type] = set()

    def see(self, value: Any) -> None:
        """Take in a value of JSON."""
        if value is not None:
            self._types.add(_type(value))

    @property
    def type(self) -> Type:
        """The narrowest type that holds all of them."""
        if len(self._types) == 1:
            return next(iter(self._types))
        if self._types == {Type.INTEGER, Type.NUMBER}:
            return Type.NUMBER
        return Type.JSON if self._types else self._empty


def _type(value: Any) -> Type:
    if isinstance(value, bool):
        return Type.BOOLEAN
    if isinstance(value, int):
        return Type.INTEGER if -(2**63) <= value < 2**63 else Type.NUMBER
    if isinstance(value, float):
        return Type.NUMBER
    return Type.TEXT if isinstance(value, str) else Type.JSON


class Features:
    """The columns of `row`: one for each name or place while all rows are flat and alike."""

    def __init__(self) -> None:
        self._names: dict[str, Seen] = {}
        self._places: list[Seen] = []
        self._odd = False
        self._kinds: set[type] = set()

    def see(self, row: Any) -> None:
        """Take in the features of a row."""
        if row is None or self._odd:
            return
        self._kinds.add(type(row))
        values = row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row]
        flat = not any(isinstance(one, (dict, list)) for one in values)
        if len(self._kinds) > 1 or not isinstance(row, (dict, list)) or not flat:
            self._give_up()
        elif isinstance(row, dict):
            for name, value in row.items():
                self._names.setdefault(name, Seen()).see(value)
        else:
            # A list that is absurdly long need not be looked at to its end.
            self._places += [Seen() for _ in row[len(self._places) : MOST_FEATURES + 1]]
            for seen, value in zip(self._places, row, strict=False):
                seen.see(value)
        if len(self._names) + len(self._places) > MOST_FEATURES:
            self._give_up()

    def columns(self) -> Iterator[Column]:
        """Iterate over them; none when there are no features."""
        if self._odd:
            yield Column("row", Type.JSON, lambda row: row["row"])
        for name, seen in self._names.items():
            yield Column(f"row.{name}", seen.type, _of("row", name))
        for place, seen in enumerate(self._places):
            yield Column(f"row.{place}", seen.type, _at(place))

    def _give_up(self) -> None:
        self._odd = True
        self._names, self._places = {}, []


class Columns:
    """All columns of the rows that were seen."""

    def __init__(self) -> None:
        self._open = {name: Seen(empty) for name, empty in OPEN.items()}
        self._features = Features()
        self._copies: dict[str, dict[str, Seen]] = {}
        self._feedback: dict[str, Seen] = {}

    def see(self, row: Json) -> None:
        """Take in a row."""
        for name, value in row.items():
            if name not in FIXED and name not in NESTED:
                self._open.setdefault(name, Seen()).see(value)
        self._features.see(row["row"])
        for arm, copy in row["copies"].items():
            if arm not in self._copies:
                self._copies[arm] = {name: Seen(empty) for name, empty in OPEN.items()}
            for name, seen in self._copies[arm].items():
                seen.see(copy[name])
        for name, told in row["feedback"].items():
            self._feedback.setdefault(name, Seen()).see(told["value"])

    def columns(self) -> Iterator[Column]:
        """Iterate over them."""
        for name, known in FIXED.items():
            yield Column(name, known, _field(name))
        for name, seen in self._open.items():
            yield Column(name, seen.type, _field(name))
        yield from self._features.columns()
        for arm, fields in sorted(self._copies.items()):
            for name in COPY:
                found = fields[name].type if name in fields else FIXED[name]
                yield Column(f"copies.{arm}.{name}", found, _of("copies", arm, name))
        for name, seen in sorted(self._feedback.items()):
            yield Column(f"feedback.{name}", seen.type, _of("feedback", name, "value"))
            yield Column(f"feedback.{name}.at", Type.MOMENT, _of("feedback", name, "at"))


def _field(name: str) -> Callable[[Json], Any]:
    return lambda row: row.get(name)


def _at(place: int) -> Callable[[Json], Any]:
    return lambda row: row["row"][place] if len(row["row"] or ()) > place else None


def _of(*path: str) -> Callable[[Json], Any]:
    def get(row: Json) -> Any:
        found: Any = row
        for name in path:
            found = (found or {}).get(name)
        return found

    return get


def as_json(value: Any) -> str | None:
    """Return a value as JSON text; null stays null."""
    return None if value is None else orjson.dumps(value).decode()
