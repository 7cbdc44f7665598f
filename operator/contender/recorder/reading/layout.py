"""Where a body holds its rows."""

from typing import Any, Protocol

from contender.api.v1alpha1.capture import PRESETS, Rows
from contender.recorder.model import Unread
from contender.recorder.reading import tensors
from contender.recorder.reading.pointer import MISSING, Pointer

MOST_ROWS = 10_000
"""A body with more rows is not read."""


class Layout(Protocol):
    """Where one kind of body holds its rows."""

    def read(self, document: Any, *, partial: bool = False) -> list[Any] | Unread:
        """Return the rows, or why there are none.

        Args:
            document: the body.
            partial: whether something may have been taken out of it: what is left is read.
        """

    def write(self, document: Any, rows: list[Any], name: str | None) -> Any:
        """Return the document with rows that were changed in place.

        Args:
            document: from where the rows were read.
            rows: as many as were read, and at least one.
            name: which of their members were changed; None: the rows themselves.
        """


class Listed:
    """Rows are the members of an array. What is no array is one row, and null is none."""

    def __init__(self, pointer: str) -> None:
        self._pointer = Pointer(pointer)

    def read(self, document: Any, *, partial: bool = False) -> list[Any] | Unread:
        """See Layout: what was taken out is null."""
        found = self._pointer.find(document)
        if isinstance(found, list):
            return found if len(found) <= MOST_ROWS else Unread.TOO_MANY_ROWS
        return Unread.NO_ROWS if found is MISSING or found is None else [found]

    def write(self, document: Any, rows: list[Any], name: str | None) -> Any:
        """See Layout: the rows of an array are its own members."""
        root = [document]
        place = self._pointer.place(root, 0)
        if place:
            holder, key = place
            holder[key] = rows if isinstance(holder[key], list) else rows[0]
        return root[0]


class Tensors:
    """Rows are the parts of tensors along their first dimension."""

    def __init__(self, pointer: str) -> None:
        self._pointer = Pointer(pointer)

    def read(self, document: Any, *, partial: bool = False) -> list[Any] | Unread:
        """See Layout: of a tensor from which more was taken out than elements, nothing is left."""
        return tensors.read_rows(self._pointer.find(document), MOST_ROWS, partial=partial)

    def write(self, document: Any, rows: list[Any], name: str | None) -> Any:
        """See Layout."""
        tensors.write_rows(self._pointer.find(document), rows, name)
        return document


def layouts(rows: Rows) -> tuple[Layout, Layout]:
    """Return where requests and where answers hold their rows."""
    if rows.preset == "V2":
        request, response = PRESETS["V2"]
        return Tensors(request), Tensors(response)
    request, response = PRESETS.get(rows.preset or "", (rows.request or "", rows.response or ""))
    return Listed(request), Listed(response)
