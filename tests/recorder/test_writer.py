"""The writer: what comes is stored once, whatever the store or a defect does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contender.recorder import writer
from contender.recorder.feedback import understand
from contender.recorder.store.base import StoreError
from contender.recorder.store.sqlite import SqliteStore
from contender.recorder.submissions import NotStored, Submission
from tests.recorder.books import Books, Moody
from tests.recorder.told import Call, stamp, taken

YES = [{"label": 1, "p": 0.75}]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    found = Moody(SqliteStore.open(tmp_path / "recorder.sqlite"))
    yield found
    found.store.close()


@pytest.fixture
def books(tmp_path: Path, store: Moody) -> Books:
    found: Any = store
    return Books(tmp_path, store=found)


def run(books: Books) -> None:
    books.writer.stop()
    books.writer.run(patience=60)


@pytest.mark.parametrize("moods", [["before"], ["after"], ["before", "after", "before", "after"]])
def test_what_came_is_counted_once_whenever_the_store_fails(
    books: Books, store: Moody, moods: list[str]
) -> None:
    calls = [Call(trial=stamp()) for _ in range(3)]
    store.moods = moods
    for call in calls:
        books.intake.offer(taken(books.endpoint, call.answered(YES), call.copied(YES)))
    run(books)
    assert books.counts() == {
        "requests": 3,
        "eligible": 3,
        "complete": 3,
        "rows": 3,
        "agree": 3,
    }
    assert len(books.rows()) == 3
    assert books.counter("received") == 6
    assert books.writer.trouble == ""


def test_feedback_that_may_not_be_stored_is_not_acknowledged(books: Books, store: Moody) -> None:
    call = Call(trial=stamp())
    books.take(call.answered(YES), call.copied(YES))
    store.moods = ["before"]
    told: list[Any] = []
    for _ in range(2):
        item = {"id": call.id, "name": "churned", "value": 1}
        plan = books.plans.get(books.endpoint)
        assert plan
        truths: Any = understand(plan, [item], _now(books))
        books.writer.submit(Submission(books.endpoint, truths, told.append))
        run(books)
    assert isinstance(told[0], NotStored)
    assert [one.status for one in told[1]] == [200]
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1


def test_a_store_that_fails_for_too_long_is_given_up_when_stopping(
    books: Books, store: Moody
) -> None:
    store.moods = ["before"] * 1000
    books.intake.offer(taken(books.endpoint, Call().answered(YES)))
    books.writer.stop()
    books.writer.run(patience=0)
    assert "disk is full" in books.writer.trouble


def test_a_defect_concerns_only_the_message_that_shows_it(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = books.plans.get(books.endpoint)
    assert plan
    real = plan.reader.request

    def defective(body: Any) -> Any:
        if b"666" in body.raw:
            raise RuntimeError("a defect")
        return real(body)

    monkeypatch.setattr(plan.reader, "request", defective)
    for x in (1, 666, 3):
        books.intake.offer(taken(books.endpoint, Call(rows=[{"x": x}]).answered(YES)))
    run(books)
    assert sorted(row["row"]["x"] for row in books.rows()) == [1, 3]
    books.take(Call().answered(YES))
    assert books.counter("broken") == 1


def test_an_errand_that_fails_hinders_nothing(books: Books) -> None:
    def fails() -> None:
        raise RuntimeError("a defect")

    books.writer.errand(fails)
    books.take(Call().answered(YES))
    assert len(books.rows()) == 1
    assert books.counter("broken") == 0


def test_an_errand_that_the_store_refuses_is_tried_again(books: Books) -> None:
    tries: list[int] = []

    def refused_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise StoreError("not now")

    books.writer.errand(refused_once)
    books.intake.offer(taken(books.endpoint, Call().answered(YES)))
    run(books)
    assert len(tries) == 2
    assert len(books.rows()) == 1


def _now(books: Books) -> datetime:
    return datetime.fromtimestamp(books.now, UTC)
