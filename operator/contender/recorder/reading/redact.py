"""What may be stored of a body."""

from typing import Any, NamedTuple

import orjson

from contender.api.v1alpha1.capture import Capture, Rows
from contender.recorder.model import Unread
from contender.recorder.reading.handles import Found, Handle, Pseudonym
from contender.recorder.reading.layout import Layout, layouts
from contender.recorder.reading.paths import Paths
from contender.recorder.reading.pointer import MISSING


class Redacted(NamedTuple):
    """What is left of a body."""

    document: Any
    """What may be stored; MISSING: nothing."""
    entities: list[bytes | None]
    """By row; None: unknown. Empty: none are asked for, or there are no rows."""
    keys: list[bytes | None]
    """Likewise."""


class Redaction:
    """Takes out of parsed bodies what capture says, and replaces what names rows by keyed hashes.

    Documents are changed in place, and rows that were read of them before change with them.
    """

    def __init__(self, capture: Capture, rows: Rows | None, pseudonym: Pseudonym) -> None:
        self._drop = Paths(capture.redact) if capture.redact else None
        self._keep = None if capture.keep is None else Paths(capture.keep)
        self._entity = _handle(rows.entity if rows else None, pseudonym)
        self._key = _handle(rows.key if rows else None, pseudonym)
        self._handles = tuple(one for one in (self._entity, self._key) if one)
        self._in_answers = tuple(one for one in self._handles if not one.is_row)
        self._layouts = layouts(rows) if rows else None

    @property
    def is_nothing(self) -> bool:
        """Whether every body may be stored as it is."""
        return self._drop is None and self._keep is None and not self._handles

    def request(self, document: Any, rows: list[Any] | Unread) -> Redacted:
        """Return what may be stored of a request: nothing, if names must not be stored and there
        are no rows to find them in.

        Args:
            document: the body.
            rows: what RowsReader read of it.
        """
        if not self._handles or self._layouts is None:
            return Redacted(self._cut(document), [], [])
        if isinstance(rows, Unread):
            return Redacted(MISSING, [], [])
        found = {handle: handle.find(document, rows) for handle in self._handles}
        entities = found[self._entity].by_row if self._entity else []
        keys = found[self._key].by_row if self._key else []
        document = _hide(found, document, rows, self._layouts[0])
        return Redacted(self._cut(document), entities, keys)

    def response(self, document: Any, predictions: list[Any] | Unread) -> Any:
        """Return what may be stored of an answer, which may repeat the names of its rows; MISSING:
        nothing. A prediction itself is never a name.

        Args:
            document: the body.
            predictions: what RowsReader read of it.
        """
        if not self._in_answers or self._layouts is None:
            return self._cut(document)
        if isinstance(predictions, Unread):
            return MISSING
        found = {handle: handle.find(document, predictions) for handle in self._in_answers}
        return self._cut(_hide(found, document, predictions, self._layouts[1]))

    def _cut(self, document: Any) -> Any:
        if self._drop:
            self._drop.drop(document)
        return self._keep.keep(document) if self._keep else document


def _handle(pointer: str | None, pseudonym: Pseudonym) -> Handle | None:
    return None if pointer is None else Handle(pointer, pseudonym)


def _hide(found: dict[Handle, Found], document: Any, rows: list[Any], layout: Layout) -> Any:
    """Return the document without names. All were found before: none is the hash of another."""
    for handle, names in found.items():
        document = handle.hide_in_rows(document, rows, names, layout)
    for handle, names in found.items():
        document = handle.hide_in_body(document, names)
    return document


def stored(document: Any) -> bytes | None:
    """Return what is left of a document as JSON; None: nothing, or it is nested too deep to be
    written again."""
    if document is MISSING:
        return None
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return None
