"""Truths by key: looked for, and kept until their row is known."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contender.recorder.feedback import MICROSECONDS
from contender.recorder.model import KEY, Batch, KeyedFeedback
from contender.recorder.store.base import Store

SETTLE_SECONDS = 60
"""After this, all answers to requests of a moment have come: only then is it known which one is the
last with a key."""


@dataclass
class Keyed:
    """Truths by key in one batch."""

    found: dict[KeyedFeedback, tuple[bytes, int]] = field(default_factory=lambda: {})
    """Prediction and row."""
    waiting: list[KeyedFeedback] = field(default_factory=lambda: [])
    """Those that have come and have no row yet."""
    settled: list[KeyedFeedback] = field(default_factory=lambda: [])
    """Those that waited, and have one now."""
    again: set[tuple[int, bytes]] = field(default_factory=set)
    """Endpoints and keys for which it is too early to look."""


@dataclass
class Waiting:
    """Truths by key for which no row was found yet."""

    by_key: dict[tuple[int, bytes], dict[tuple[int, str], KeyedFeedback]] = field(
        default_factory=lambda: {}
    )
    """By endpoint and key, then by time and name."""
    count: Counter[int] = field(default_factory=Counter)
    """By endpoint."""

    def of(self, keys: Iterable[tuple[int, bytes]]) -> list[KeyedFeedback]:
        """Return all of these endpoints and keys."""
        return [one for key in keys for one in self.by_key.get(key, {}).values()]

    def add(self, one: KeyedFeedback) -> bool:
        """Take one; return whether it counts in place of none or an older one."""
        of_key = self.by_key.setdefault((one.endpoint, one.key), {})
        old = of_key.get((one.time, one.name))
        if old is not None and (old.at, old.value) >= (one.at, one.value):
            return False
        self.count[one.endpoint] += old is None
        of_key[one.time, one.name] = one
        return True

    def remove(self, one: KeyedFeedback) -> None:
        """Take one out."""
        of_key = self.by_key.get((one.endpoint, one.key), {})
        if of_key.pop((one.time, one.name), None) is not None:
            self.count[one.endpoint] -= 1
        if not of_key:
            self.by_key.pop((one.endpoint, one.key), None)


class KeyedTruths:
    """All truths by key for which no row was found yet.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting = Waiting()
        self._due: set[tuple[int, bytes]] = set()
        self._look_again = False

    def open(self) -> None:
        """Read those that are stored.

        Raises:
            StoreError: they cannot be read.
        """
        self._waiting = Waiting()
        for one in self._store.waiting():
            self._waiting.add(one)
            self._due.add((one.endpoint, one.key))

    def count(self, endpoint: int) -> int:
        """Return how many of an endpoint wait."""
        return self._waiting.count[endpoint]

    def look_again(self) -> None:
        """Look for their rows with the next batch."""
        self._look_again = bool(self._due)

    def look_up(self, sent: Sequence[KeyedFeedback], now: int) -> Keyed:
        """Look for the rows of truths that have just come, and of those for which it is time to
        look again.

        Args:
            sent: those that have just come.
            now: microseconds since 1970.

        Raises:
            StoreError: the store does not answer.
        """
        due = self._waiting.of(self._due) if self._look_again else []
        latest = now - SETTLE_SECONDS * MICROSECONDS
        ready = {(one.endpoint, one.key, one.time) for one in (*sent, *due) if one.time <= latest}
        rows = self._store.latest(ready) if ready else {}
        keyed = Keyed()
        for one in (*sent, *due):
            if place := rows.get((one.endpoint, one.key, one.time)):
                keyed.found[one] = place
        keyed.settled = [one for one in due if one in keyed.found]
        keyed.waiting = [one for one in sent if one not in keyed.found]
        keyed.again = {
            (one.endpoint, one.key) for one in (*keyed.waiting, *due) if one.time > latest
        }
        return keyed

    def settle(self, batch: Batch, keyed: Keyed) -> None:
        """Take over what is stored now."""
        for one in batch.settled:
            self._waiting.remove(one)
        for one in batch.waiting:
            self._waiting.add(one)
        if self._look_again:
            self._due.clear()
            self._look_again = False
        self._due |= keyed.again
        self._due |= {
            key
            for one in batch.handles
            if one.kind == KEY and (key := (one.endpoint, one.handle)) in self._waiting.by_key
        }

    def forget(self, before: int) -> Counter[int]:
        """Forget those that came before a moment (microseconds since 1970); return how many by
        endpoint."""
        old = [one for one in self._waiting.of([*self._waiting.by_key]) if one.received < before]
        for one in old:
            self._waiting.remove(one)
        return Counter(one.endpoint for one in old)
