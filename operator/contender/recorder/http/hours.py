"""Hourly counts and histograms, and how much of the truth has come."""

from collections.abc import Iterable, Mapping
from typing import Any

from contender.api.v1alpha1.base import seconds
from contender.recorder.http.rows import moment
from contender.recorder.joining import hours
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR
from contender.recorder.model import HourKey, Outcome, Unread
from contender.recorder.plans import Plan

Json = dict[str, Any]

MOST_HOURS = 24 * 32
EDGES: Mapping[str, tuple[float, ...]] = {
    "latency": hours.LATENCY_EDGES,
    "score": hours.SCORE_EDGES,
    "value": hours.VALUE_EDGES,
    "feature": hours.VALUE_EDGES,
}
"""By metric: bin i holds what is above edge i - 1 and at most edge i; latency in milliseconds."""


def told(found: Iterable[tuple[HourKey, bytes]]) -> list[Json]:
    """Return counts as they are told."""
    return [
        {
            "hour": moment(key.hour * MICROSECONDS_PER_HOUR),
            "version": key.version,
            "arm": key.arm,
            "metric": key.metric,
            "part": key.part,
            "counts": _counts(key, data),
        }
        for key, data in found
    ]


def _counts(key: HourKey, data: bytes) -> Any:
    counts = hours.read(key, data)
    if isinstance(counts, dict):
        return counts
    names = {"answers": Outcome, "unread": Unread}.get(key.metric)
    if names:
        return {one.name: counts[one] for one in names if counts[one]}
    if key.metric == "loss":
        return dict(zip(("n", "sum", "squares"), counts, strict=True))
    return counts.tolist()


def coverage(plan: Plan, found: Iterable[tuple[HourKey, bytes]], now_hour: int) -> list[Json]:
    """Return, for each feedback, how many rows are older than its delay, and of how many of them
    the truth has come: by version and arm.

    Args:
        plan: of the endpoint.
        found: counts of all hours that are asked for.
        now_hour: hours since 1970.
    """
    ripe = {name: now_hour - seconds(one.delay) / 3600 for name, one in plan.feedback.items()}
    rows: dict[tuple[str, str, str], float] = {}
    labelled: dict[tuple[str, str, str], float] = {}
    for key, data in found:
        for name, before in ripe.items():
            if key.hour >= before:
                continue
            place = (name, key.version, key.arm)
            if key.metric == "rows":
                rows[place] = rows.get(place, 0) + _first(key, data)
            elif key.metric == "labelled" and key.part == name:
                labelled[place] = labelled.get(place, 0) + _first(key, data)
    return [
        {
            "feedback": name,
            "version": version,
            "arm": arm,
            "rows": int(number),
            "labelled": int(labelled.get((name, version, arm), 0)),
        }
        for (name, version, arm), number in sorted(rows.items())
    ]


def _first(key: HourKey, data: bytes) -> float:
    counts = hours.read(key, data)
    assert not isinstance(counts, dict)
    return counts[0]
