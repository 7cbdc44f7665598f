"""Feedback: truths as senders name them, checked one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from contender.recorder.ids import packed
from contender.recorder.model import Feedback, KeyedFeedback
from contender.recorder.plans import Plan
from contender.recorder.reading.text import text_of

MICROSECONDS = 1_000_000
FUTURE_SECONDS = 300
"""So far may a sender's clock be ahead of ours."""
EARLIEST_YEAR = 1970
LONGEST_TEXT = 256
"""Characters of a label."""


class Item(BaseModel):
    """One truth. It names its row by id, or by key and time."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    """The prediction id that the answer came with (x-contender-prediction-id); of requests with
    several rows `<id>/<row>`, beginning at 0."""
    key: str | int | None = None
    """What rows.key reads of the request."""
    time: datetime | None = None
    """With key: the row is the last one with this key up to this moment."""
    name: str
    """Which of spec.feedback."""
    value: str | int | float | bool
    """The class, the value, or the reward."""
    at: datetime | None = None
    """When it became true; of two for the same row the later one counts. Absent: now."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one item."""

    status: int
    """As in HTTP: 200 joined, 202 kept until its row is known, 4xx refused."""
    message: str = ""


JOINED, KEPT = Verdict(200), Verdict(202, "no such prediction is known yet")
CROWDED = Verdict(429, "too much feedback waits for predictions that are not known: send it later")


@dataclass(frozen=True, slots=True)
class Truth:
    """An item that was understood."""

    name: str
    value: str
    """JSON."""
    at: int
    """Microseconds since 1970."""
    prediction: bytes = b""
    row: int = -1
    """-1: the only one."""
    key: bytes = b""
    time: int = 0

    def of(self, endpoint: int, prediction: bytes, row: int, received: int) -> Feedback:
        """Return it as feedback for a row."""
        return Feedback(endpoint, prediction, row, self.name, self.value, self.at, received)

    def keyed(self, endpoint: int, received: int) -> KeyedFeedback:
        """Return it as feedback for a row that is not known yet."""
        return KeyedFeedback(
            endpoint, self.key, self.time, self.name, self.value, self.at, received
        )


def understand(plan: Plan, items: Sequence[Any], now: datetime) -> list[Truth | Verdict]:
    """Return each item as a truth, or why it is refused.

    Args:
        plan: of the endpoint.
        items: JSON values.
        now: the present moment, with a time zone.
    """
    return [_understand(plan, one, now) for one in items]


def _understand(plan: Plan, raw: Any, now: datetime) -> Truth | Verdict:
    try:
        item = Item.model_validate(raw)
    except ValidationError as error:
        return Verdict(400, _told(error))
    declared = plan.feedback.get(item.name)
    if declared is None:
        known = ", ".join(sorted(plan.feedback)) or "none"
        return Verdict(404, f"spec.feedback declares no {item.name!r}; it declares: {known}")
    if problem := _value_problem(plan, declared.kind, item.value):
        return Verdict(422, problem)
    at = item.at or now
    if problem := _moment_problem(at, item.time or now, now):
        return Verdict(400, problem)
    truth = Truth(item.name, orjson.dumps(item.value).decode(), micros(at))
    return _located(plan, item, truth)


def _moment_problem(at: datetime, time: datetime, now: datetime) -> str:
    for name, moment in (("at", at), ("time", time)):
        if moment.tzinfo is None:
            return f"{name} has no time zone: write it like 2026-01-31T12:00:00Z"
        if moment.year < EARLIEST_YEAR:
            return f"{name} is before {EARLIEST_YEAR}"
        if (moment - now).total_seconds() > FUTURE_SECONDS:
            return f"{name} is in the future"
    return ""


def _located(plan: Plan, item: Item, truth: Truth) -> Truth | Verdict:
    if (item.id is None) == (item.key is None):
        return Verdict(400, "give either id, or key and time")
    if item.id is not None:
        return _by_id(item.id, truth)
    if item.time is None:
        return Verdict(400, "key needs time: the row is the last one with this key up to then")
    key = text_of(item.key)
    assert key is not None
    return Truth(truth.name, truth.value, truth.at, key=plan.pseudonym(key), time=micros(item.time))


def _by_id(text: str, truth: Truth) -> Truth | Verdict:
    prediction, slash, row = text.partition("/")
    if slash and not (row.isascii() and row.isdigit() and len(row) <= 5):
        return Verdict(400, f"{row[:20]!r} is no row: write <prediction id>/<row>, from 0")
    try:
        number = packed(prediction)
    except ValueError as error:
        return Verdict(400, str(error))
    return Truth(truth.name, truth.value, truth.at, number, int(row) if slash else -1)


def _value_problem(plan: Plan, kind: str, value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and not isfinite(value):
        return "value is not finite"
    if (kind == "Reward" or plan.judge.task == "Regression") and not is_number:
        return f"value must be a number, not {value!r}"[:200]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"value is longer than {LONGEST_TEXT} characters"
    return ""


def micros(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def _told(error: ValidationError) -> str:
    """Return what is wrong with an item, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(one) for one in first["loc"][:1])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
