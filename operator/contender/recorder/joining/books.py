"""Books: sums and hours that are being added to, kept in memory and written as a whole."""

from array import array
from collections.abc import Callable, Collection, Iterable
from typing import Any

from contender.recorder.joining import hours, sums
from contender.recorder.joining.parts import Amount, Part
from contender.recorder.model import HourKey, StatisticKey

MOST_KEPT = 50_000
"""Entries that stay in memory between batches."""

Change = tuple[Part, Amount, int]
"""What is added (+1) or taken out (-1), and where."""


class Books:
    """All sums and hours.

    Args:
        read_statistics: returns those that are stored.
        read_hours: returns those that are stored.
    """

    def __init__(
        self,
        read_statistics: Callable[[Collection[StatisticKey]], dict[StatisticKey, bytes]],
        read_hours: Callable[[Collection[HourKey]], dict[HourKey, bytes]],
    ) -> None:
        self._read_statistics = read_statistics
        self._read_hours = read_hours
        self._statistics: dict[StatisticKey, array[float]] = {}
        self._hours: dict[HourKey, array[float] | dict[str, int]] = {}
        self._changed: set[StatisticKey | HourKey] = set()

    def apply(self, changes: Iterable[Change]) -> None:
        """Add what was measured.

        Raises:
            StoreError: what is stored cannot be read.
        """
        changes = [*changes]
        keys = {key for (key, _), _, _ in changes}
        self._load_statistics({key for key in keys if isinstance(key, StatisticKey)})
        self._load_hours({key for key in keys if isinstance(key, HourKey)})
        for (key, _), amount, sign in changes:
            if isinstance(key, StatisticKey):
                sums.add(key.kind, self._statistics[key], amount, sign)
            else:
                hours.grow(self._hours[key], _hourly(key, amount, sign))
        self._changed |= keys

    def grow(self, growths: Iterable[hours.Growth]) -> None:
        """Add what was answered in hours.

        Raises:
            StoreError: what is stored cannot be read.
        """
        growths = [*growths]
        self._load_hours({key for growth in growths for key in growth})
        for growth in growths:
            for key, by in growth.items():
                hours.grow(self._hours[key], by)
                self._changed.add(key)

    def sums(self, keys: Collection[StatisticKey]) -> "dict[StatisticKey, array[float]]":
        """Return sums as they are now.

        Raises:
            StoreError: what is stored cannot be read.
        """
        self._load_statistics({*keys})
        return {key: self._statistics[key] for key in keys}

    def statistics(self) -> dict[StatisticKey, bytes]:
        """Return the sums that have changed."""
        return {
            key: self._statistics[key].tobytes()
            for key in self._changed
            if isinstance(key, StatisticKey)
        }

    def hours(self) -> dict[HourKey, bytes]:
        """Return the hours that have changed."""
        return {
            key: hours.written(self._hours[key])
            for key in self._changed
            if isinstance(key, HourKey)
        }

    def settled(self) -> None:
        """Say that all changes are stored."""
        self._changed.clear()
        if len(self._statistics) + len(self._hours) > MOST_KEPT:
            self.forget()

    def forget(self) -> None:
        """Forget everything: what is stored counts."""
        self._changed.clear()
        self._statistics.clear()
        self._hours.clear()

    def _load_statistics(self, keys: set[StatisticKey]) -> None:
        if absent := keys - self._statistics.keys():
            stored = self._read_statistics(absent)
            for key in absent:
                data = stored.get(key)
                self._statistics[key] = array("d", data) if data else sums.empty(key.kind)

    def _load_hours(self, keys: set[HourKey]) -> None:
        if absent := keys - self._hours.keys():
            stored = self._read_hours(absent)
            for key in absent:
                data = stored.get(key)
                self._hours[key] = hours.read(key, data) if data else hours.empty(key)


def _hourly(key: HourKey, amount: Amount, sign: int) -> list[Any]:
    """Return what an hour grows by when one row is added or taken out."""
    if key.metric == "loss":
        loss = amount[1]
        return [sign, sign * loss, sign * loss * loss]
    return [sign]
