"""Pairs: both answers to one request, and what it means when one is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contender.recorder.als_pb2 import Entry
from tests.recorder.books import Books, plan
from tests.recorder.told import Call, stamp


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def yes(score: float = 0.9) -> dict[str, Any]:
    return {"label": 1, "p": score}


def no(score: float = 0.2) -> dict[str, Any]:
    return {"label": 0, "p": score}


def shadowed(**call: Any) -> Call:
    return Call(trial=stamp(), **call)


COMPLETE = {"requests": 1, "eligible": 1, "complete": 1}
MISSING = {"requests": 1, "eligible": 1}

CALL = shadowed()
SITUATIONS: dict[str, tuple[list[Entry], dict[str, int]]] = {
    "both agree": (
        [CALL.answered([yes()]), CALL.copied([yes()])],
        {**COMPLETE, "rows": 1, "agree": 1},
    ),
    "they differ": (
        [CALL.answered([yes()]), CALL.copied([no()])],
        {**COMPLETE, "rows": 1, "disagree": 1},
    ),
    "the copy comes first": (
        [CALL.copied([yes()]), CALL.answered([yes()])],
        {**COMPLETE, "rows": 1, "agree": 1},
    ),
    "the challenger answers 500: that is its answer": (
        [CALL.answered([yes()]), CALL.copied(b"", code=500)],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "the challenger is too late: that is its answer": (
        [
            CALL.answered([yes()]),
            CALL.copied(b"", code=504, flags=["upstream_request_timeout"]),
        ],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "the challenger refuses what the incumbent answers": (
        [CALL.answered([yes()]), CALL.copied(b"", code=400)],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "both refuse: the caller was wrong": (
        [CALL.answered(b"", code=422), CALL.copied(b"", code=400)],
        {**COMPLETE, "refused": 1},
    ),
    "the incumbent fails alone": (
        [CALL.answered(b"", code=503), CALL.copied([yes()])],
        {**COMPLETE, "failedIncumbent": 1},
    ),
    "both fail": (
        [CALL.answered(b"", code=503), CALL.copied(b"", code=500)],
        {**COMPLETE, "failedBoth": 1},
    ),
    "the challenger answers something else": (
        [CALL.answered([yes()]), CALL.copied(b"hello")],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "the challenger answers for one row too many": (
        [CALL.answered([yes()]), CALL.copied([yes(), yes()])],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "a score that is no probability": (
        [CALL.answered([yes()]), CALL.copied([yes(1.5)])],
        {**COMPLETE, "failedChallenger": 1},
    ),
    "the router had no room for the copy": (
        [CALL.answered([yes()]), CALL.copied(b"", code=503, flags=["upstream_overflow"])],
        {**MISSING, "overflow": 1},
    ),
    "the caller went away before the incumbent answered": (
        [
            CALL.answered(b"", code=0, flags=["downstream_connection_termination"]),
            CALL.copied([yes()]),
        ],
        {**MISSING, "incumbentMissing": 1},
    ),
    "not there yet": ([CALL.answered([yes()])], MISSING),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_pair_is_counted_by_what_is_known_of_both_halves(books: Books, situation: str) -> None:
    entries, expected = SITUATIONS[situation]
    books.take(*entries)
    assert books.counts() == expected
    books.take(*entries)
    assert books.counts() == expected
    assert books.counter("stored") == len(entries)
    assert books.counter("duplicates") == len(entries)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_makes_no_difference_whether_halves_come_together(books: Books, situation: str) -> None:
    entries, expected = SITUATIONS[situation]
    for entry in reversed(entries):
        books.take(entry)
    assert books.counts() == expected


def test_a_copy_that_never_comes_is_lost_and_counts_once_it_comes_after_all(books: Books) -> None:
    call = shadowed()
    books.take(call.answered([yes()]))
    books.later(60)
    assert books.counts() == MISSING
    books.later(60)
    assert books.counts() == {**MISSING, "lost": 1}
    books.later(60)
    assert books.counter("lost") == 1
    books.take(call.copied([yes()]))
    assert books.counts() == {**COMPLETE, "rows": 1, "agree": 1}


def test_a_copy_whose_served_answer_never_comes_is_counted(books: Books) -> None:
    call = shadowed()
    books.take(call.copied([yes()]))
    books.later(120)
    assert books.counts() == {"servedLost": 1}
    books.take(call.answered([yes()]))
    assert books.counts() == {**COMPLETE, "rows": 1, "agree": 1}


def test_what_was_lost_while_no_recorder_ran_is_found_afterwards(books: Books) -> None:
    books.take(shadowed().answered([yes()]))
    books.now += 300
    books.start()
    books.later(0)
    assert books.counts() == {**MISSING, "lost": 1}


def test_requests_that_are_never_copied_are_counted_apart(books: Books) -> None:
    books.take(Call(trial=stamp(copies={}, eligible=False)).answered([yes()]))
    assert books.counts() == {"requests": 1, "ineligible": 1}


def test_of_a_sample_only_the_copies_that_were_sent_count(books: Books) -> None:
    sample = stamp(copies={})
    for number in range(4):
        call = Call(trial=sample)
        books.take(call.answered([yes()]))
        if not number:
            books.take(call.copied([no()]))
    books.later(120)
    assert books.counts() == {
        "requests": 4,
        "eligible": 1,
        "complete": 1,
        "rows": 1,
        "disagree": 1,
    }


def test_in_a_split_every_arm_is_compared_with_the_incumbent_whoever_was_served(
    books: Books,
) -> None:
    everyone = {
        one: [other for other in ("incumbent", "v2", "v3") if other != one]
        for one in ("incumbent", "v2", "v3")
    }
    split = stamp(copies=everyone, shares={"incumbent": 50, "v2": 30, "v3": 20})
    for served, others in everyone.items():
        call = Call(trial=split)
        books.take(call.answered([yes()], arm=served))
        books.take(*(call.copied([no() if one == "v3" else yes()], arm=one) for one in others))
    assert books.counts("v2")["complete"] == 3
    assert books.counts("v3")["complete"] == 3
    assert [row["propensity"] for row in sorted(books.rows(), key=lambda row: row["arm"])] == [
        0.5,
        0.3,
        0.2,
    ]


def test_an_arm_for_which_somebody_else_answered_has_failed(books: Books) -> None:
    split = stamp(copies={"v2": ["incumbent"]}, shares={"incumbent": 50, "v2": 50, "v3": 0})
    call = Call(trial=split)
    books.take(
        call.answered([yes()], arm="v2", by="incumbent"), call.copied([yes()], arm="incumbent")
    )
    assert books.counts("v2") == {**COMPLETE, "failedChallenger": 1}


def test_epochs_are_counted_apart(books: Books) -> None:
    for epoch in ("one", "two", "two"):
        call = Call(trial=stamp(epoch=epoch))
        books.take(call.answered([yes()]), call.copied([yes()]))
    assert books.counts(epoch="one")["complete"] == 1
    assert books.counts(epoch="two")["complete"] == 2


def test_requests_that_take_no_part_are_kept_and_not_compared(books: Books) -> None:
    books.take(Call().answered([yes()]))
    assert books.store.statistics() == []
    (row,) = books.rows()
    assert (row["experiment"], row["arm"], row["propensity"]) == (None, "incumbent", 1.0)


def test_a_second_endpoint_cannot_touch_the_first_ones_predictions(books: Books) -> None:
    other = books.declare(plan("other"))
    call = shadowed()
    books.take(call.answered([yes()]))
    books.take(call.answered([no()]), call.copied([no()]), endpoint=other)
    (row,) = books.rows()
    assert row["output"] == 1
    assert row["copies"] == {}
    books.send({"id": str(call.id), "name": "churned", "value": 0}, endpoint=other)
    assert books.rows()[0]["feedback"] == {}
