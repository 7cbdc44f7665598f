"""Hours: what the recorder has counted of an endpoint, as far as a plan needs it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contender.report.material import Unreadable
from contender.router.traffic import INCUMBENT

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Seen:
    """What an endpoint did."""

    hours: float
    """Hours over which requests were counted; less than 1: of the hour that goes on."""
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
        now: the present moment. The rate is that of whole hours, if there are any.

    Raises:
        Unreadable: it is no such answer.
    """
    try:
        return _seen(told, feedback, loss, now)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it tells of hours otherwise than a recorder: {error!r}"
        raise Unreadable(what) from error


def _seen(told: Mapping[str, Any], feedback: str, loss: str, now: datetime) -> Seen:
    mine = [one for one in told["hours"] if one["arm"] == INCUMBENT]
    answers = _answers(mine)
    rows = _sum(mine, "rows", sum)
    hours, rate = _rate(mine, now)
    n, mean, variance = _moments(mine, f"{feedback}/{loss}/")
    return Seen(
        hours=hours,
        rate=rate,
        rows_per_request=rows / answers if answers and rows else None,
        mean=mean,
        variance=variance,
        n=n,
        labelled=_labelled(told["coverage"], feedback),
    )


def _rate(mine: Sequence[Mapping[str, Any]], now: datetime) -> tuple[float, float | None]:
    """Return over how many hours requests were counted, and how many came a second; None: nobody
    knows."""
    begun = now.replace(minute=0, second=0, microsecond=0)
    whole = [one for one in mine if datetime.fromisoformat(one["hour"]) < begun]
    counted, until = (whole, begun) if _answers(whole) else (mine, now)
    times = [datetime.fromisoformat(one["hour"]) for one in counted if one["metric"] == "answers"]
    hours = (until - min(times, default=until)) / _HOUR
    return hours, _answers(counted) / hours / 3600 if hours else None


def _answers(hours: Iterable[Mapping[str, Any]]) -> float:
    return _sum(hours, "answers", lambda counts: sum(counts.values()))


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
