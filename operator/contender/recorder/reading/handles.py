"""What names a row, its entity or its key: read, and replaced by a keyed hash."""

from collections.abc import Callable
from typing import Any, NamedTuple

from contender.recorder.reading.layout import Layout
from contender.recorder.reading.pointer import Pointer
from contender.recorder.reading.text import text_of

Pseudonym = Callable[[str], bytes]
"""The keyed hash of a text: 16 bytes."""


class Found(NamedTuple):
    """Under which names rows are known."""

    own: list[bytes | None]
    """By row: what is in the row itself."""
    shared: bytes | None
    """What is in the body, for rows that have none."""

    @property
    def by_row(self) -> list[bytes | None]:
        """By row; None: it has no name."""
        return [self.shared if one is None else one for one in self.own]

    @property
    def in_body(self) -> bool:
        """Whether the body was asked."""
        return not self.own or None in self.own


class Handle:
    """One kind of name: in the row, or else in the body."""

    def __init__(self, pointer: str, pseudonym: Pseudonym) -> None:
        self._pointer = Pointer(pointer)
        self._pseudonym = pseudonym
        self.is_row = not self._pointer.tokens
        """Whether the row itself is the name; then it is never in the body."""

    def find(self, document: Any, rows: list[Any]) -> Found:
        """Return the names of rows. Objects, arrays and null name nobody."""
        own = [self._name_in(row) for row in rows]
        has_all = own and None not in own
        return Found(own, None if has_all or self.is_row else self._name_in(document))

    def hide_in_rows(self, document: Any, rows: list[Any], found: Found, layout: Layout) -> Any:
        """Return the document with the names in its rows replaced; rows are changed in place."""
        hidden = [self._hide(rows, index, name) for index, name in enumerate(found.own)]
        if not any(hidden):
            return document
        return layout.write(document, rows, None if self.is_row else self._pointer.tokens[0])

    def hide_in_body(self, document: Any, found: Found) -> Any:
        """Return the document with the name for all rows replaced, if some row has none itself."""
        if self.is_row or not found.in_body:
            return document
        root = [document]
        self._hide(root, 0, found.shared)
        return root[0]

    def _name_in(self, value: Any) -> bytes | None:
        text = text_of(self._pointer.find(value))
        return None if text is None else self._pseudonym(text)

    def _hide(self, holder: list[Any], index: int, name: bytes | None) -> bool:
        """Replace what is at the pointer in a member; without a name it is removed."""
        place = self._pointer.place(holder, index)
        if place is None:
            return False
        within, key = place
        if name is not None:
            within[key] = f"hmac:{name.hex()}"
        elif isinstance(within, dict):
            del within[key]
        else:
            within[key] = None
        return True
