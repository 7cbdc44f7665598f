"""A work queue of keys: each key once, never two workers on one key, delays and back-off."""

import asyncio
import random
from collections.abc import Hashable
from time import monotonic
from typing import Generic, TypeVar

from contender.controller import metrics

Key = TypeVar("Key", bound=Hashable)

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 60.0
"""What only others can mend, such as a foreign object in our way, is noticed within a minute."""


class WorkQueue(Generic[Key]):
    """Deduplicates keys, in the manner of client-go's workqueue."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: dict[Key, float] = {}
        """Keys in line, and since when."""
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        """Keys that were added while a worker had them."""
        self._timers: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[Key, int] = {}
        self._barred: dict[Key, float] = {}
        """Keys that may not be taken before a moment, because the API server said so."""

    def add(self, key: Key) -> None:
        """Put a key in line, unless it is there already."""
        metrics.QUEUE_ADDS.inc()
        if self._is_barred(key):
            self.add_after(key, self._barred[key] - monotonic())
        elif key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = monotonic()
            self._ready.put_nowait(key)
            metrics.QUEUE_DEPTH.set(len(self._waiting))

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
        key = await self._ready.get()
        metrics.QUEUE_WAIT.observe(monotonic() - self._waiting.pop(key))
        metrics.QUEUE_DEPTH.set(len(self._waiting))
        self._active.add(key)
        return key

    def done(self, key: Key) -> None:
        """Give a key back; if it was added meanwhile it goes to the end of the line."""
        self._active.discard(key)
        self._ready.task_done()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def idle(self) -> None:
        """Wait until no key is in line or with a worker; delayed keys do not count."""
        await self._ready.join()
