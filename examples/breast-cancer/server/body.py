"""Read a request's body, with a bound on its size."""

import re
from email.message import Message
from io import BufferedIOBase

from server.refusal import RefusalError

MAX_BODY_BYTES = 1024 * 1024
_MAX_LINE_BYTES = 4096
_TOO_LARGE = f"the body is larger than {MAX_BODY_BYTES} bytes"


def read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    encoding = headers.get("Transfer-Encoding")
    if encoding is None:
        return _read_exactly(stream, announced_length(headers))
    if encoding.lower() != "chunked" or "Content-Length" in headers:
        raise RefusalError(
            400,
            f"Transfer-Encoding {encoding!r} cannot be read here",
            "send either Content-Length or Transfer-Encoding: chunked",
            closes=True,
        )
    return _read_chunks(stream)


def announced_length(headers: Message) -> int:
    """Content-Length as a number; refuses what is too large before a byte of it is read."""
    text = headers.get("Content-Length", "0")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise RefusalError(
            400,
            f"Content-Length {text!r} is not a length",
            "send the body's size in bytes",
            closes=True,
        )
    if int(text) > MAX_BODY_BYTES:
        raise _too_large()
    return int(text)


def _read_chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while size := _chunk_size(stream.readline(_MAX_LINE_BYTES)):
        if len(body) + size > MAX_BODY_BYTES:
            raise _too_large()
        body += _read_exactly(stream, size)
        if stream.readline(_MAX_LINE_BYTES) != b"\r\n":
            raise _broken_chunks()
    while stream.readline(_MAX_LINE_BYTES) not in (b"\r\n", b""):
        pass  # trailers: allowed, without meaning here
    return bytes(body)


def _chunk_size(line: bytes) -> int:
    match = re.fullmatch(rb"([0-9a-fA-F]{1,15})[ \t]*(;[^\n]*)?\r\n", line)
    if match is None:
        raise _broken_chunks()
    return int(match[1], 16)


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise RefusalError(
            400,
            f"the body ended after {len(data)} of {size} bytes",
            "send the whole body",
            closes=True,
        )
    return data


def _too_large() -> RefusalError:
    return RefusalError(413, _TOO_LARGE, "send fewer rows per request", closes=True)


def _broken_chunks() -> RefusalError:
    return RefusalError(400, "the chunked body is malformed", "send Content-Length", closes=True)
