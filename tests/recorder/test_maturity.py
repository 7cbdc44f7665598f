"""Maturity: truths count once their requests are old enough, once, and whatever happens then."""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contender.recorder import upkeep, writer
from contender.recorder.model import Batch
from contender.recorder.store.sqlite import SqliteStore
from tests.recorder.books import Books, Moody, plan
from tests.recorder.told import NOW, Call, stamp

HOUR = 3600
LATE = [{"name": "churned", "kind": "Label", "delay": "24h"}]
YES, NO = [{"label": 1, "p": 0.75}], [{"label": 0, "p": 0.25}]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path, feedback=LATE)
    yield found
    found.store.close()


def pair(books: Books, **call: Any) -> Call:
    """Record a request that the incumbent answers right if the truth is 1."""
    found = Call(**{"trial": stamp(), "at": books.now, **call})
    books.take(found.answered(YES), found.copied(NO))
    return found


def label(call: Call, value: int, **more: Any) -> dict[str, Any]:
    return {"id": call.id, "name": "churned", "value": value, **more}


def counted(books: Books) -> tuple[float, float, float]:
    """Return how many pairs count, and how many times each arm was wrong."""
    found = books.sums("pair", "v2", "churned", "ZeroOne")
    return found["n"], found["incumbent"], found["challenger"]


def test_a_truth_counts_once_its_request_is_old_enough(books: Books) -> None:
    books.send(label(pair(books), 1))
    books.later(24 * HOUR - 10)
    assert counted(books) == (0, 0, 0)
    books.later(10)
    assert counted(books) == (1, 0, 1)
    books.later(24 * HOUR)
    assert counted(books) == (1, 0, 1)


def test_the_hours_count_it_at_once(books: Books) -> None:
    books.send(label(pair(books), 1))
    metrics = {key.metric for key, _ in books.store.hours(books.endpoint, 0, 2**40)}
    assert {"loss", "labelled"} <= metrics


def test_a_truth_about_a_request_that_is_old_enough_counts_at_once(books: Books) -> None:
    call = pair(books)
    books.later(25 * HOUR)
    books.send(label(call, 1))
    assert counted(books) == (1, 0, 1)
    books.now += 1
    books.send(label(call, 0))
    assert counted(books) == (1, 1, 0)


def test_of_what_came_early_the_last_truth_counts(books: Books) -> None:
    call = pair(books)
    books.send(label(call, 1, at="2026-01-01T00:00:00Z"))
    books.send(label(call, 0, at="2026-01-02T00:00:00Z"))
    books.later(25 * HOUR)
    assert counted(books) == (1, 1, 0)


def test_an_answer_that_comes_after_its_request_is_old_enough_counts_at_once(
    tmp_path: Path,
) -> None:
    books = Books(tmp_path, feedback=[{**LATE[0], "delay": "30s"}])
    first, call = pair(books), Call(trial=stamp())
    books.take(call.answered(YES))
    books.send(label(first, 1), label(call, 1))
    books.later(60)
    assert counted(books) == (1, 0, 1)
    books.take(call.copied(NO))
    assert counted(books) == (2, 0, 2)
    books.store.close()


def test_of_requests_that_are_not_old_enough_nothing_is_known_but_pairs(books: Books) -> None:
    books.send(label(pair(books), 1))
    assert {key.kind for key, _, _ in books.store.statistics()} == {"pairs"}
    assert books.counts()["complete"] == 1


@pytest.mark.parametrize("restart", ["before", "after", "both"])
def test_a_restart_counts_nothing_twice_and_loses_nothing(books: Books, restart: str) -> None:
    calls = [pair(books) for _ in range(3)]
    books.send(*(label(one, 1) for one in calls[:2]))
    if restart != "after":
        books.start()
    books.later(25 * HOUR)
    if restart != "before":
        books.start()
    books.later(25 * HOUR)
    books.send(label(calls[2], 1))
    assert counted(books) == (3, 0, 3)


def test_what_became_old_enough_while_no_recorder_ran_counts_afterwards(books: Books) -> None:
    early, late = pair(books), None
    books.send(label(early, 1))
    books.now += 20 * HOUR
    late = pair(books)
    books.send(label(late, 0))
    books.now += 90 * HOUR
    books.start()
    books.later(0)
    assert counted(books) == (2, 1, 1)


@pytest.mark.parametrize("at", ["one moment", "several"])
def test_many_are_counted_a_portion_at_a_time(
    books: Books, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "PORTION", 3)
    batches: list[Batch] = []
    write = books.store.write

    def listen(batch: Batch) -> None:
        batches.append(batch)
        write(batch)

    calls = [pair(books, at=NOW + (number if at == "several" else 0)) for number in range(10)]
    pair(books, trial=b"")
    books.send(*(label(one, 1) for one in calls))
    books.later(23 * HOUR)
    monkeypatch.setattr(books.store, "write", listen)
    books.later(2 * HOUR)
    assert counted(books) == (10, 0, 10)
    batches = [one for one in batches if one.statistics]
    assert len(batches) == (1 if at == "one moment" else 6)
    assert all(one.notes for one in batches)


