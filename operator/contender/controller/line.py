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
    served. Urgent items are a flow beside the others of theirs, and go first when turns are equal.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, bool, int, Item]] = []
        """Start tag, not urgent, number, item."""
        self._valid: dict[Item, tuple[bool, int]] = {}
        """By item: whether it is urgent, and the number of the entry that counts."""
        self._next_tag: dict[tuple[Hashable, bool], int] = {}
        self._now = 0
        """Virtual time: the start tag of what was served last."""
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._valid)

    def __contains__(self, item: Item) -> bool:
        return item in self._valid

    def put(self, item: Item, flow: Hashable, *, urgent: bool = False) -> None:
        """Put an item in line. One that is there already stays, unless it has become urgent."""
        if item in self._valid and self._valid[item][0] >= urgent:
            return
        tag = max(self._now, self._next_tag.get((flow, urgent), 0))
        self._next_tag[flow, urgent] = tag + 1
        number = next(self._numbers)
        self._valid[item] = (urgent, number)
        heapq.heappush(self._heap, (tag, not urgent, number, item))

    def pop(self) -> Item:
        """Take out whose turn it is; IndexError when nobody waits."""
        while True:
            tag, _, number, item = heapq.heappop(self._heap)
            if self._valid.get(item, (False, -1))[1] != number:
                continue  # it became urgent later
            del self._valid[item]
            self._now = tag
            if not self._valid:
                self._next_tag.clear()
            return item
