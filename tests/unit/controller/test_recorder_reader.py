"""What the operator makes of the counters of recorder and routers."""

from typing import Any

import pytest

from contender.controller.recorder import RecorderReader
from contender.controller.recorder_client import RecorderClient
from contender.core.capturing import CaptureReport

KEY = ("shop", "churn")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def woken() -> list[Any]:
    return []


@pytest.fixture
def reader(clock: Clock, woken: list[Any]) -> RecorderReader:
    return RecorderReader(RecorderClient("recorder.svc"), woken.append, clock)


def page(uid: str = "u", trouble: str = "", **counters: int) -> dict[str, Any]:
    one = {"namespace": "shop", "name": "churn", "uid": uid, "counters": counters}
    return {"trouble": trouble, "endpoints": [one]}


def report(reader: RecorderReader) -> CaptureReport:
    found = reader.report(KEY)
    assert found
    return found


def test_a_recorder_that_has_not_answered_says_nothing(reader: RecorderReader) -> None:
    assert reader.report(KEY) is None


def test_an_answer_is_worth_nothing_after_a_minute(reader: RecorderReader, clock: Clock) -> None:
    reader.take(page(received=1))
    clock.now += 59
    assert reader.report(KEY)
    clock.now += 2
    assert reader.report(KEY) is None


def test_only_what_happened_in_the_last_minutes_is_told(
    reader: RecorderReader, clock: Clock
) -> None:
    reader.take(page(received=100, dropped=50))
    assert (report(reader).received, report(reader).ever) == (0, True)
    clock.now += 15
    reader.take(page(received=130, dropped=50, requestUnreadNOT_JSON=7, answerUnreadNO_ROWS=2))
    found = report(reader)
    assert (found.received, found.dropped, found.unread) == (30, 0, 9)
    assert found.why_unread == "NOT_JSON"
    for _ in range(20):
        clock.now += 15
        reader.take(page(received=130, dropped=50, requestUnreadNOT_JSON=7, answerUnreadNO_ROWS=2))
    assert (report(reader).received, report(reader).unread) == (0, 0)


@pytest.mark.parametrize("seconds_before_the_answer", [0, 1, 4])
def test_what_routers_sent_just_now_is_not_missing_yet(
    reader: RecorderReader, clock: Clock, seconds_before_the_answer: int
) -> None:
    reader.take(page(received=0))
    reader.note_routers(KEY, 0, 0)
    clock.now += 60 - seconds_before_the_answer
    reader.note_routers(KEY, 10, 0)
    clock.now += seconds_before_the_answer
    reader.take(page(received=0))
    assert report(reader).sent == 0


def test_what_routers_sent_before_and_nobody_got_is_missing(
    reader: RecorderReader, clock: Clock
) -> None:
    reader.take(page(received=0))
    reader.note_routers(KEY, 0, 0)
    clock.now += 30
    reader.note_routers(KEY, 10, 3)
    clock.now += 15
    reader.take(page(received=0))
    assert (report(reader).sent, report(reader).undelivered) == (10, 3)


def test_routers_that_began_anew_sent_nothing_negative(
    reader: RecorderReader, clock: Clock
) -> None:
    reader.take(page(received=0))
    reader.note_routers(KEY, 1000, 0)
    clock.now += 30
    reader.note_routers(KEY, 5, 0)
    clock.now += 15
    reader.take(page(received=0))
    assert report(reader).sent == 0


def test_a_new_modeldeployment_of_the_same_name_has_a_history_of_its_own(
    reader: RecorderReader, clock: Clock
) -> None:
    reader.take(page(received=1000))
    clock.now += 15
    reader.take(page("other", received=3))
    assert report(reader).received == 0


def test_an_endpoint_is_looked_at_again_when_something_else_is_to_be_told(
    reader: RecorderReader, clock: Clock, woken: list[Any]
) -> None:
    reader.take(page(received=0))
    report(reader)
    clock.now += 15
    reader.take(page(received=0))
    reader.wake_those_concerned()
    assert woken == []
    clock.now += 15
    reader.take(page(received=3))
    reader.wake_those_concerned()
    assert woken == [KEY]
    reader.wake_those_concerned()
    assert woken == [KEY], "once is enough"
