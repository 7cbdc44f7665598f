"""Progress on standard error: one line that changes on a terminal, elsewhere one now and then."""

import asyncio
import sys
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

TERMINAL_SECONDS = 0.2
SECONDS = 10.0
UNITS = ("B", "kB", "MB", "GB", "TB")


class Progress:
    """Tells how far a transfer has come, from when it is entered until it is left.

    Args:
        unit: what is counted, in the plural.
        total: bytes in all; 0: unknown.
        stream: where to; None: standard error.
    """

    def __init__(self, unit: str, total: int = 0, stream: TextIO | None = None) -> None:
        self._unit = unit
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._began = monotonic()
        self._noted = -SECONDS
        self._task: asyncio.Task[None] | None = None
        self.count = 0
        self.bytes = 0

    async def __aenter__(self) -> Self:
        self._began = monotonic()
        self._task = asyncio.create_task(self._tell())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._wipe()

    def add(self, count: int, size: int) -> None:
        """Count what was transferred."""
        self.count += count
        self.bytes += size

    def note(self, text: str) -> None:
        """Tell of a hindrance; not of each one, should there be many."""
        if monotonic() - self._noted >= SECONDS:
            self._noted = monotonic()
            self._wipe()
            print(text, file=self._stream, flush=True)

    def line(self) -> str:
        """Return how far it has come."""
        seconds = max(monotonic() - self._began, 1e-3)
        told = [f"{self.count:,} {self._unit}"]
        told += [f"{self.bytes / self._total:.0%}"] if self._total else [size(self.bytes)]
        told += [f"{self.count / seconds:,.0f} {self._unit}/s"]
        if self._total and self.bytes:
            left = seconds * max(self._total - self.bytes, 0) / self.bytes
            told += [f"{_clock(left)} left"]
        return ", ".join(told)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TERMINAL_SECONDS if self._terminal else SECONDS)
            start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
            print(f"{start}{self.line()}", end=end, file=self._stream, flush=True)

    def _wipe(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=self._stream, flush=True)


def size(number: float) -> str:
    """Return a number of bytes as people write it."""
    unit = 0
    while number >= 1000 and unit < len(UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.1f} {UNITS[unit]}" if unit else f"{number:.0f} {UNITS[unit]}"


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
