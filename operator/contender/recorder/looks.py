"""Looks at Experiments: taken with the batch that makes them due, and kept."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson

from contender.recorder.callers import Callers
from contender.recorder.feedback import MICROSECONDS
from contender.recorder.joining import looks
from contender.recorder.joining.books import Books
from contender.recorder.model import Look, StatisticKey
from contender.recorder.store.base import Store

MOST_KEPT = 1000
"""Experiments that stay in memory between batches."""

Place = tuple[int, str]
"""Number of the endpoint, and uid of the Experiment."""


@dataclass
class _Standing:
    """What is known of an Experiment."""

    judge: str
    number: int
    """Of the last look; 0: there is none."""
    total: int
    """Of the last look, if it was under this judge: sums of different ones cannot be compared."""
    keys: set[StatisticKey]
    """Of all sums that belong to it."""


class Looks:
    """Takes looks.

    Args:
        store: where they are kept.
        books: the sums.
        callers: who was drawn for which arm.
    """

    def __init__(self, store: Store, books: Books, callers: Callers) -> None:
        self._store = store
        self._books = books
        self._callers = callers
        self._standings: dict[Place, _Standing] = {}

    def take(
        self, changed: Iterable[StatisticKey], judge_of: Callable[[int], str], now: int
    ) -> Iterator[Look]:
        """Iterate over the looks that are due once a batch has been counted.

        Args:
            changed: whose sums the batch has changed.
            judge_of: returns the digest of an endpoint's judge.
            now: microseconds since 1970.

        Raises:
            StoreError: what is stored cannot be read.
        """
        places: defaultdict[Place, set[StatisticKey]] = defaultdict(set)
        for key in changed:
            places[key.endpoint, key.experiment].add(key)
        for place, keys in places.items():
            standing = self._standing(place, judge_of(place[0]))
            standing.keys |= {one for one in keys if looks.belongs(one, standing.judge)}
            sums = self._books.sums(standing.keys)
            total = looks.total(sums)
            if looks.is_due(total, standing.total):
                standing.number, standing.total = standing.number + 1, total
                drawn = [one._asdict() for one in self._callers.drawn(*place, now)]
                data = _packed({"judge": standing.judge, **looks.seen(sums), "drawn": drawn})
                yield Look(place[1], standing.number, place[0], now // MICROSECONDS, total, data)

    def settled(self) -> None:
        """Say that all looks are stored."""
        if len(self._standings) > MOST_KEPT:
            self.forget()

    def forget(self) -> None:
        """Forget everything: what is stored counts."""
        self._standings.clear()

    def _standing(self, place: Place, judge: str) -> _Standing:
        found = self._standings.get(place)
        if found is None or found.judge != judge:
            found = self._standings[place] = self._read(place, judge)
        return found

    def _read(self, place: Place, judge: str) -> _Standing:
        keys = {key for key in self._store.statistic_keys(*place) if looks.belongs(key, judge)}
        last = self._store.last_look(*place)
        if last is None:
            return _Standing(judge, 0, 0, keys)
        same = seen_in(last)["judge"] == judge
        return _Standing(judge, last.number, last.total if same else 0, keys)


def seen_in(look: Look) -> looks.Json:
    """Return what was seen: judge, means and pairs."""
    found: looks.Json = orjson.loads(zlib.decompress(look.data))
    return found


def _packed(seen: looks.Json) -> bytes:
    return zlib.compress(orjson.dumps(seen))
