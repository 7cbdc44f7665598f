"""Reads captured bodies: rows and predictions, who they are about, and what may be stored."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from contender.api.v1alpha1.capture import Capture, Rows
from contender.recorder.model import NOT_JSON, READ, Unread
from contender.recorder.reading.body import Body, decode, parse
from contender.recorder.reading.handles import Pseudonym
from contender.recorder.reading.outputs import Output
from contender.recorder.reading.pointer import MISSING
from contender.recorder.reading.redact import Redaction, stored
from contender.recorder.reading.rows import RowsReader
from contender.recorder.reading.segments import SegmentReader

EXPANSION = 4
"""How many times longer than maxBodyBytes a body may be once it is decoded."""

LEAST_DECODED = 65536
"""So long a decoded body may be in any case."""


class ReadRequest(NamedTuple):
    """What was read of a request."""

    rows: int
    """How many; 1 when they are not read."""
    unread: Unread
    stored: bytes | None
    """The redacted body, decoded; None: it is not stored."""
    entities: list[bytes | None]
    """Keyed hashes, 16 bytes for each row; None: unknown. Empty: none are asked for, or there are
    no rows."""
    keys: list[bytes | None]
    """Likewise."""
    features: list[Any]
    """What may be stored of each row; empty when nothing may."""
    segments: Sequence[Sequence[str]] = ()
    """Ids of the segments of each row; empty: no row is in any."""


class ReadResponse(NamedTuple):
    """What was read of an answer."""

    outputs: list[Output] | None
    """For each prediction its output and score; None: none are asked for, or it has none."""
    unread: Unread
    stored: bytes | None
    """The redacted body, decoded; None: it is not stored."""


_Opened = tuple[Unread, bytes | None, Any]
"""Why it cannot be read; what may be stored unseen; the document, or MISSING: it is not parsed."""


class BodyReader:
    """Reads the bodies of one endpoint.

    No body makes it raise. What cannot be read is stored only if nothing has to be taken out.
    """

    def __init__(self, capture: Capture, rows: Rows | None, pseudonym: Pseudonym) -> None:
        """Compile what spec says.

        Args:
            capture: what may be stored.
            rows: how bodies are read; None: they are not.
            pseudonym: the keyed hash of a text, 16 bytes.
        """
        self._limit = max(EXPANSION * capture.max_body_bytes, LEAST_DECODED)
        self._rows = None if rows is None else RowsReader(rows)
        declared = rows.segments if rows else None
        self._segments = SegmentReader(declared) if declared else None
        self._redaction = Redaction(capture, rows, pseudonym)
        self._stores_all = self._redaction.is_nothing

    def request(self, body: Body) -> ReadRequest:
        """Read a request."""
        unread, data, document = self._open(body)
        if document is MISSING:
            return ReadRequest(1, unread, data, [], [], [])
        rows = self._rows.request(document) if self._rows else READ
        count, unread = (1, rows) if isinstance(rows, Unread) else (len(rows), READ)
        segments: Sequence[Sequence[str]] = ()
        if self._segments and not isinstance(rows, Unread):
            segments = self._segments.read(document, rows)
        if self._stores_all:
            features = [] if isinstance(rows, Unread) else rows
            return ReadRequest(count, unread, data, [], [], features, segments)
        left, entities, keys = self._redaction.request(document, rows)
        features = [] if isinstance(rows, Unread) or not self._rows else self._rows.left(left)
        return ReadRequest(count, unread, stored(left), entities, keys, features, segments)

    def response(self, body: Body) -> ReadResponse:
        """Read an answer."""
        unread, data, document = self._open(body)
        if document is MISSING:
            return ReadResponse(None, unread, data)
        predictions = self._rows.predictions(document) if self._rows else READ
        outputs = predictions
        if self._rows and not isinstance(predictions, Unread):
            outputs = self._rows.outputs(predictions)
        if not self._stores_all:
            data = stored(self._redaction.response(document, predictions))
        if isinstance(outputs, Unread):
            return ReadResponse(None, outputs, data)
        return ReadResponse(outputs, READ, data)

    def rows(self, kept: bytes) -> list[Any] | None:
        """Return the rows of a request as it was stored; None if they cannot be told apart."""
        document = parse(kept, "application/json")
        if document is NOT_JSON:
            return None
        return self._rows.left(document) if self._rows else [document]

    def _open(self, body: Body) -> _Opened:
        data = decode(body, self._limit)
        if isinstance(data, Unread):
            return data, None, MISSING
        as_it_is = data if data and self._stores_all else None
        if self._rows is None and (self._stores_all or not data):
            return READ, as_it_is, MISSING
        document = parse(data, body.content_type)
        if document is NOT_JSON:
            return NOT_JSON, as_it_is, MISSING
        return READ, as_it_is, document
