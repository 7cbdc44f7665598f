"""Feedback: truths that arrive late, twice, in any order, for one row of many."""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from math import log
from pathlib import Path
from typing import Any

import pytest

from contender.recorder.model import Selection
from tests.recorder.books import Books, plan
from tests.recorder.told import NOW, Call, stamp


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def yes(score: float = 0.9) -> dict[str, Any]:
    return {"label": 1, "p": score}


def no(score: float = 0.2) -> dict[str, Any]:
    return {"label": 0, "p": score}


def label(call: Call, value: Any, row: int | None = None, **more: Any) -> dict[str, Any]:
    place = "" if row is None else f"/{row}"
    return {"id": f"{call.id}{place}", "name": "churned", "value": value, **more}


def pair(books: Books, challenger: Any = None, **call: Any) -> Call:
    """Record a request that the incumbent answers right if the truth is 1."""
    found = Call(trial=stamp(), **call)
    books.take(found.answered([yes()]), found.copied([no()] if challenger is None else challenger))
    return found


def test_a_label_judges_both_arms(books: Books) -> None:
    call = pair(books)
    assert [one.status for one in books.send(label(call, 1))] == [200]
    pairs = books.sums("pair", "v2", "churned", "ZeroOne")
    assert (pairs["n"], pairs["incumbent"], pairs["challenger"], pairs["worse"]) == (1, 0, 1, 1)
    brier = books.sums("pair", "v2", "churned", "Brier")
    assert brier["difference"] == pytest.approx(0.8**2 - 0.1**2)
    logs = books.sums("arm", "v2", "churned", "LogLoss")
    assert logs["sum"] == pytest.approx(-log(0.2))
    assert sum(n for n, _ in books.buckets("pair", "v2", "churned", "ZeroOne")) == 1


@pytest.mark.parametrize("spelling", [1, "1", 1.0])
def test_a_class_may_be_spelled_as_number_or_text(books: Books, spelling: Any) -> None:
    books.send(label(pair(books), spelling))
    assert books.sums("pair", "v2", "churned", "ZeroOne")["incumbent"] == 0


def test_what_is_sent_twice_counts_once(books: Books) -> None:
    call = pair(books)
    for _ in range(3):
        books.send(label(call, 1), label(call, 1))
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1
    assert books.counter("feedback") == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_truths_the_later_one_counts_in_whatever_order_they_come(
    books: Books, order: tuple[int, int]
) -> None:
    call = pair(books)
    truths = [
        label(call, 1, at="2026-01-01T00:00:00Z"),
        label(call, 0, at="2026-01-02T00:00:00Z"),
    ]
    for index in order:
        books.send(truths[index])
    found = books.sums("pair", "v2", "churned", "ZeroOne")
    assert (found["n"], found["incumbent"], found["challenger"]) == (1, 1, 0)


def test_a_truth_that_comes_before_the_answers_waits_for_them(books: Books) -> None:
    call = Call(trial=stamp())
    (told,) = books.send(label(call, 1))
    assert told.status == 202
    assert books.counter("feedbackWaiting") == 1
    books.take(call.copied([no()]))
    books.take(call.answered([yes()]))
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1
    assert books.counter("feedbackWaiting") == 0


def test_a_truth_without_a_row_is_about_the_only_one_or_about_none(books: Books) -> None:
    single, double = Call(trial=stamp()), Call(trial=stamp(), rows=[{"x": 1}, {"x": 2}])
    assert [one.status for one in books.send(label(single, 1), label(double, 1))] == [202, 202]
    books.take(single.answered([yes()]), double.answered([yes(), yes()]))
    labelled = [row["id"] for row in books.rows("churned")]
    assert labelled == [f"{single.id}/0"]
    assert books.sums("arm", "incumbent", "churned", "ZeroOne")["n"] == 1
    books.send(label(single, 1))
    assert books.sums("arm", "incumbent", "churned", "ZeroOne")["n"] == 1


def test_who_judges_otherwise_begins_new_sums_and_counts_nothing_twice(books: Books) -> None:
    old, later = pair(books), pair(books)
    books.send(label(old, 1))
    rows = {"preset": "V1", "output": "/label", "task": "Multiclass"}
    books.declare(plan(rows=rows))
    books.send(label(later, 1), label(old, 0, at="2026-09-21T14:15:00Z"))
    by_judge = {
        key.judge: array("d", data)[:3].tolist()
        for key, data, _ in books.store.statistics()
        if (key.kind, key.arm, key.loss) == ("arm", "incumbent", "ZeroOne")
    }
    assert sorted(by_judge.values()) == [[1, 0, 0], [2, 1, 1]]


