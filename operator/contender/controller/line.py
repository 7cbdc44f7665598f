"""A line in which no flow of items holds up another: start-time fair queueing, each item of cost 1.

Source: Goyal, Vin, Cheng, "Start-time Fair Queueing", IEEE/ACM Transactions on Networking 5, 1997.
"""

import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class FairLine(Generic[Item]):
    """Lets flows take turns; within a flow, and among those whose turn it is, first come, first
    served."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Item]] = []
        """Start tag, number, item."""
        self._numbers: dict[Item, int] = {}
        """By item in line: the number of the entry that counts."""
        self._next_tag: dict[Hashable, int] = {}
        self._now = 0
        """Virtual time: the start tag of what was served last."""
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, item: Item) -> bool:
        return item in self._numbers

    def put(self, item: Item, flow: Hashable) -> None:
        """Put an item in line. One that is there already stays where it is."""
        if item in self._numbers:
            return
        tag = max(self._now, self._next_tag.get(flow, 0))
        self._next_tag[flow] = tag + 1
        number = self._numbers[item] = next(self._count)
        heapq.heappush(self._heap, (tag, number, item))

    def discard(self, item: Item) -> None:
        """Take an item out of line, if it is there."""
        self._numbers.pop(item, None)
        self._end_if_empty()

    def pop(self) -> Item:
        """Take out whose turn it is; IndexError when nobody waits."""
        while True:
            tag, number, item = heapq.heappop(self._heap)
            if self._numbers.get(item) != number:
                continue  # it was discarded
            del self._numbers[item]
            self._now = tag
            self._end_if_empty()
            return item

    def _end_if_empty(self) -> None:
        if not self._numbers:
            self._heap.clear()
            self._next_tag.clear()
