"""Figures as people read them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import floor, isfinite, isnan, log10

_DAY = 86400.0
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
POINTS = ("ZeroOne",)
"""Losses that are shares, told in percent."""


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, and no more places than these need."""
    if not isfinite(value):
        return "-" if isnan(value) else "no end"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    if places > 7:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{places}f}"


def amount(loss: str, value: float, digits: int = 3) -> str:
    """Return a loss or reward, or a difference of two: shares in points."""
    if loss in POINTS:
        return f"{number(100 * value, digits)} points"
    return number(value, digits)


def mean(loss: str, value: float) -> str:
    """Return the mean of a loss or reward: shares in percent."""
    return f"{number(100 * value)} %" if loss in POINTS else number(value)


def exact(loss: str, value: float) -> str:
    """Return a loss or reward that somebody has written down, with all of its digits."""
    if loss not in POINTS:
        return f"{value:.6g}"
    points = f"{100 * value:.6g}"
    return f"{points} point" if points in ("1", "-1") else f"{points} points"


def moment(at: datetime) -> str:
    """Return a moment: 2026-01-31 12:00 UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def told_moment(text: str | None) -> str:
    """Return a moment of a status."""
    return moment(datetime.fromisoformat(text)) if text else "-"


def short_moments(times: Iterable[float], step: float) -> list[str]:
    """Return moments for the axis of a chart: 31 Jan, or 31 Jan 12:00 and 18:00 on the same day.

    Args:
        times: the moments, in seconds since 1970.
        step: seconds between two of them, which says whether a clock is needed, and with seconds.
    """
    told, before = [], ""
    for at in times:
        found = datetime.fromtimestamp(at, UTC)
        day = f"{found.day} {_MONTHS[found.month - 1]}"
        clock = "" if step >= _DAY else found.strftime("%H:%M" if step >= 60 else "%H:%M:%S")
        told.append(" ".join(filter(None, (day if day != before or not clock else "", clock))))
        before = day
    return told


def between(since: str, until: str) -> str:
    """Return the time between two moments of a status."""
    ends = [datetime.fromisoformat(one) for one in (since, until)]
    return span(max(0.0, (ends[1] - ends[0]).total_seconds()))


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: 13 d 4 h."""
    if not isfinite(seconds):
        return "never"
    if seconds < 60:
        return f"{seconds:.0f} s"
    left = round(seconds / 60)
    parts: list[str] = []
    for length, unit in ((365 * 1440, "y"), (1440, "d"), (60, "h"), (1, "min")):
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count:,} {unit}" if count else "")
    return " ".join(one for one in parts[:2] if one)


def plural(count: int, what: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"


def milliseconds(text: str) -> float | None:
    """Return a time of an arm, such as `12ms` or `1.5s`; None: nothing that can be drawn."""
    for suffix, factor in (("ms", 1.0), ("s", 1000.0)):
        if text.endswith(suffix):
            try:
                found = factor * float(text.removesuffix(suffix))
            except ValueError:
                return None
            return found if found > 0 else None
    return None