def test_truths_of_unknown_predictions_are_forgotten_after_a_day(books: Books) -> None:
    call = Call(trial=stamp())
    books.send(label(call, 1))
    books.later(25 * 3600)
    assert books.counter("feedbackUnmatched") == 1
    assert books.counter("feedbackWaiting") == 0
    call.at = books.now
    books.take(call.answered([yes()]), call.copied([no()]))
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 0


def test_each_row_of_a_batch_has_its_own_truth(books: Books) -> None:
    call = Call(trial=stamp(), rows=[{"x": 1}, {"x": 2}, {"x": 3}])
    books.take(call.answered([yes(), yes(), no()]), call.copied([yes(), no(), no()]))
    told = books.send(label(call, 1, 0), label(call, 0, 1), label(call, 1, 2), label(call, 1, 3))
    assert [one.status for one in told] == [200, 200, 200, 422]
    assert "rows 0 to 2" in told[3].message
    (ambiguous,) = books.send(label(call, 1))
    assert ambiguous.status == 422
    found = books.sums("pair", "v2", "churned", "ZeroOne")
    assert (found["n"], found["incumbent"], found["challenger"]) == (3, 2, 1)
    assert [row["feedback"]["churned"]["value"] for row in books.rows()] == [1, 0, 1]


def test_a_failed_challenger_is_wrong_about_every_row(books: Books) -> None:
    call = Call(trial=stamp(), rows=[{"x": 1}, {"x": 2}])
    books.take(call.answered([yes(), yes()]), call.copied(b"", code=500))
    books.send(label(call, 1, 0), label(call, 1, 1))
    found = books.sums("pair", "v2", "churned", "ZeroOne")
    assert (found["n"], found["challenger"], found["incumbent"]) == (2, 2, 0)


def test_a_missing_half_makes_no_pair(books: Books) -> None:
    call = Call(trial=stamp())
    books.take(call.answered([yes()]))
    books.take(call.copied(b"", code=503, flags=["upstream_overflow"]))
    books.send(label(call, 1))
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 0
    assert books.sums("arm", "incumbent", "churned", "ZeroOne")["n"] == 1


