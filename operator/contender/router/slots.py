"""Slots: which arm answers which part of the hash space. Pure, without memory.

A key's hash falls into one of 100 slots. When weights change, as few slots as possible change their
arm, so that callers stay where they are.
"""

from collections.abc import Mapping, Sequence

SLOTS = 100
"""One for each percent."""


def assign(weights: Mapping[str, int], order: Sequence[str], rest: str) -> list[str]:
    """Return which arm has which slot.

    The first candidate grows upwards from the lowest slot, the second one downwards from the
    highest: with two, a weight that grows by d moves exactly d slots. Further ones begin in
    between, and take the nearest free slots: so it is for them too, until they meet.

    Args:
        weights: percent by candidate, together at most 100.
        order: the candidates; it must stay the same while weights change.
        rest: who has all other slots.
    """
    slots = [rest] * SLOTS
    for number, name in enumerate(order):
        free = (slot for slot in _preference(number, len(order)) if slots[slot] == rest)
        for slot, _ in zip(free, range(weights.get(name, 0)), strict=False):
            slots[slot] = name
    return slots


def runs(slots: Sequence[str]) -> list[tuple[str, int]]:
    """Return neighbouring slots of the same arm as one: arm and number of slots."""
    found: list[tuple[str, int]] = []
    for name in slots:
        if found and found[-1][0] == name:
            found[-1] = (name, found[-1][1] + 1)
        else:
            found.append((name, 1))
    return found


def _preference(number: int, count: int) -> list[int]:
    """Return the slots that a candidate takes, the most wanted first."""
    if number == 0:
        return [*range(SLOTS)]
    if number == 1:
        return [*reversed(range(SLOTS))]
    seed = SLOTS * (number - 1) // (count - 1)
    return sorted(range(SLOTS), key=lambda slot: (abs(slot - seed), slot))
