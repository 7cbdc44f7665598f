"""Feedback as CSV."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from contender.cli.command import Failure
from contender.cli.items import LARGEST, LONGEST_ITEM, TOO_LONG, Item, Lines

_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*|(?=\.))(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class Columns:
    """Headings of columns. Those that are None have the usual one, and need not be there."""

    name: str = ""
    """Not a heading: the name of all feedback; empty: a column tells it."""
    id: str | None = None
    key: str | None = None
    time: str | None = None
    value: str | None = None


def from_table(file: str, lines: Lines, columns: Columns) -> Iterator[Item]:
    """Iterate over the items of a CSV file.

    Args:
        file: what it is called.
        lines: of it; the first one has the headings.
        columns: which ones are meant.

    Raises:
        Failure: it is no CSV, or a column is missing.
    """
    text = _Text(file, lines)
    rows = csv.reader(text, strict=True)
    heading = _next(file, rows)
    if heading is None:
        return
    header = [one.strip() for one in heading]
    picked = _picked(file, header, columns)
    while True:
        text.forget()
        number = rows.line_num + 1
        row = _next(file, rows)
        if row is None:
            return
        if any(one.strip() for one in row):
            yield _checked(file, number, row, header, picked, columns.name, text)


class _Text:
    """The lines as text; remembers those of the current row."""

    def __init__(self, file: str, lines: Lines) -> None:
        self._file = file
        self._lines = iter(lines)
        self._row: list[bytes] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            where = f"{self._file}:{line.number}"
            if not line.whole:
                raise Failure(f"{where}: the line is longer than {LARGEST} bytes: is it CSV?")
            self._row.append(line.raw)
            try:
                yield line.raw.decode("utf-8-sig" if line.number == 1 else "utf-8") + "\n"
            except UnicodeDecodeError as error:
                raise Failure(f"{where}: this is not UTF-8: convert the file, {error}") from error

    def forget(self) -> None:
        """Begin a new row."""
        self._row.clear()

    @property
    def row(self) -> bytes:
        """How the current row is written."""
        return b"\n".join(self._row)


def _next(file: str, rows: Any) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        what = f"{file}:{rows.line_num}: this is no CSV: {error}; is a quote not closed?"
        raise Failure(what) from error


def _picked(file: str, header: list[str], columns: Columns) -> dict[str, int]:
    """Return the number of each column that is used."""
    wanted = {
        "id": None if columns.key and not columns.id else columns.id or "id",
        "key": columns.key or "key",
        "time": columns.time or "time",
        "name": None if columns.name else "name",
        "value": columns.value or "value",
        "at": "at",
    }
    picked = {field: header.index(one) for field, one in wanted.items() if one in header}
    has = f"it has: {', '.join(header)}"
    asked = {"id": columns.id, "key": columns.key, "time": columns.time, "value": columns.value}
    for field, heading in asked.items():
        if heading and field not in picked:
            raise Failure(f"{file} has no column {heading!r} (--{field}-column); {has}")
    if "value" not in picked:
        raise Failure(f"{file} has no column 'value': name it by --value-column; {has}")
    if "name" not in picked and not columns.name:
        raise Failure(f"{file} has no column 'name': say which feedback it is by --name; {has}")
    if "id" not in picked and not {"key", "time"} <= {*picked}:
        what = "name it by --id-column, or those of key and time by --key-column and --time-column"
        raise Failure(f"{file} has no column 'id': {what}; {has}")
    return picked


def _checked(
    file: str,
    number: int,
    row: list[str],
    header: list[str],
    picked: dict[str, int],
    name: str,
    text: _Text,
) -> Item:
    if len(row) != len(header):
        what = f"the row has {len(row)} columns, the heading {len(header)}"
        return Item(file, number, text.row, what)
    cells = {field: row[at].strip() for field, at in picked.items()}
    if not cells["value"]:
        return Item(file, number, text.row, "the value is empty")
    item = orjson.dumps(_item(cells, name))
    if len(item) > LONGEST_ITEM:
        return Item(file, number, text.row[:200], TOO_LONG)
    return Item(file, number, item)


def _item(cells: dict[str, str], name: str) -> dict[str, Any]:
    if cells.get("id"):
        item = {"id": cells["id"]}
    else:
        item = {one: cells[one] for one in ("key", "time") if cells.get(one)}
    at = {"at": cells["at"]} if cells.get("at") else {}
    return {**item, "name": name or cells["name"], "value": value_of(cells["value"]), **at}


def value_of(text: str) -> str | int | float | bool:
    """Return what a cell holds: a number, true or false, else its text.

    Digits that begin with 0 are text, as are numbers that JSON has no room for.
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text) or not any(one.isdigit() for one in text):
        return text
    if _INTEGER.fullmatch(text):
        integer = int(text) if len(text) < 25 else 2**64
        return integer if -(2**63) <= integer < 2**64 else text
    number = float(text)
    return number if abs(number) != float("inf") else text
