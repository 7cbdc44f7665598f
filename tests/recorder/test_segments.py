"""Segments: sums of parts of the rows, beside those of all."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contender.recorder.joining.sums import ARM, PAIR
from tests.recorder.books import SPEC, Books, plan
from tests.recorder.told import Call, stamp

OLD = {"name": "old", "at": "/age", "atLeast": 65}
ROWS: dict[str, Any] = {**SPEC["rows"], "segments": [OLD]}
YES, NO = {"label": 1, "p": 0.75}, {"label": 0, "p": 0.25}


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path, rows=ROWS, capture={"keep": []})
    yield found
    found.store.close()


def found(books: Books, kind: str = "pair", arm: str = "v2") -> dict[str, dict[str, float]]:
    """Return the sums of wrong answers by the name of the segment."""
    names = ARM if kind == "arm" else PAIR
    return {
        key.segment.partition("-")[0]: dict(zip(names, array("d", data), strict=False))
        for key, data, _ in books.store.statistics()
        if (key.kind, key.arm, key.feedback, key.loss) == (kind, arm, "churned", "ZeroOne")
    }


def record(books: Books, *ages: int, wrong: bool = False) -> Call:
    """Record a request of so many rows; the challenger is wrong about those of 65 and more."""
    call = Call(trial=stamp(), rows=[{"age": age} for age in ages])
    theirs = [NO if age >= 65 and not wrong else YES for age in ages]
    books.take(call.answered([YES] * len(ages)), call.copied(theirs))
    books.send(
        *({"id": f"{call.id}/{row}", "name": "churned", "value": 1} for row in range(len(ages)))
    )
    return call


def test_rows_are_counted_among_all_and_among_their_segments(books: Books) -> None:
    record(books, 30, 65, 80)
    record(books, 20)
    pairs, arm = found(books), found(books, "arm")
    assert (pairs[""]["n"], pairs[""]["worse"]) == (4, 2)
    assert (pairs["old"]["n"], pairs["old"]["worse"]) == (2, 2)
    assert (arm["old"]["n"], arm["old"]["sum"]) == (2, 2)
    assert found(books, "arm", "incumbent")["old"]["sum"] == 0


def test_a_truth_that_is_corrected_is_corrected_in_segments_too(books: Books) -> None:
    call = record(books, 70, 70)
    books.now += 60
    books.send({"id": f"{call.id}/1", "name": "churned", "value": 0})
    assert found(books)["old"]["worse"] == 1
    assert found(books)["old"]["better"] == 1


def test_rows_of_another_definition_are_not_mixed(books: Books) -> None:
    record(books, 70)
    books.declare(plan(rows={**ROWS, "segments": [{**OLD, "atLeast": 75}]}))
    record(books, 70, 80)
    counted = [
        array("d", data)[0]
        for key, data, _ in books.store.statistics()
        if key.kind == "pair" and key.loss == "ZeroOne" and key.segment
    ]
    assert counted == [1, 1]
    assert found(books)[""]["n"] == 3


def test_looks_tell_them_but_are_not_taken_for_them(books: Books, tmp_path: Path) -> None:
    for _ in range(10):
        record(books, 30, 70)
    looks = books.looks()
    told = {
        (one["segment"].partition("-")[0], one["n"])
        for one in looks[-1]["means"]
        if (one["kind"], one["loss"]) == ("pair", "ZeroOne")
    }
    assert {name for name, _ in told} == {"", "old"}
    both = dict(told)
    assert both[""] == 2 * both["old"]
    (tmp_path / "other").mkdir()
    without = Books(tmp_path / "other", rows=SPEC["rows"])
    for _ in range(10):
        record(without, 30, 70)
    assert [one["total"] for one in without.looks()] == [one["total"] for one in looks]
    without.store.close()
