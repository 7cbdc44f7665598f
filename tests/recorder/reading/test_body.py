"""Bodies without their encodings: exact, and never longer than allowed."""

import gzip
import resource
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contender.recorder.model import Unread
from contender.recorder.reading.body import MOST_ENCODINGS, Body, decode, parse

LIMIT = 65536
GIB = 1 << 30
MIB = 1 << 20


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": bare_deflate,
    "br": brotli.compress,
    "identity": bytes,
}
DATA = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda part, times: part * times, st.binary(max_size=20), st.integers(0, 8000)),
)


def encoded(data: bytes, encodings: list[str]) -> Body:
    for encoding in encodings:
        data = ENCODE[encoding](data)
    return Body(data, "application/json", " , ".join(encodings), truncated=False)


@given(DATA, st.lists(st.sampled_from([*ENCODE]), max_size=MOST_ENCODINGS))
def test_what_was_encoded_is_the_same_when_decoded(data: bytes, encodings: list[str]) -> None:
    assert decode(encoded(data, encodings), 10 * MIB) == data


@given(DATA, st.sampled_from([*ENCODE]))
@example(b"x" * 40000, "br")
def test_the_limit_is_exact(data: bytes, encoding: str) -> None:
    body = encoded(data, [encoding])
    assert decode(body, len(data)) == data
    if data:
        assert decode(body, len(data) - 1) is Unread.EXPANDS


@given(DATA, st.lists(st.sampled_from([*ENCODE]), max_size=3), st.integers(0, 1000))
def test_nothing_is_longer_than_the_limit(data: bytes, encodings: list[str], limit: int) -> None:
    found = decode(encoded(data, encodings), limit)
    assert found is Unread.EXPANDS or (isinstance(found, bytes) and len(found) <= limit)


@given(DATA, st.sampled_from(["gzip", "deflate", "Deflate", "br"]), st.data())
def test_what_is_incomplete_or_followed_by_something_is_refused(
    data: bytes, encoding: str, more: st.DataObject
) -> None:
    raw = ENCODE[encoding](data)
    cut = more.draw(st.integers(0, len(raw) - 1))
    for broken in (raw[:cut], raw + more.draw(st.binary(min_size=1, max_size=3))):
        assert decode(Body(broken, "", encoding, truncated=False), MIB) is Unread.ENCODING


@given(st.binary(max_size=200), st.text(max_size=20))
def test_garbage_is_refused_or_read(raw: bytes, encoding: str) -> None:
    for name in (encoding, *ENCODE, "br, gzip"):
        found = decode(Body(raw, "", name, truncated=False), LIMIT)
        assert isinstance(found, bytes | Unread)


@pytest.mark.parametrize(
    ("raw", "encoding", "truncated", "expected"),
    [
        pytest.param(b"{}", "", False, b"{}", id="without an encoding it is as it came"),
        pytest.param(b"{}", "Identity, ", False, b"{}", id="identity changes nothing"),
        pytest.param(gzip.compress(b"{}"), " GZIP ", False, b"{}", id="case and blanks are free"),
        pytest.param(b"", "", False, b"", id="an empty body is empty"),
        pytest.param(b"", "gzip", False, Unread.ENCODING, id="an empty body is no gzip"),
        pytest.param(b"", "br", False, Unread.ENCODING, id="an empty body is no Brotli"),
        pytest.param(b"{}", "gzip", False, Unread.ENCODING, id="what is no gzip is refused"),
        pytest.param(b"{}", "zstd", False, Unread.ENCODING, id="unknown encodings are refused"),
        pytest.param(
            gzip.compress(b"{}") * 2, "gzip", False, Unread.ENCODING, id="one member, not two"
        ),
        pytest.param(b"{}", "", True, Unread.TOO_LARGE, id="what was cut is not read"),
        pytest.param(b"{}", "zstd", True, Unread.TOO_LARGE, id="cut comes before anything else"),
        pytest.param(b"x" * 65537, "", False, Unread.EXPANDS, id="the limit holds unencoded too"),
    ],
)
def test_decoding(raw: bytes, encoding: str, truncated: bool, expected: bytes | Unread) -> None:
    assert decode(Body(raw, "", encoding, truncated), LIMIT) == expected


def test_a_body_that_was_encoded_too_often_is_not_read() -> None:
    often = encoded(b"{}", ["gzip"] * (MOST_ENCODINGS + 1))
    assert decode(often, LIMIT) is Unread.ENCODING


def gzip_bomb() -> Iterator[bytes]:
    compressor = zlib.compressobj(level=1, wbits=31)
    for _ in range(GIB // MIB):
        yield compressor.compress(bytes(MIB))
    yield compressor.flush()


def brotli_bomb() -> Iterator[bytes]:
    compressor = brotli.Compressor(quality=5)
    for _ in range(GIB // MIB):
        yield compressor.process(bytes(MIB))
    yield compressor.finish()


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [("gzip", gzip_bomb), ("br", brotli_bomb)],
    ids=["a GiB of zeros as gzip", "a GiB of zeros as Brotli"],
)
def test_a_bomb_takes_no_memory(encoding: str, bomb: Callable[[], Iterator[bytes]]) -> None:
    raw = b"".join(bomb())
    body = Body(raw, "", encoding, truncated=False)
    wrapped = Body(gzip.compress(raw), "", f"{encoding}, gzip", truncated=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    assert decode(body, LIMIT) is Unread.EXPANDS
    assert decode(wrapped, LIMIT) is Unread.EXPANDS
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert most < MIB + len(raw)
    assert (after - before) * 1024 < 64 * MIB, "Brotli's window takes up to 16 MiB"


@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        pytest.param(b"[1]", "application/json; charset=utf-8", [1], id="JSON"),
        pytest.param(b"[1]", "application/vnd.seldon+json", [1], id="a kind of JSON"),
        pytest.param(b"[1]", "", [1], id="no type is tried"),
        pytest.param(b"[1]", "text/plain", [1], id="text is tried"),
        pytest.param(b"[1]", "application/x-www-form-urlencoded", [1], id="what curl calls it"),
        pytest.param(b"[1]", "Multipart/form-data; x", Unread.NOT_JSON, id="multipart is not"),
        pytest.param(b"[1]", "application/grpc+proto", Unread.NOT_JSON, id="gRPC is not"),
        pytest.param(b"[1]", "image/png", Unread.NOT_JSON, id="an image is not"),
        pytest.param(b"null", "application/json", None, id="null is a value"),
        pytest.param(b"", "application/json", Unread.NOT_JSON, id="nothing is none"),
        pytest.param(b"NaN", "application/json", Unread.NOT_JSON, id="NaN is none"),
        pytest.param(b"1e400", "application/json", Unread.NOT_JSON, id="infinity is none"),
        pytest.param(b'"\xff"', "application/json", Unread.NOT_JSON, id="it is UTF-8"),
        pytest.param(b"[" * 9999, "application/json", Unread.NOT_JSON, id="bottomless"),
    ],
)
def test_parsing(data: bytes, content_type: str, expected: object) -> None:
    found = parse(data, content_type)
    assert found == expected
    assert isinstance(found, Unread) == isinstance(expected, Unread)
