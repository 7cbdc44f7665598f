"""Hours: what the recorder has counted of an endpoint, as far as a plan needs it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contender.report.material import Unreadable
from contender.router.traffic import INCUMBENT

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Seen:
    """What an endpoint did."""

    hours: int
    """Hours over which it was counted."""
    rate: float | None = None
    """Requests a second that were captured; None: none were."""
    rows_per_request: float | None = None
    mean: float | None = None
    """Of the loss or reward; None: there is no truth yet."""
    variance: float | None = None
    n: int = 0
    """Rows with a truth, from which mean and variance are."""
    labelled: float | None = None
    """Share of the rows old enough that have a truth; None: no row is."""


NOTHING_SEEN = Seen(0)


def seen(told: Mapping[str, Any], feedback: str, loss: str, now: datetime) -> Seen:
    """Return what `/hours` tells about the incumbent.

    Args:
        told: its answer.
        feedback: name of the feedback.
        loss: name of the loss; Value for a reward.
        now: the present moment: the hour that goes on is left out.

    Raises:
        Unreadable: it is no such answer.
    """
    try:
        return _seen(told, feedback, loss, now)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it tells of hours otherwise than a recorder: {error!r}"
        raise Unreadable(what) from error


def _seen(told: Mapping[str, Any], feedback: str, loss: str, now: datetime) -> Seen:
    begun = now.replace(minute=0, second=0, microsecond=0)
    mine = [
        one
        for one in told["hours"]
        if one["arm"] == INCUMBENT and datetime.fromisoformat(one["hour"]) < begun
    ]
    answers = _sum(mine, "answers", lambda counts: sum(counts.values()))
    rows = _sum(mine, "rows", sum)
    first = min(
        (datetime.fromisoformat(one["hour"]) for one in mine if one["metric"] == "answers"),
        default=begun,
    )
    hours = round((begun - first) / _HOUR)
    n, mean, variance = _moments(mine, f"{feedback}/{loss}/")
    return Seen(
        hours=hours,
        rate=answers / hours / 3600 if answers else None,
        rows_per_request=rows / answers if answers and rows else None,
        mean=mean,
        variance=variance,
        n=n,
        labelled=_labelled(told["coverage"], feedback),
    )


def _sum(hours: Iterable[Mapping[str, Any]], metric: str, count: Callable[[Any], float]) -> float:
    return float(sum(count(one["counts"]) for one in hours if one["metric"] == metric))


def _moments(
    hours: Iterable[Mapping[str, Any]], part: str
) -> tuple[int, float | None, float | None]:
    """Return how many rows have a truth, with the mean and variance of their losses."""
    found = [
        one["counts"]
        for one in hours
        if one["metric"] == "loss" and str(one["part"]).startswith(part)
    ]
    n, total, squares = (float(sum(one[name] for one in found)) for name in ("n", "sum", "squares"))
    if n < 2:
        return int(n), None, None
    mean = total / n
    return int(n), mean, max(squares - total * mean, 0.0) / (n - 1)


def _labelled(coverage: Iterable[Mapping[str, Any]], feedback: str) -> float | None:
    mine = [one for one in coverage if (one["feedback"], one["arm"]) == (feedback, INCUMBENT)]
    rows = sum(int(one["rows"]) for one in mine)
    return min(1.0, sum(int(one["labelled"]) for one in mine) / rows) if rows else None
