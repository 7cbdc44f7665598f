"""Items of feedback, read from files of any size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

AT_A_TIME = 1000
"""Items of one request."""
LARGEST = 2**20
"""Bytes of one request, or those of one item."""
LONGEST_ITEM = 65_536
"""Bytes of one item, as the recorder takes them."""
TOO_LONG = f"the item is longer than {LONGEST_ITEM} bytes"


@dataclass(frozen=True, slots=True)
class Item:
    """One truth, and where it comes from."""

    file: str
    line: int
    """From 1."""
    text: bytes
    """JSON to send; of what is not sent, the text as it was found."""
    problem: str = ""
    """Why it is not sent; empty: it is."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What is sent together."""

    items: list[Item]
    bytes: int
    """Bytes that were read for it."""


@dataclass(slots=True)
class Line:
    """A line of a file."""

    number: int
    raw: bytes
    whole: bool
    """Whether it is not longer than allowed; else this is only how it begins."""


class Lines:
    """Iterates over the lines of a stream, and counts.

    Args:
        stream: open, and read from here on.
        longest: bytes of a line that are kept.
    """

    def __init__(self, stream: BinaryIO, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self.bytes = 0
        """Read so far."""

    def __iter__(self) -> Iterator[Line]:
        number = 0
        while raw := self._stream.readline(self._longest + 1):
            number += 1
            self.bytes += len(raw)
            whole = raw.endswith(b"\n") or len(raw) <= self._longest
            if not whole:
                self._skip()
            yield Line(number, raw.rstrip(b"\r\n"), whole)

    def _skip(self) -> None:
        """Read on to the end of the line."""
        while rest := self._stream.readline(self._longest):
            self.bytes += len(rest)
            if rest.endswith(b"\n"):
                return


def portions(items: Iterable[Item], lines: Lines) -> Iterator[Portion]:
    """Iterate over portions of the items that are read from lines."""
    portion: list[Item] = []
    size = seen = 0
    for item in items:
        if portion and (len(portion) == AT_A_TIME or size + len(item.text) >= LARGEST):
            yield Portion(portion, lines.bytes - seen)
            portion, size, seen = [], 0, lines.bytes
        portion.append(item)
        size += len(item.text) + 1
    if portion:
        yield Portion(portion, lines.bytes - seen)
