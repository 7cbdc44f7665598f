"""Intake: what was received and is not yet stored, within bounds.

A full intake drops what comes and counts it; nobody waits. Endpoints share the room: one that sends
more than its part loses its own messages first.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

ROOM = 64 * 2**20
"""Bytes of messages that wait."""
MOST_FIELDS = 20_000
"""Of one message, without those inside entries. Routers send some hundred entries at most; millions
of empty ones would take gigabytes."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a router, as it came."""

    endpoint: int
    raw: bytes
    entries: int
    """How many answers it tells of."""


def count_entries(raw: bytes) -> int:
    """Return how many HTTP log entries a StreamAccessLogsMessage holds, without parsing them.

    Raises:
        ValueError: it is no such message, or one that no router sends.
    """
    entries = 0
    rest = iter(range(MOST_FIELDS))
    for field, start, end in _fields(raw, 0, len(raw), rest):
        if field == _HTTP_LOGS:
            entries += sum(inner == _LOG_ENTRY for inner, _, _ in _fields(raw, start, end, rest))
    return entries


_HTTP_LOGS, _LOG_ENTRY = 2, 1


def _fields(raw: bytes, at: int, end: int, rest: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """Iterate over the length-delimited fields of a protobuf message: number, start and end; as
    long as the rest goes."""
    while at < end:
        if next(rest, None) is None:
            raise ValueError("a message has too many fields")
        tag, at = _varint(raw, at, end)
        match tag & 7:
            case 2:
                length, at = _varint(raw, at, end)
                if at + length > end:
                    raise ValueError("a field is longer than its message")
                yield tag >> 3, at, at + length
                at += length
            case 0:
                _, at = _varint(raw, at, end)
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                raise ValueError("a field of an unknown kind")


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and raw[at] < 128:  # mostly
        return raw[at], at + 1
    value = shift = 0
    while at < end and shift < 64:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a number does not end")


class Intake:
    """A queue for each endpoint, with one bound for all. Its methods may be called from any thread.

    Args:
        room: bytes that may wait.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._waiting: dict[int, deque[Message]] = {}
        self._bytes: dict[int, int] = {}
        self._total = 0
        self._lock = threading.Lock()
        self._dropped: dict[int, int] = {}

    def offer(self, message: Message) -> None:
        """Take a message, or drop and count it, or those of another endpoint that has more than its
        part of the room."""
        with self._lock:
            size = len(message.raw)
            while self._total + size > self._room:
                greedy = max(self._bytes, key=self._bytes.__getitem__, default=message.endpoint)
                if self._bytes.get(greedy, 0) <= self._bytes.get(message.endpoint, 0) + size:
                    self._drop(message)
                    return
                self._drop(self._pop(greedy, newest=True))
            self._waiting.setdefault(message.endpoint, deque()).append(message)
            self._bytes[message.endpoint] = self._bytes.get(message.endpoint, 0) + size
            self._total += size

    def take(self, most: int) -> list[Message]:
        """Return the oldest messages of all endpoints in turn, with about so many entries."""
        taken: list[Message] = []
        entries = 0
        with self._lock:
            while entries < most and self._waiting:
                for endpoint in [*self._waiting]:
                    message = self._pop(endpoint, newest=False)
                    taken.append(message)
                    entries += message.entries
        return taken

    def dropped(self) -> dict[int, int]:
        """Return how many entries were dropped since the last call, by endpoint."""
        with self._lock:
            found, self._dropped = self._dropped, {}
            return found

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        return self._total

    def _pop(self, endpoint: int, *, newest: bool) -> Message:
        waiting = self._waiting[endpoint]
        message = waiting.pop() if newest else waiting.popleft()
        self._bytes[endpoint] -= len(message.raw)
        self._total -= len(message.raw)
        if not waiting:
            del self._waiting[endpoint], self._bytes[endpoint]
        return message

    def _drop(self, message: Message) -> None:
        self._dropped[message.endpoint] = self._dropped.get(message.endpoint, 0) + message.entries
