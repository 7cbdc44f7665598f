from datetime import UTC, datetime
from typing import Any

from contender.core.conditions import MESSAGE_LIMIT, Judgement, set_conditions

THEN = "2026-01-05T09:00:00Z"
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def _set(before: list[Any], *judged: Judgement) -> list[dict[str, Any]]:
    return set_conditions(before, list(judged), generation=7, now=NOW)


def _known(status: str, reason: str = "Reason") -> dict[str, Any]:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": THEN,
        "observedGeneration": 1,
    }


def test_a_new_condition_begins_now() -> None:
    (told,) = _set([], Judgement("Ready", "True", "Ready", "serving 1"))
    assert told == {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "serving 1",
        "lastTransitionTime": "2026-01-05T10:00:00Z",
        "observedGeneration": 7,
    }


def test_the_time_stays_while_the_status_stays() -> None:
    (told,) = _set([_known("False")], Judgement("Ready", "False", "Another", "other words"))
    assert told["lastTransitionTime"] == THEN
    assert (told["reason"], told["message"], told["observedGeneration"]) == (
        "Another",
        "other words",
        7,
    )


def test_the_time_moves_with_the_status() -> None:
    (told,) = _set([_known("Unknown")], Judgement("Ready", "True", "Reason"))
    assert told["lastTransitionTime"] == "2026-01-05T10:00:00Z"


def test_what_is_no_longer_judged_goes_and_what_is_malformed_is_replaced() -> None:
    old = [{**_known("True"), "type": "Retrained"}, {"status": "True"}, {"type": "Ready"}]
    (told,) = _set(old, Judgement("Ready", "True", "Ready"))
    assert told["type"] == "Ready"
    assert told["lastTransitionTime"] == "2026-01-05T10:00:00Z"


def test_conditions_are_told_in_the_order_in_which_they_were_judged() -> None:
    told = _set(
        [_known("True")], Judgement("Stalled", "False", "Fine"), Judgement("Ready", "True", "R")
    )
    assert [one["type"] for one in told] == ["Stalled", "Ready"]


def test_a_message_is_bounded() -> None:
    (told,) = _set([], Judgement("Ready", "False", "Long", "x" * 10000))
    assert len(told["message"]) == MESSAGE_LIMIT
