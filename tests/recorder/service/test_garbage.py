"""Garbage on the recorder's ports: it is refused, and takes neither memory nor others' data."""

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from time import time

import pytest
from grpc import StatusCode

from contender.recorder.als_pb2 import Entry
from dev.cluster.apiserver import ADDRESS
from tests.recorder.service.cluster import Endpoint
from tests.recorder.service.routers import Caller, Stream
from tests.recorder.told import Call, message, stamp

MOST_GROWTH = 100
"""MiB: less than what is sent in any test that sends much."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
DRAW = random.Random(11)
BYTES: dict[str, bytes] = {
    "random bytes": DRAW.randbytes(20_000),
    "an HTTP/1 request": b"POST /v1/feedback HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}",
    "half a preface": PREFACE[:11],
    "a preface and random bytes": PREFACE + DRAW.randbytes(20_000),
    "a preface and a frame that is too long": PREFACE + b"\xff\xff\xff\0\0\0\0\0\1",
    "a preface and headers that are none": PREFACE
    + SETTINGS
    + b"\0\0\x40\x01\x04\0\0\0\x01"
    + DRAW.randbytes(64),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + DRAW.randbytes(512),
    "zeros": bytes(100_000),
}


def call(number: int = 1) -> Call:
    return Call(at=time(), rows=[{"x": number}], trial=stamp())


def answered(number: int = 1) -> Entry:
    return call(number).answered([{"label": 1, "p": 0.5}])


@pytest.fixture
def unharmed(caller: Caller) -> Iterator[Endpoint]:
    """An endpoint with one row; afterwards it has another one, and nothing has grown."""
    neighbour = caller.declare()
    caller.tell(neighbour, answered(1))
    before, pid = caller.process.memory, caller.process.pid
    yield caller.declare(neighbour[0], "garbage")
    caller.tell(neighbour, answered(2))
    assert sorted(row["row"]["x"] for row in caller.rows(neighbour)) == [1, 2]
    assert caller.counters(neighbour) == {"received": 2, "stored": 2}
    assert caller.process.says_yes("healthz")
    assert caller.process.pid == pid
    assert not caller.process.is_failing
    assert caller.process.memory - before < MOST_GROWTH


@pytest.mark.parametrize("port", ["stream", "http"])
@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.usefixtures("unharmed")
def test_bytes_that_are_no_request_harm_nobody(caller: Caller, kind: str, port: str) -> None:
    number = caller.process.stream_port if port == "stream" else caller.process.http_port
    for rude in (True, False):
        with suppress(ConnectionError), socket.create_connection((ADDRESS, number)) as one:
            if rude:  # it ends with a reset
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.sendall(BYTES[kind])
            one.settimeout(0.2)
            with suppress(TimeoutError):
                one.recv(1000)


@pytest.mark.usefixtures("unharmed")
def test_hundreds_of_connections_that_say_nothing_keep_nobody_out(caller: Caller) -> None:
    with ExitStack() as silent:
        for port in (caller.process.stream_port, caller.process.http_port):
            for number in range(300):
                one = silent.enter_context(socket.create_connection((ADDRESS, port)))
                one.sendall((PREFACE + SETTINGS)[: number % len(PREFACE + SETTINGS)])
        endpoint = caller.declare()
        caller.tell(endpoint, answered())
        assert len(caller.rows(endpoint)) == 1


@pytest.mark.usefixtures("unharmed")
def test_hundreds_of_streams_that_say_nothing_keep_nobody_out(caller: Caller) -> None:
    endpoint = caller.declare()
    silent = [caller.stream(endpoint) for _ in range(200)]
    caller.tell(endpoint, answered())
    assert len(caller.rows(endpoint)) == 1
    assert all(one.is_open for one in silent)
    for one in silent:
        one.leave()


def field(number: int, body: bytes) -> bytes:
    """Return a field of a message as protobuf writes it."""
    length, written = len(body), b""
    while length > 127:
        written += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + written + bytes([length]) + body


MANY = 8 * 2**20 - 100
NO_LOGS: dict[str, bytes] = {
    "random bytes": b"\xff" + DRAW.randbytes(1000),
    "text": b"hello, is anybody there?",
    "half a message": message(answered())[:-20],
    "a field that is longer than the message": b"\x12\xff\xff\xff\xff\x0f",
    "a number that does not end": b"\x80" * 1000,
    "millions of empty entries": field(2, b"\x0a\x00" * MANY),
    "millions of fields that nobody knows": b"\x3a\x00" * MANY,
    "millions of numbers that nobody knows": field(2, b"\x18\x00" * MANY),
}


@pytest.mark.parametrize("kind", NO_LOGS)
def test_a_message_that_is_no_access_log_ends_its_stream(
    caller: Caller, unharmed: Endpoint, kind: str
) -> None:
    stream = caller.stream(unharmed)
    stream.send(NO_LOGS[kind])
    assert stream.ended() == StatusCode.INVALID_ARGUMENT
    assert stream.why
    assert caller.counters(unharmed) == {}


@pytest.mark.parametrize("token", ["right", "wrong"])
def test_messages_of_more_than_16_mib_end_their_streams(
    caller: Caller, unharmed: Endpoint, token: str
) -> None:
    large = message(call().answered(b"x" * 17 * 2**20))
    expected = {"right": StatusCode.RESOURCE_EXHAUSTED, "wrong": StatusCode.UNAUTHENTICATED}
    for _ in range(8):
        right = caller.stream(unharmed)
        stream = right if token == "right" else Stream(caller.process.stream_port, "wrong")
        stream.send(large)
        assert stream.ended() == expected[token]
        right.leave()
    assert caller.counters(unharmed) == {}


def test_messages_of_just_under_16_mib_are_taken_and_take_no_memory_for_long(
    caller: Caller, unharmed: Endpoint
) -> None:
    for number in range(1, 9):
        caller.tell(unharmed, call().answered(b"x" * (16 * 2**20 - 2000)))
        assert caller.counters(unharmed)["stored"] == number
