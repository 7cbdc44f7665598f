"""Counters: what is counted of each endpoint, as absolute numbers."""

from collections.abc import Mapping

Key = tuple[int, str]
"""Number of the endpoint, and name."""


def is_note(name: str) -> bool:
    """Return whether what is stored among the counters is a note of `Maturity`."""
    return "/" in name


class Counters:
    """All counters. Only the writer's thread changes them."""

    def __init__(self) -> None:
        self._present: dict[Key, int] = {}
        self._stored: dict[Key, int] = {}

    def open(self, stored: Mapping[Key, int]) -> None:
        """Take over what is stored."""
        self._stored = {key: value for key, value in stored.items() if not is_note(key[1])}
        self._present = dict(self._stored)

    def add(self, endpoint: int, name: str, more: int) -> None:
        """Add to a counter."""
        if more:
            self._present[endpoint, name] = self.get(endpoint, name) + more

    def get(self, endpoint: int, name: str) -> int:
        """Return a counter, with what is not stored yet."""
        return self._present.get((endpoint, name), 0)

    def present(self) -> dict[Key, int]:
        """Return all counters with what is not stored yet."""
        return dict(self._present)

    def stored(self) -> dict[Key, int]:
        """Return all counters as they are stored; from any thread."""
        return dict(self._stored)

    def changed(self) -> dict[Key, int]:
        """Return those that are not stored yet."""
        return {
            key: value for key, value in self._present.items() if self._stored.get(key) != value
        }

    def settled(self, changed: Mapping[Key, int]) -> None:
        """Say which are stored now."""
        self._stored |= changed

    def restore(self, present: dict[Key, int]) -> None:
        """Make them what they were."""
        self._present = present