def test_a_reward_judges_the_arm_that_was_served_alone(books: Books) -> None:
    split = stamp(copies={"v2": ["incumbent"]}, shares={"incumbent": 50, "v2": 50, "v3": 0})
    call = Call(trial=split)
    books.take(call.answered([yes()], arm="v2"), call.copied([no()], arm="incumbent"))
    books.send({"id": str(call.id), "name": "gain", "value": 12.5})
    assert books.sums("arm", "v2", "gain", "Value")["sum"] == 12.5
    assert books.sums("arm", "incumbent", "gain", "Value")["n"] == 0
    assert books.sums("pair", "v2", "gain", "Value")["n"] == 0


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no name": ({"id": "x", "value": 1}, 400, "name"),
    "a strange field": ({"id": "x", "name": "churned", "value": 1, "label": 2}, 400, "label"),
    "not declared": ({"id": Call().id, "name": "other", "value": 1}, 404, "churned, gain"),
    "no place": ({"name": "churned", "value": 1}, 400, "either id, or key and time"),
    "two places": ({"id": "x", "key": "k", "name": "churned", "value": 1}, 400, "either id"),
    "no uuid": ({"id": "x", "name": "churned", "value": 1}, 400, "no prediction id"),
    "no row": ({"id": f"{Call().id}/x", "name": "churned", "value": 1}, 400, "no row"),
    "a key without a time": ({"key": "k", "name": "churned", "value": 1}, 400, "time"),
    "no time zone": (
        {"key": "k", "time": "2026-01-01T00:00:00", "name": "churned", "value": 1},
        400,
        "time zone",
    ),
    "the future": (
        {"id": Call().id, "at": "2099-01-01T00:00:00Z", "name": "churned", "value": 1},
        400,
        "future",
    ),
    "the beginning of time": (
        {"id": Call().id, "at": "0001-01-01T00:00:00+14:00", "name": "churned", "value": 1},
        400,
        "before 1970",
    ),
    "null": ({"id": Call().id, "name": "churned", "value": None}, 400, "value"),
    "a list": ({"id": Call().id, "name": "churned", "value": [1]}, 400, "value"),
    "a text as reward": (
        {"id": Call().id, "name": "gain", "value": "much"},
        422,
        "must be a number",
    ),
    "a long text": ({"id": Call().id, "name": "churned", "value": "x" * 300}, 422, "256"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_by_itself_and_the_rest_is_taken(books: Books, case: str) -> None:
    item, status, why = BAD[case]
    call = pair(books)
    told = books.send(label(call, 1), item, label(call, 1))
    assert [one.status for one in told] == [200, status, 200]
    assert why in told[1].message


@pytest.mark.parametrize("item", [None, 3, "text", [], [1]])
def test_what_is_no_object_is_refused(books: Books, item: Any) -> None:
    (told,) = books.send(item)
    assert told.status == 400


def keyed(key: Any, seconds: float, value: Any = 1, **more: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(NOW + seconds, UTC).isoformat()
    return {"key": key, "time": moment, "name": "churned", "value": value, **more}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Books]:
    rows = {
        "preset": "V1",
        "output": "/label",
        "score": "/p",
        "task": "Binary",
        "positiveClass": "1",
        "key": "/order",
    }
    found = Books(tmp_path, rows=rows)
    yield found
    found.store.close()


def order_of(number: Any, seconds: float = 0) -> Call:
    return Call(trial=stamp(), rows=[{"order": number, "x": 1}], at=NOW + seconds)


def test_a_warehouse_knows_rows_by_key_and_time(shop: Books) -> None:
    first, second = order_of("A-1", -600), order_of("A-1", -300)
    for call in (first, second):
        shop.take(call.answered([yes()]), call.copied([no()]))
    told = shop.send(
        keyed("A-1", -400), keyed("A-1", -100, 0), keyed("A-1", -700), keyed("B", -100)
    )
    assert [one.status for one in told] == [200, 200, 202, 202]
    values = {row["id"]: row["feedback"].get("churned", {}).get("value") for row in shop.rows()}
    assert values == {f"{first.id}/0": 1, f"{second.id}/0": 0}
    stored = b"".join(one.request or b"" for each in _found(shop) for one in each.answers)
    assert b"A-1" not in stored


def test_a_key_may_be_a_number_or_text(shop: Books) -> None:
    call = order_of(17, -600)
    shop.take(call.answered([yes()]))
    assert shop.send(keyed("17", -300))[0].status == 200


def test_a_row_is_only_known_by_key_once_all_answers_of_that_time_have_come(shop: Books) -> None:
    (told,) = shop.send(keyed("A-1", -10))
    assert told.status == 202
    late = order_of("A-1", -20)
    shop.take(late.answered([yes()]), late.copied([no()]))
    shop.later(30)
    assert shop.sums("pair", "v2", "churned", "ZeroOne")["n"] == 0
    shop.later(30)
    assert shop.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1
    shop.start()
    shop.later(30)
    assert shop.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1
    assert shop.store.waiting() == []


def test_a_key_that_waits_is_found_by_the_next_process_too(shop: Books) -> None:
    shop.send(keyed("A-1", -100))
    shop.start()
    late = order_of("A-1", -200)
    shop.take(late.answered([yes()]), late.copied([no()]))
    shop.later(10)
    assert shop.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_truths_that_wait_for_a_key_the_later_one_counts(
    shop: Books, order: tuple[int, int], together: bool
) -> None:
    truths = [
        keyed("A-1", -100, 1, at="2026-01-01T00:00:00Z"),
        keyed("A-1", -100, 0, at="2026-01-02T00:00:00Z"),
    ]
    sent = [truths[index] for index in order]
    for items in [sent] if together else [[one] for one in sent]:
        assert {one.status for one in shop.send(*items)} == {202}
    shop.start()
    call = order_of("A-1", -200)
    shop.take(call.answered([yes()]), call.copied([no()]))
    shop.later(10)
    found = shop.sums("pair", "v2", "churned", "ZeroOne")
    assert (found["n"], found["incumbent"]) == (1, 1)
    assert shop.store.waiting() == []


def _found(books: Books) -> list[Any]:
    return [one for page in books.store.scan(Selection(books.endpoint)) for one in page]
