"""Bodies as they were captured: undone of their encodings within a bound, and parsed."""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import brotli  # type: ignore[import-untyped]
import orjson

from contender.recorder.model import Unread

MOST_ENCODINGS = 4
"""A body with more encodings than this is not read."""

_GZIP, _ZLIB, _DEFLATE = 31, 15, -15
"""What zlib calls these formats."""

_NEVER_JSON = ("application/grpc", "multipart/", "image/", "audio/", "video/", "font/")
"""Content types begin so that are not even tried."""


class Body(NamedTuple):
    """One captured body."""

    raw: bytes
    content_type: str
    """Of its header; empty: none."""
    content_encoding: str
    """Of its header; empty: none."""
    truncated: bool
    """Whether the capture was cut."""


def decode(body: Body, limit: int) -> bytes | Unread:
    """Return a body without its encodings, or why that cannot be had.

    Args:
        body: what was captured.
        limit: the most bytes that it, and what is between two encodings, may have.
    """
    if body.truncated:
        return Unread.TOO_LARGE
    data = body.raw
    if body.content_encoding:
        encodings = _encodings(body.content_encoding)
        if len(encodings) > MOST_ENCODINGS:
            return Unread.ENCODING
        for encoding in reversed(encodings):
            undo = _UNDO.get(encoding)
            undone = undo(data, limit) if undo else Unread.ENCODING
            if isinstance(undone, Unread):
                return undone
            data = undone
    return data if len(data) <= limit else Unread.EXPANDS


def parse(data: bytes, content_type: str = "") -> Any:
    """Return the JSON value, or Unread.NOT_JSON. Many callers send JSON under another type, so only
    types that can hold none are refused unseen."""
    if content_type and _cannot_be_json(content_type):
        return Unread.NOT_JSON
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return Unread.NOT_JSON


def _cannot_be_json(content_type: str) -> bool:
    return content_type.strip().lower().startswith(_NEVER_JSON)


def _encodings(header: str) -> list[str]:
    """Return the encodings in the order in which they were applied."""
    named = (part.strip().lower() for part in header.split(","))
    return [name for name in named if name not in {"", "identity"}]


def _inflate(data: bytes, limit: int, form: int) -> bytes | Unread:
    """Undo one of zlib's formats. Of gzip, one member: nobody sends several, and a body of many
    empty ones would take long."""
    inflater = zlib.decompressobj(form)
    try:
        undone = inflater.decompress(data, limit + 1)
    except zlib.error:
        return Unread.ENCODING
    if len(undone) > limit:
        return Unread.EXPANDS
    if not inflater.eof or inflater.unused_data:
        return Unread.ENCODING
    return undone


def _gunzip(data: bytes, limit: int) -> bytes | Unread:
    return _inflate(data, limit, _GZIP)


def _undeflate(data: bytes, limit: int) -> bytes | Unread:
    """Undo `deflate`, which by its standard is zlib's format, and with some servers is bare."""
    undone = _inflate(data, limit, _ZLIB)
    return _inflate(data, limit, _DEFLATE) if undone is Unread.ENCODING else undone


def _unbrotli(data: bytes, limit: int) -> bytes | Unread:
    decompressor = brotli.Decompressor()
    undone = b""
    try:
        while not decompressor.is_finished():
            # It stops at the first of its own buffers that reaches the limit.
            more = decompressor.process(data, output_buffer_limit=limit + 1)
            data = b""
            undone += more
            if len(undone) > limit:
                return Unread.EXPANDS
            if not more and not decompressor.is_finished():
                return Unread.ENCODING
    except brotli.error:
        return Unread.ENCODING
    return undone


_UNDO: dict[str, Callable[[bytes, int], bytes | Unread]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
}