@pytest.mark.parametrize("moods", [["before"], ["after"], ["before", "before", "after"]])
@pytest.mark.parametrize("when", ["first", "mature"])
def test_it_is_counted_once_whenever_the_store_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moods: list[str], when: str
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    store: Any = Moody(SqliteStore.open(tmp_path / "recorder.sqlite"))
    books = Books(tmp_path, store=store, feedback=LATE)
    monkeypatch.setattr(books, "run", lambda: _patiently(books))
    if when == "first":
        store.moods = [*moods]
    calls = [pair(books) for _ in range(3)]
    books.send(*(label(one, 1) for one in calls[:2]))
    if when == "mature":
        store.moods = [*moods]
    books.later(25 * HOUR)
    assert counted(books) == (2, 0, 2)
    assert books.sums("arm", "v2", "churned", "Labelled")["sum"] == 2
    books.send(label(calls[2], 1))
    assert store.moods == []
    assert counted(books) == (3, 0, 3)
    labelled = books.sums("arm", "v2", "churned", "Labelled")
    assert (labelled["n"], labelled["sum"]) == (3, 3)
    store.close()


def _patiently(books: Books) -> None:
    books.writer.stop()
    books.writer.run(patience=60)


def test_a_defect_at_one_endpoint_holds_up_no_other(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = books.declare(plan("other", feedback=LATE))
    bad, good = pair(books), Call(trial=stamp(experiment="uid-2"))
    books.take(good.answered(YES), good.copied(NO), endpoint=other)
    books.send(label(bad, 1))
    books.send(label(good, 1), endpoint=other)
    found = books.plans.get(books.endpoint)
    assert found

    def defective(name: str, value: str) -> object:
        raise RuntimeError("a defect")

    monkeypatch.setitem(found.judge.__dict__, "truth", defective)
    books.later(25 * HOUR)
    books.later(HOUR)
    sums = {key.endpoint: key for key, _, _ in books.store.statistics() if key.kind == "pair"}
    assert set(sums) == {other}
    monkeypatch.delitem(found.judge.__dict__, "truth")
    books.start()
    books.later(0)
    assert {key.endpoint for key, _, _ in books.store.statistics() if key.kind == "pair"} == {
        books.endpoint,
        other,
    }


def test_who_judges_otherwise_counts_what_becomes_old_enough_under_it(books: Books) -> None:
    early = pair(books)
    books.later(20 * HOUR)
    late = pair(books)
    books.send(label(early, 1), label(late, 1))
    books.later(10 * HOUR)
    rows = {"preset": "V1", "output": "/label", "task": "Multiclass"}
    books.declare(plan(rows=rows, feedback=LATE))
    books.later(10)
    books.later(30 * HOUR)
    by_judge = sorted(
        array("d", data)[0]
        for key, data, _ in books.store.statistics()
        if (key.kind, key.loss) == ("pair", "ZeroOne")
    )
    assert by_judge == [1, 1]


def test_feedbacks_have_delays_of_their_own(tmp_path: Path) -> None:
    feedback = [
        {"name": "churned", "kind": "Label", "delay": "2h"},
        {"name": "left", "kind": "Label", "delay": "1h"},
        {"name": "seen", "kind": "Label"},
        {"name": "heard", "kind": "Label", "delay": "1h"},
    ]
    books = Books(tmp_path, feedback=feedback)
    call = pair(books)
    books.send(*({"id": call.id, "name": one["name"], "value": 1} for one in feedback))

    def known() -> list[str]:
        names = [one["name"] for one in feedback]
        return [one for one in names if books.sums("pair", "v2", one, "ZeroOne")["n"]]

    assert known() == ["seen"]
    books.later(HOUR)
    assert known() == ["left", "seen", "heard"]
    books.later(HOUR)
    assert known() == ["churned", "left", "seen", "heard"]
    books.store.close()


def test_marks_are_no_counters(books: Books) -> None:
    pair(books)
    books.later(25 * HOUR)
    kept = {name for _, name in books.store.counters()}
    assert any(name.startswith("mature/") for name in kept)
    for _ in range(2):
        shown = {name for _, name in books.writer.ledger.counters()}
        assert shown
        assert not any("/" in name for name in shown)
        books.start()


def test_without_an_experiment_nothing_is_noted(books: Books) -> None:
    call = Call()
    books.take(call.answered(YES))
    books.send(label(call, 1))
    books.later(25 * HOUR)
    assert not any("/" in name for _, name in books.store.counters())


def test_where_nothing_becomes_old_enough_nothing_is_written(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(books)
    books.later(25 * HOUR)
    written: list[Batch] = []
    monkeypatch.setattr(books.store, "write", written.append)
    for _ in range(5):
        books.later(60)
    assert written == []


def test_a_truth_by_key_waits_for_the_same_moment(tmp_path: Path) -> None:
    rows = {"preset": "V1", "output": "/label", "task": "Multiclass", "key": "/order"}
    books = Books(tmp_path, rows=rows, feedback=LATE)
    pair(books, rows=[{"order": "A-1"}])
    moment = datetime.fromtimestamp(NOW + 5, UTC).isoformat()
    books.later(120)
    books.send({"key": "A-1", "time": moment, "name": "churned", "value": 1})
    assert counted(books)[0] == 0
    books.later(25 * HOUR)
    assert counted(books)[0] == 1
    books.store.close()
