"""What a request for rows asks for."""

from collections.abc import Mapping
from datetime import datetime

from contender.recorder.feedback import micros
from contender.recorder.http.errors import Refusal
from contender.recorder.http.hours import MOST_HOURS
from contender.recorder.http.rows import Filter
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR
from contender.recorder.model import Selection

A_DAY = 24 * MICROSECONDS_PER_HOUR
KNOWN = ("since", "until", "version", "labelled")


def selection(endpoint: int, query: "Mapping[str, str]") -> tuple[Selection, Filter]:
    """Return which predictions, and which of their rows.

    Args:
        endpoint: whose.
        query: since and until (RFC 3339), version and labelled (separated by commas).

    Raises:
        Refusal: it is not understood.
    """
    if strangers := sorted({*query} - {*KNOWN}):
        what = f"unknown: {', '.join(strangers)}; known: {', '.join(KNOWN)}"
        raise Refusal(400, "BadRequest", what)
    bounds = {name: _moment(name, query[name]) for name in ("since", "until") if name in query}
    return (
        Selection(endpoint, versions=_names(query.get("version", "")), **bounds),
        Filter(labelled=_names(query.get("labelled", ""))),
    )


def hours_wanted(query: "Mapping[str, str]", now: int) -> tuple[int, int]:
    """Return which hours a request asks for, by default those of the last day: hours since 1970,
    the end exclusive.

    Args:
        query: since and until (RFC 3339).
        now: microseconds since 1970.

    Raises:
        Refusal: it is not understood, or asks for too many.
    """
    if strangers := sorted({*query} - {"since", "until"}):
        raise Refusal(400, "BadRequest", f"unknown: {', '.join(strangers)}; known: since, until")
    until = _moment("until", query["until"]) if "until" in query else now
    since = _moment("since", query["since"]) if "since" in query else until - A_DAY
    found = since // MICROSECONDS_PER_HOUR, -(-until // MICROSECONDS_PER_HOUR)
    if found[1] - found[0] > MOST_HOURS:
        raise Refusal(400, "BadRequest", f"ask for {MOST_HOURS} hours at most")
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(one for one in text.split(",") if one)


def _moment(name: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            what = f"{name} has no time zone: write it like 2026-01-31T12:00:00Z"
            raise Refusal(400, "BadRequest", what)
        return micros(found)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, "BadRequest", f"{name}: {text[:40]!r} is no moment") from error
