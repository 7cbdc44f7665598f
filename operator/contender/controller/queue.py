"""A work queue of keys: each key once, never two workers on one key, fair, delays and back-off."""

import asyncio
import random
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

from contender.controller import metrics
from contender.controller.line import FairLine

Key = TypeVar("Key", bound=Hashable)

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 60.0
"""What only others can mend, such as a foreign object in our way, is noticed within a minute."""


class WorkQueue(Generic[Key]):
    """Deduplicates keys, in the manner of client-go's workqueue.

    Args:
        flow_of: which flow a key belongs to: flows take turns, however many keys each has.
    """

    def __init__(self, flow_of: Callable[[Key], Hashable] = lambda key: None) -> None:
        self._flow_of = flow_of
        self._line: FairLine[Key] = FairLine()
        self._filled = asyncio.Semaphore(0)
        """Counts the keys in line."""
        self._since: dict[Key, float] = {}
        self._active: set[Key] = set()
        self._again: dict[Key, bool] = {}
        """Keys that were added while a worker had them, and whether that was urgent."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._timers: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[Key, int] = {}
        self._barred: dict[Key, float] = {}
        """Keys that may not be taken before a moment, because the API server said so."""

    def __len__(self) -> int:
        return len(self._line)

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Put a key in line, unless it is there already.

        Args:
            key: what there is to do.
            urgent: whether somebody waits for it; then it goes before what nobody has asked for.
        """
        metrics.QUEUE_ADDS.inc()
        if self._is_barred(key):
            self.add_after(key, self._barred[key] - monotonic())
        elif key in self._active:
            self._again[key] = urgent or self._again.get(key, False)
        else:
            self._enter(key, urgent)

    def _enter(self, key: Key, urgent: bool) -> None:
        if key not in self._line:
            self._since[key] = monotonic()
            self._filled.release()
        self._line.put(key, self._flow_of(key), urgent=urgent)
        self._idle.clear()
        metrics.QUEUE_DEPTH.set(len(self._line))

    def _is_barred(self, key: Key) -> bool:
        if monotonic() < self._barred.get(key, 0.0):
            return True
        self._barred.pop(key, None)
        return False

    def add_after(self, key: Key, seconds: float) -> None:
        """Put a key in line later; the earliest of several times counts."""
        due = monotonic() + max(0.0, seconds)
        planned = self._timers.get(key)
        if planned:
            if planned[0] <= due:
                return
            planned[1].cancel()
        timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._due, key)
        self._timers[key] = (due, timer)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def add_failed(self, key: Key, at_least: float = 0.0) -> float:
        """Put a failed key in line later and later; return the seconds until then.

        Args:
            key: what failed.
            at_least: seconds that the API server asks to wait; no event shortens them.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (failures - 1))
        wait = max(at_least, longest * random.uniform(0.5, 1.0))  # noqa: S311 (jitter)
        metrics.QUEUE_RETRIES.inc()
        if at_least:
            self._barred[key] = monotonic() + at_least
        self.add_after(key, wait)
        return wait

    def forget(self, key: Key) -> None:
        """Note that a key succeeded: its next failure waits shortly again."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Wait for a key; the worker must call `done` with it."""
        await self._filled.acquire()
        key = self._line.pop()
        metrics.QUEUE_WAIT.observe(monotonic() - self._since.pop(key))
        metrics.QUEUE_DEPTH.set(len(self._line))
        self._active.add(key)
        return key

    def done(self, key: Key) -> None:
        """Give a key back; if it was added meanwhile it goes to the end of the line."""
        self._active.discard(key)
        if key in self._again:
            self.add(key, urgent=self._again.pop(key))
        if not self._active and not self._line:
            self._idle.set()

    async def idle(self) -> None:
        """Wait until no key is in line or with a worker; delayed keys do not count."""
        await self._idle.wait()
