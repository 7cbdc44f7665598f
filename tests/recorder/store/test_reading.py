"""What is asked of the store."""

from collections.abc import Sequence

import pytest

from contender.recorder.model import Batch, Outcome, Selection
from contender.recorder.store.connection import Row
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.made import (
    answer,
    by_entity,
    by_key,
    hour,
    sixteen,
    statistic,
    stratum,
)


def test_the_last_row_with_a_key_up_to_a_moment_is_found(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    handles = [
        by_key(endpoint, "k", "a", 10),
        by_key(endpoint, "k", "b", 20),
        by_key(neighbour, "k", "c", 15),
        by_entity(endpoint, "k", "d", 16),
    ]
    store.write(Batch(handles=handles))
    key = sixteen("k")
    asked = [(endpoint, key, time) for time in (9, 10, 19, 20, 99)]
    asked += [(neighbour, key, 99), (endpoint, sixteen("other"), 99)]
    assert store.latest(asked) == {
        (endpoint, key, 10): (sixteen("a"), 0),
        (endpoint, key, 19): (sixteen("a"), 0),
        (endpoint, key, 20): (sixteen("b"), 0),
        (endpoint, key, 99): (sixteen("b"), 0),
        (neighbour, key, 99): (sixteen("c"), 0),
    }
    assert store.latest(iter(asked)) == store.latest([*asked, *asked])


def test_of_rows_at_the_same_time_the_greatest_prediction_and_row_is_found(
    store: SqlStore, endpoint: int
) -> None:
    names = [*range(5)]
    rows = [by_key(endpoint, "k", name, 10, row) for name in names for row in (2, 10, 1)]
    store.write(Batch(handles=rows))
    greatest = max(sixteen(name) for name in names)
    wanted = (endpoint, sixteen("k"), 10)
    assert store.latest([wanted]) == {wanted: (greatest, 10)}


@pytest.mark.parametrize(
    ("arms", "lacks"),
    [
        (["incumbent", "a", "b"], False),
        (["incumbent", "a"], True),
        (["incumbent"], True),
        (["a", "b"], True),
        (["a"], True),
        ([], False),
    ],
)
def test_an_experiment_lacks_what_its_stratum_expects(
    store: SqlStore, endpoint: int, arms: list[str], lacks: bool
) -> None:
    strata = _trial(store, endpoint)
    store.write(Batch(answers=[answer(endpoint, "p", strata[arm], 5, arm) for arm in arms]))
    assert store.lacking(0, 10) == ([(endpoint, sixteen("p"))] if lacks else [])


def test_what_is_marked_as_lost_is_not_lacking(store: SqlStore, endpoint: int) -> None:
    strata = _trial(store, endpoint)
    lost = [answer(endpoint, "p", strata["b"], 5, "b", Outcome.LOST)]
    lost.append(answer(endpoint, "q", strata["incumbent"], 5, outcome=Outcome.LOST))
    there = [answer(endpoint, "p", strata[arm], 5, arm) for arm in ("incumbent", "a")]
    there += [answer(endpoint, "q", strata[arm], 5, arm) for arm in ("a", "b")]
    store.write(Batch(answers=lost + there))
    assert store.lacking(0, 10) == []


def test_a_served_answer_that_is_lost_still_expects_its_copies(
    store: SqlStore, endpoint: int
) -> None:
    strata = _trial(store, endpoint)
    lost = answer(endpoint, "q", strata["incumbent"], 5, outcome=Outcome.LOST)
    store.write(Batch(answers=[lost, answer(endpoint, "q", strata["a"], 5, "a")]))
    assert store.lacking(0, 10) == [(endpoint, sixteen("q"))]


def test_only_requests_of_the_asked_time_are_lacking(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    mine, other = _trial(store, endpoint), _trial(store, neighbour)
    answers = [answer(endpoint, time, mine["incumbent"], time) for time in (4, 5, 9, 10)]
    answers.append(answer(neighbour, 7, other["a"], 7, "a"))
    store.write(Batch(answers=answers))
    assert sorted(store.lacking(5, 10)) == sorted(
        [(endpoint, sixteen(5)), (endpoint, sixteen(9)), (neighbour, sixteen(7))]
    )


def test_without_an_experiment_nothing_is_lacking(store: SqlStore, endpoint: int) -> None:
    served = store.stratum(stratum(endpoint, expects=["a"]))
    copied = store.stratum(stratum(endpoint, "a", copy=True))
    answers = [answer(endpoint, "p", served, 5), answer(endpoint, "q", copied, 5, "a")]
    store.write(Batch(answers=answers))
    assert store.lacking(0, 10) == []


def test_arms_that_get_only_some_copies_are_not_expected(store: SqlStore, endpoint: int) -> None:
    served = store.stratum(stratum(endpoint, experiment="x"))
    store.write(Batch(answers=[answer(endpoint, "p", served, 5)]))
    assert store.lacking(0, 10) == []


def _trial(store: SqlStore, endpoint: int) -> dict[str, int]:
    served = stratum(endpoint, experiment="x", expects=["a", "b"])
    copies = {arm: stratum(endpoint, arm, copy=True, experiment="x") for arm in ("a", "b")}
    return {arm: store.stratum(one) for arm, one in {"incumbent": served, **copies}.items()}


def test_statistics_are_those_that_changed_since(store: SqlStore, endpoint: int) -> None:
    one, two = statistic(endpoint, "x"), statistic(endpoint, "y")
    store.write(Batch(statistics={one: b"1", two: b"2"}, changed=4))
    store.write(Batch(statistics={two: b"3"}, changed=5))
    assert store.statistics() == [(one, b"1", 4), (two, b"3", 5)]
    assert store.statistics(after=4) == [(two, b"3", 5)]
    assert store.statistics(["x", "z"]) == [(one, b"1", 4)]
    assert store.statistics(["x"], after=4) == []
    assert store.statistics([]) == []
    assert store.statistic([two, statistic(endpoint, "z")]) == {two: b"3"}
    assert store.last_change() == 5
    store.write(Batch(changed=7))
    assert store.last_change() == 5


def test_hours_are_those_of_an_endpoint_in_order(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    keys = [hour(endpoint, 3), hour(endpoint, 5, "output", "b"), hour(endpoint, 5, "output", "a")]
    counts = {key: f"{key}".encode() for key in [*keys, hour(neighbour, 4), hour(endpoint, 8)]}
    store.write(Batch(hours=counts))
    store.write(Batch(hours={keys[0]: b"new"}))
    assert store.hour([keys[0], hour(endpoint, 4)]) == {keys[0]: b"new"}
    assert [*store.hours(endpoint, 3, 8)] == [
        (keys[0], b"new"),
        (keys[2], counts[keys[2]]),
        (keys[1], counts[keys[1]]),
    ]
    assert [*store.hours(endpoint, 9, 99)] == []


@pytest.mark.parametrize("query", ["a page", "the oldest"])
def test_nothing_is_sorted_to_find_what_comes_first(
    store: SqlStore, endpoint: int, location: str, query: str
) -> None:
    """Else each page would read all that is kept."""
    number = store.stratum(stratum(endpoint))
    store.write(Batch(answers=[answer(endpoint, name, number, name) for name in range(3000)]))
    asked: list[tuple[str, Sequence[object]]] = []
    rows = store._connection.rows

    def listen(sql: str, values: Sequence[object] = ()) -> list[Row]:
        asked.append((sql, values))
        return rows(sql, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store._connection, "rows", listen)
        if query == "a page":
            next(store.scan(Selection(endpoint), 10))
        else:
            store.expire(endpoint, 2**62, 10)
    explain = "EXPLAIN" if location.startswith("postgresql") else "EXPLAIN QUERY PLAN"
    sql, values = next(one for one in asked if "ORDER BY" in one[0])
    plan = str(rows(f"{explain} {sql}", values))
    assert "answers_by_time" in plan
    assert not any(word in plan for word in ("Sort", "TEMP B-TREE", "Bitmap", "Seq Scan"))
