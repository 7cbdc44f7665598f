"""Conditions: one setter, so that a transition time moves only when a status does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from contender.core.manifest import format_time

Truth = Literal["True", "False", "Unknown"]

MESSAGE_LIMIT = 2048


@dataclass(frozen=True)
class Judgement:
    """What one condition says now."""

    type: str
    status: Truth
    reason: str
    message: str = ""


def truth(holds: bool) -> Truth:
    """Return the status of a condition that holds, or does not."""
    return "True" if holds else "False"


def set_conditions(
    previous: list[Mapping[str, Any]],
    judgements: list[Judgement],
    *,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the conditions for status.

    Args:
        previous: the conditions as they stand in status.
        judgements: what holds now, in the order in which it is shown.
        generation: the generation of the spec that was judged.
        now: transition time for what changed.
    """
    before = {entry["type"]: entry for entry in previous if "type" in entry}
    return [_condition(before.get(one.type), one, generation, now) for one in judgements]


def _condition(
    before: Mapping[str, Any] | None, judgement: Judgement, generation: int, now: datetime
) -> dict[str, Any]:
    same = before is not None and before.get("status") == judgement.status
    since = before.get("lastTransitionTime") if before and same else None
    return {
        "type": judgement.type,
        "status": judgement.status,
        "reason": judgement.reason,
        "message": judgement.message[:MESSAGE_LIMIT],
        "lastTransitionTime": since or format_time(now),
        "observedGeneration": generation,
    }
