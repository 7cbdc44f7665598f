"""Receipts: when each endpoint sent something last, and which streams were refused."""

from collections import Counter
from collections.abc import Callable
from time import time


class Receipts:
    """Kept in memory, from the start of the process on.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self.started = clock()
        self.last: dict[int, float] = {}
        """Seconds since 1970, by endpoint."""
        self.refused: Counter[str] = Counter()
        """Streams, by reason."""

    def note(self, endpoint: int) -> None:
        """Note that an endpoint sent answers."""
        self.last[endpoint] = self._clock()

    def refuse(self, reason: str) -> None:
        """Note that a stream was refused."""
        self.refused[reason] += 1
