"""What a router sends is stored, and read back as it was."""

import random
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import pytest

from contender.recorder.als_pb2 import Entry
from tests.recorder.service.routers import Caller
from tests.recorder.told import Call, stamp

HOUR = 3600.0
YEAR = 365 * 24 * HOUR


def call(**more: Any) -> Call:
    """Return a request of now."""
    return Call(at=more.pop("at", time()), **more)


def pair(number: int, **more: Any) -> list[Entry]:
    """Return the entries of a request that two arms have answered."""
    one = call(trial=stamp(), rows=[{"x": number}], **more)
    return [
        one.answered([{"label": number % 2, "p": number / 100}]),
        one.copied([{"label": number % 3 % 2, "p": number / 200}]),
    ]


def test_what_a_router_sends_is_read_back_as_it_was(caller: Caller) -> None:
    endpoint = caller.declare()
    one = call(rows=[{"x": 1.5, "name": "Zoë"}, {"x": None}], trial=stamp())
    answers = [{"label": 1, "p": 0.75}, {"label": 0, "p": 0.25}]
    copies = [{"label": 0, "p": 0.5}, {"label": 0, "p": 0.125}]
    caller.tell(endpoint, one.answered(answers), one.copied(copies))
    caller.send(endpoint, {"id": f"{one.id}/1", "name": "churned", "value": 1})
    found = caller.rows(endpoint)
    assert [row["id"] for row in found] == [f"{one.id}/0", f"{one.id}/1"]
    for row, asked, answer, copy in zip(found, one.rows, answers, copies, strict=True):
        assert row["row"] == asked
        assert (row["output"], row["score"]) == (answer["label"], answer["p"])
        assert row["copies"]["v2"]["output"] == copy["label"]
        assert row["copies"]["v2"]["score"] == copy["p"]
        assert (row["arm"], row["experiment"], row["epoch"]) == ("incumbent", "uid-1", "one")
        assert abs(datetime.fromisoformat(row["time"]).timestamp() - one.at) < 1e-3
    assert [row["feedback"].get("churned", {}).get("value") for row in found] == [None, 1]
    counters = caller.counters(endpoint)
    assert (counters["received"], counters["stored"], counters["feedback"]) == (2, 2, 1)


def test_answers_that_come_before_their_modeldeployment_is_known_are_kept(caller: Caller) -> None:
    """Routers may be faster than the recorder's watch."""
    endpoint = (caller.cluster.tenant(), "churn")
    stream = caller.stream(endpoint)
    stream.tell(call(rows=[{"x": 1}]).answered([{"label": 1, "p": 0.5}]))
    caller.declare(*endpoint)
    assert stream.end().name == "OK"
    caller.until_settled(endpoint, 1)
    assert [row["row"] for row in caller.rows(endpoint)] == [{"x": 1}]


def test_messages_over_two_streams_in_other_orders_count_once(caller: Caller) -> None:
    endpoint = caller.declare()
    entries = [one for number in range(60) for one in pair(number)]
    draw = random.Random(7)
    streams = [caller.stream(endpoint) for _ in range(2)]
    for stream in streams:
        draw.shuffle(entries)
        for start in range(0, len(entries), 7):
            stream.tell(*entries[start : start + 7])
    assert [stream.end().name for stream in streams] == ["OK", "OK"]
    caller.until_settled(endpoint, 240)
    counters = caller.counters(endpoint)
    assert (counters["received"], counters["stored"], counters["duplicates"]) == (240, 120, 120)
    agree = sum(number % 2 == number % 3 % 2 for number in range(60))
    assert caller.pairs(endpoint) == {
        **dict.fromkeys(("requests", "eligible", "complete", "rows"), 60),
        "agree": agree,
        "disagree": 60 - agree,
    }
    assert len(caller.rows(endpoint)) == 60


@pytest.mark.parametrize("skew", [-20 * YEAR, -7 * HOUR, 7 * HOUR, 50 * YEAR])
def test_a_router_whose_clock_is_wrong_is_stored_as_of_now(caller: Caller, skew: float) -> None:
    endpoint = caller.declare()
    now = datetime.now(UTC)
    wrong = time() + skew
    strange = call(
        at=wrong,
        trial=stamp(),
        id=f"{int(wrong):010d}-00000000-0000-4000-8000-000000000000",
    )
    caller.tell(endpoint, strange.answered([{"label": 1, "p": 1}]))
    caller.tell(endpoint, strange.copied([{"label": 1, "p": 1}]))
    near = {
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    (row,) = caller.rows(endpoint, **near)
    assert row["copies"]["v2"]["output"] == 1
    assert caller.pairs(endpoint)["complete"] == 1
    told = caller.send(endpoint, {"id": strange.id, "name": "churned", "value": 1})
    assert told.json()["joined"] == 1


def test_a_request_id_that_all_callers_share_joins_nothing(caller: Caller) -> None:
    endpoint = caller.declare()
    entries = [one for number in range(20) for one in pair(number)]
    for entry in entries:
        entry.request.request_id = b"the same"
        entry.request.request_headers["x-request-id"] = b"the same"
    caller.tell(endpoint, *entries)
    found = caller.rows(endpoint)
    assert sorted(row["row"]["x"] for row in found) == [*range(20)]
    assert caller.pairs(endpoint)["complete"] == 20
