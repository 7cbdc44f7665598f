"""Callers that stay with an arm: each is counted once, for the arm that it was drawn for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contender.recorder import callers
from contender.recorder.model import Drawn
from contender.recorder.store.base import StoreError
from tests.recorder.books import Books
from tests.recorder.told import Call, stamp

YES = [{"label": 1, "p": 0.75}]
SPLIT = {"shares": {"incumbent": 80, "v2": 20}, "copies": {}}
LATER = 3600.0


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def ask(books: Books, who: str, arm: str = "incumbent", **told: Any) -> Call:
    call = Call(trial=stamp(**{**SPLIT, **told}), caller=who, at=books.now)
    books.take(call.answered(YES, arm=arm))
    return call


def drawn(books: Books, experiment: str = "uid-1") -> list[Drawn]:
    """Return what is known some time later."""
    return books.store.drawn(books.endpoint, experiment, int((books.now + LATER) * 1e6))


def test_each_is_counted_once(books: Books) -> None:
    for who, arm in (("ann", "incumbent"), ("bob", "v2"), ("ann", "incumbent"), ("cid", "v2")):
        ask(books, who, arm)
        books.now += 60
    books.start()
    ask(books, "ann")
    assert drawn(books) == [("one", "incumbent", 80, 1), ("one", "v2", 20, 2)]


def test_the_first_request_of_each_is_what_is_known(books: Books) -> None:
    ask(books, "ann")
    first = int(books.now * 1e6)
    books.now += 60
    books.start()
    ask(books, "ann")
    assert books.store.drawn(books.endpoint, "uid-1", first) == []
    assert len(books.store.drawn(books.endpoint, "uid-1", first + 1)) == 1


def test_epochs_are_told_in_the_order_in_which_they_began(books: Books) -> None:
    for epoch in ("two", "one", "three"):
        ask(books, "ann", epoch=epoch)
        books.now += 60
    ask(books, "bob", epoch="two")
    assert [(one[0], one[3]) for one in drawn(books)] == [("two", 2), ("one", 1), ("three", 1)]


def test_who_does_not_say_or_takes_no_part_is_not_counted(books: Books) -> None:
    ask(books, "")
    outside = Call(caller="ann")
    books.take(outside.answered(YES))
    copied = Call(trial=stamp(), caller="bob")
    books.take(copied.copied(YES))
    assert drawn(books) == []
    assert drawn(books, "") == []


def test_only_a_keyed_hash_is_kept(books: Books) -> None:
    ask(books, "ann@example.com")
    path = Path(books.store._connection.where)  # type: ignore[attr-defined]
    kept = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    assert b"ann@example.com" not in kept


def test_who_is_erased_is_forgotten(books: Books) -> None:
    ask(books, "ann")
    ask(books, "bob")
    plan = books.plans.get(books.endpoint)
    assert plan
    books.store.erase(books.endpoint, plan.pseudonym("ann"))
    assert drawn(books) == [("one", "incumbent", 80, 1)]


def test_who_came_long_ago_is_forgotten(books: Books) -> None:
    ask(books, "ann")
    books.now += 31 * 24 * 3600
    ask(books, "bob")
    books.later(1)
    assert drawn(books) == [("one", "incumbent", 80, 1)]


def test_so_many_are_enough(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MOST", 12)
    for number in range(40):
        books.now += 60
        call = ask(books, f"caller {number}")
        books.send({"id": call.id, "name": "churned", "value": 1})
    found = drawn(books)[0][3]
    assert 12 <= found < 40  # looks tell when it is enough
    ask(books, "another one")
    assert drawn(books)[0][3] == found
    ask(books, "another one", epoch="two")
    assert drawn(books)[1] == ("two", "incumbent", 80, 1)


def test_what_was_not_stored_is_noted_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(books.store, "write", fail)
        ask(books, "ann")
    assert drawn(books) == []
    ask(books, "ann")
    assert drawn(books) == [("one", "incumbent", 80, 1)]


def test_looks_tell_how_callers_were_drawn(books: Books) -> None:
    for number in range(20):
        books.now += 60
        call = ask(books, f"caller {number}", "v2" if number % 4 == 0 else "incumbent")
        books.send({"id": call.id, "name": "churned", "value": 1})
    first, *_, last = books.looks()
    assert sum(one["callers"] for one in first["drawn"]) < sum(
        one["callers"] for one in last["drawn"]
    )
    shares = {(one["epoch"], one["arm"]): one["share"] for one in last["drawn"]}
    assert shares == {("one", "incumbent"): 80, ("one", "v2"): 20}
