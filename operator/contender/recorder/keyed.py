"""Truths by key: looked for, and kept until their row is known."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contender.recorder.feedback import MICROSECONDS
from contender.recorder.joining.measure import wins
from contender.recorder.model import KEY, Batch, KeyedFeedback
from contender.recorder.store.base import Store

SETTLE_SECONDS = 60
"""After this, all answers to requests of a moment have come: only then is it known which one is the
last with a key."""


Place = tuple[int, bytes, int, str]
"""Endpoint, key, time and name: of truths that agree in these, one counts."""


def place_of(one: KeyedFeedback) -> Place:
    """Return what a truth by key is about."""
    return one.endpoint, one.key, one.time, one.name


@dataclass
class Keyed:
    """Truths by key in one batch."""

    found: dict[KeyedFeedback, tuple[bytes, int]] = field(default_factory=lambda: {})
    """Prediction and row."""
    waiting: dict[Place, KeyedFeedback] = field(default_factory=lambda: {})
    """Those that have come, have no row yet, and count in place of none or an older one."""
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

    def get(self, place: Place) -> KeyedFeedback | None:
        """Return the one about the same."""
        endpoint, key, time, name = place
        return self.by_key.get((endpoint, key), {}).get((time, name))

    def add(self, one: KeyedFeedback) -> None:
        """Take one, in place of any about the same."""
        of_key = self.by_key.setdefault((one.endpoint, one.key), {})
        self.count[one.endpoint] += (one.time, one.name) not in of_key
        of_key[one.time, one.name] = one

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
            if row := rows.get((one.endpoint, one.key, one.time)):
                keyed.found[one] = row
        keyed.settled = [one for one in due if one in keyed.found]
        for one in sent:
            place = place_of(one)
            old = keyed.waiting.get(place) or self._waiting.get(place)
            if one not in keyed.found and (old is None or wins(one, old)):
                keyed.waiting[place] = one
        keyed.again = {
            (one.endpoint, one.key) for one in (*keyed.waiting.values(), *due) if one.time > latest
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
