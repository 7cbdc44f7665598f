"""A work queue of keys: each key once, never two workers on one key, fair, delays and back-off."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

from contender.controller import metrics
from contender.controller.line import FairLine

Key = TypeVar("Key", bound=Hashable)

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 60.0
"""What only others can mend, such as a foreign object in our way, is noticed within a minute."""
PACE_SECONDS = 0.05
"""While somebody waits, what nobody waits for is begun one by one, with this time between: the API
server has to answer both."""


class WorkQueue(Generic[Key]):
    """Deduplicates keys, in the manner of client-go's workqueue.

    Args:
        flow_of: which flow a key belongs to: flows take turns, however many keys each has.
    """

    def __init__(self, flow_of: Callable[[Key], Hashable] = lambda key: None) -> None:
        self._flow_of = flow_of
        self._urgent: FairLine[Key] = FairLine()
        self._rest: FairLine[Key] = FairLine()
        self._workers: deque[asyncio.Future[Key]] = deque()
        """Those that wait for a key."""
        self._paced_until = 0.0
        self._since: dict[Key, float] = {}
        self._active: dict[Key, bool] = {}
        """Keys that workers have, and whether they are urgent."""
        self._again: dict[Key, bool] = {}
        """Keys that were added while a worker had them, and whether that was urgent."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._timers: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[Key, int] = {}
        self._barred: dict[Key, float] = {}
        """Keys that may not be taken before a moment, because the API server said so."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._rest)

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
        self._since.setdefault(key, monotonic())
        if urgent:
            self._rest.discard(key)
            self._urgent.put(key, self._flow_of(key))
        elif key not in self._urgent:
            self._rest.put(key, self._flow_of(key))
        self._idle.clear()
        self._hand_out()

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
        worker = asyncio.get_running_loop().create_future()
        self._workers.append(worker)
        self._hand_out()
        return await worker

    def _hand_out(self) -> None:
        """Give keys to the workers that wait, as long as there are both."""
        while self._workers and self._workers[0].cancelled():
            self._workers.popleft()
        while self._workers and (line := self._whose_turn()):
            key = line.pop()
            self._active[key] = line is self._urgent
            metrics.QUEUE_WAIT.observe(monotonic() - self._since.pop(key))
            self._workers.popleft().set_result(key)
        metrics.QUEUE_DEPTH.set(len(self))

    def _whose_turn(self) -> FairLine[Key] | None:
        """Return the line to take from. The urgent go first, but the rest never stands still."""
        now = monotonic()
        if self._rest and now >= self._paced_until:
            if self._urgent or any(self._active.values()):
                self._paced_until = now + PACE_SECONDS
                asyncio.get_running_loop().call_later(PACE_SECONDS, self._hand_out)
            return self._rest
        return self._urgent or None

    def done(self, key: Key) -> None:
        """Give a key back; if it was added meanwhile it goes to the end of the line."""
        del self._active[key]
        if key in self._again:
            self.add(key, urgent=self._again.pop(key))
        if not any(self._active.values()):
            self._paced_until = 0.0  # nobody waits any more
        self._hand_out()
        if not self._active and not len(self):
            self._idle.set()

    async def idle(self) -> None:
        """Wait until no key is in line or with a worker; delayed keys do not count."""
        await self._idle.wait()
