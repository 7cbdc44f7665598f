"""Axes: which part of the numbers a chart shows, and where its marks are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

_DAY = 86400.0
_TIMES = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY),
)
"""Seconds from one mark to the next."""


@dataclass(frozen=True)
class Axis:
    """Leads from numbers to places."""

    low: float
    high: float
    start: float
    """Place of the lowest number."""
    end: float
    """Place of the highest."""

    def place(self, value: float) -> float:
        """Return the place of a number; what is outside is at the edge."""
        within = min(max(value, self.low), self.high)
        return self.start + (within - self.low) / (self.high - self.low) * (self.end - self.start)

    def shows(self, value: float) -> bool:
        """Return whether a number is not outside."""
        return self.low <= value <= self.high


def axis(values: Iterable[float], start: float, end: float) -> Axis:
    """Return an axis on which all finite numbers have room; of nothing, one from 0 to 1."""
    known = [one for one in values if isfinite(one)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        room = abs(high) / 10 or 1.0
        low, high = low - room, high + room
    return Axis(low, high, start, end)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two others: 1, 2 or 5 of a decade apart, at most so many."""
    raw = (high - low) / max(most - 1, 1)
    decade = 10.0 ** floor(log10(raw))
    step = next(one * decade for one in (1, 2, 5, 10, 20) if one * decade >= raw * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(one * step, 12 - floor(log10(step))) for one in range(first, last + 1)]


def time_ticks(low: float, high: float, most: int) -> tuple[list[float], float]:
    """Return round moments between two others, at most so many, and the seconds between them."""
    raw = (high - low) / max(most - 1, 1)
    step = next((one for one in _TIMES if one >= raw), _TIMES[-1])
    while (high - low) / step > most:
        step *= 2
    first, last = ceil(low / step), floor(high / step)
    return [one * step for one in range(first, last + 1)], step


def decades(values: Iterable[float], start: float, end: float) -> tuple[Axis, list[float]]:
    """Return an axis of logarithms to base 10 on which numbers above 0 have room, and its marks: 1,
    2 and 5 of each decade, or the decades alone when there are many."""
    known = [log10(one) for one in values]
    low, high = floor(min(known)), ceil(max(known))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    marks = [step * 10.0**one for one in range(low - 1, high + 1) for step in steps]
    first = max(one for one in marks if log10(one) < min(known) - 1e-9)
    last = min(one for one in [*marks, 10.0 ** (high + 1)] if log10(one) > max(known) + 1e-9)
    shown = [one for one in marks if first <= one <= last]
    return Axis(log10(first), log10(last), start, end), shown


def apart(wanted: Sequence[float], widths: Sequence[float], end: float) -> list[float]:
    """Return where words begin that do not lie on each other, near to where they are wanted.

    Args:
        wanted: where they would begin, in order.
        widths: how wide they are, with the room between them.
        end: where the last one ends at the latest.
    """
    found: list[float] = []
    for at, width in zip(reversed(wanted), reversed(widths), strict=True):
        end = min(at + width, end)
        found.insert(0, end - width)
        end -= width
    return found


def window(
    ends: Sequence[tuple[float, float]], marks: Sequence[float]
) -> tuple[float, float] | None:
    """Return what part of intervals a chart shows: all of the last ones, all marks, and as much of
    the first ones, which may be much wider, as leaves the last ones visible.

    Args:
        ends: of all intervals, in their order; infinite when nobody can tell.
        marks: what must be seen besides.

    Returns:
        None when no interval has ends.
    """
    known = [(low, high) for low, high in ends if isfinite(low) and isfinite(high)]
    if not known:
        return None
    low, high = min(known[-1][0], *marks), max(known[-1][1], *marks)
    room = 0.75 * max(known[-1][1] - known[-1][0], (high - low) / 3)
    least, most = min(one for one, _ in known), max(one for _, one in known)
    return max(low - room, min(least, low)), min(high + room, max(most, high))


def chosen(count: int, most: int) -> list[int]:
    """Return at most so many places of a list, evenly, the first and the last among them."""
    if count <= most:
        return [*range(count)]
    return sorted({round(one * (count - 1) / (most - 1)) for one in range(most)})
