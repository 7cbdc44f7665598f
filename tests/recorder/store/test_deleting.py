"""What is deleted is gone from every table, and nothing else is."""

import pytest

from contender.recorder.model import Batch
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.made import (
    OF_PREDICTIONS,
    answer,
    contents,
    counts,
    everything,
    feedback,
    hour,
    keyed,
    sixteen,
    stratum,
)

TIMES = (10, 20, 30, 40)


@pytest.fixture(autouse=True)
def full(store: SqlStore, endpoint: int, neighbour: int) -> None:
    """Two endpoints with the same data."""
    store.write(everything(store, endpoint, *TIMES))
    store.write(everything(store, neighbour, *TIMES))
    for number in (endpoint, neighbour):
        store.keep_verdict(f"of {number}", number, 5, b"{}")
    store.keep_verdict("of nobody", None, 5, b"{}")


@pytest.fixture
def untouched(store: SqlStore, neighbour: int, full: None) -> object:
    """The other endpoint, which must stay as it is."""
    return contents(store, neighbour), store.bytes_used()[neighbour]


def test_the_oldest_answers_expire_with_handles_and_feedback(
    store: SqlStore, endpoint: int, neighbour: int, untouched: object
) -> None:
    before, used = contents(store, endpoint), store.bytes_used()[endpoint]
    count, size = store.expire(endpoint, 30, 99)
    assert count == 4
    assert store.bytes_used()[endpoint] == used - size
    assert 0 < size < used
    assert _predictions(store, endpoint) == {sixteen(30), sixteen(40)}
    after = contents(store, endpoint)
    for name in ("statistics", "hours", "counters", "strata", "waiting", "looks", "verdicts"):
        assert after[name] == before[name]
    assert (contents(store, neighbour), store.bytes_used()[neighbour]) == untouched


def test_no_more_answers_expire_than_asked_but_whole_predictions(
    store: SqlStore, endpoint: int
) -> None:
    assert store.expire(endpoint, 99, 3)[0] == 4
    assert _predictions(store, endpoint) == {sixteen(30), sixteen(40)}
    assert store.expire(endpoint, 99, 0) == (0, 0)
    assert store.expire(endpoint, 20, 99) == (0, 0)


def test_nothing_is_used_when_all_has_expired(store: SqlStore, endpoint: int) -> None:
    store.expire(endpoint, 99, 99)
    assert not {*OF_PREDICTIONS} & counts(store, endpoint).keys()
    assert store.bytes_used()[endpoint] == 0


def test_the_oldest_answers_make_room(
    store: SqlStore, endpoint: int, neighbour: int, untouched: object
) -> None:
    used = store.bytes_used()[endpoint]
    assert store.expire_bytes(endpoint, 0, 99) == (0, 0)
    assert store.expire_bytes(endpoint, 1, 99)[0] == 2
    assert _predictions(store, endpoint) == {sixteen(20), sixteen(30), sixteen(40)}
    count, size = store.expire_bytes(endpoint, used // 4 + 1, 99)
    assert count in (2, 4)
    assert size >= used // 4
    assert sixteen(40) in _predictions(store, endpoint)
    assert store.expire_bytes(endpoint, 10**12, 1)[0] == 2
    store.expire_bytes(endpoint, 10**12, 99)
    assert store.bytes_used()[endpoint] == 0
    assert (contents(store, neighbour), store.bytes_used()[neighbour]) == untouched


def test_handles_of_answers_that_were_not_written_expire_too(
    store: SqlStore, endpoint: int
) -> None:
    # A second answer to the same prediction, at another time, is not taken.
    again = everything(store, endpoint, 10)
    again.handles = [one._replace(time=11) for one in again.handles]
    store.write(Batch(answers=again.answers, handles=again.handles))
    store.expire(endpoint, 20, 99)
    assert len(contents(store, endpoint)["handles"]) == 2 * 3
    store.expire_bytes(endpoint, store.bytes_used()[endpoint], 99)
    assert store.bytes_used()[endpoint] == 0


def test_feedback_without_an_answer_is_deleted_after_its_time(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    before = contents(store, endpoint)
    strays = [feedback(endpoint, name, received=name) for name in (101, 102, 103)]
    store.write(Batch(feedback=[*strays, feedback(neighbour, 101, received=101)]))
    # Of each endpoint one waits by key since 20.
    assert store.expire_orphans(20, 99) == {}
    assert store.expire_orphans(103, 99) == {endpoint: 3, neighbour: 2}
    assert store.expire_orphans(103, 99) == {}
    after = contents(store, endpoint)
    assert len(after["feedback"]) == len(before["feedback"]) + 1
    assert "waiting" not in counts(store, endpoint)
    assert store.expire_orphans(10**6, 99) == {endpoint: 1}
    assert contents(store, endpoint)["feedback"] == before["feedback"]


def test_orphans_are_deleted_a_part_at_a_time(store: SqlStore, endpoint: int) -> None:
    strays = [feedback(endpoint, name, received=50) for name in range(100, 110)]
    store.write(Batch(feedback=strays, waiting=[keyed(endpoint, name) for name in range(5)]))
    deleted = []
    while found := store.expire_orphans(60, 4):
        deleted.append(sum(found.values()))
    assert max(deleted) == 4
    assert sum(deleted) == 10 + 5 + 2
    assert len(contents(store, endpoint)["feedback"]) == len(TIMES)


def test_feedback_that_is_older_than_what_was_looked_at_is_found_too(
    store: SqlStore, endpoint: int
) -> None:
    store.expire_orphans(1000, 99)
    store.write(Batch(feedback=[feedback(endpoint, "stray", received=5)]))
    assert store.expire_orphans(1000, 99) == {endpoint: 1}


def test_counts_of_old_hours_are_deleted(
    store: SqlStore, endpoint: int, neighbour: int, untouched: object
) -> None:
    store.expire_hours(endpoint, 9)
    assert [key for key, _ in store.hours(endpoint, 0, 99)] == [hour(endpoint, 9)]
    assert (contents(store, neighbour), store.bytes_used()[neighbour]) == untouched


def test_all_predictions_about_an_entity_are_erased(
    store: SqlStore, endpoint: int, neighbour: int, untouched: object
) -> None:
    again = everything(store, endpoint, 50)
    entity = sixteen(("entity of", 20))
    again.handles = [one._replace(handle=entity) for one in again.handles]
    two_rows = [one._replace(row=1) for one in again.handles]
    store.write(Batch(answers=again.answers, handles=again.handles + two_rows))
    assert store.erase(endpoint, entity) == 2
    assert _predictions(store, endpoint) == {sixteen(10), sixteen(30), sixteen(40)}
    assert {"looks", "verdicts", "statistics"} <= counts(store, endpoint).keys()
    assert store.erase(endpoint, entity) == 0
    assert store.erase(endpoint, sixteen(("key of", 10))) == 0
    assert (contents(store, neighbour), store.bytes_used()[neighbour]) == untouched


def test_an_endpoint_is_removed_a_part_at_a_time_and_leaves_nothing(
    store: SqlStore, endpoint: int, neighbour: int, untouched: object
) -> None:
    number = store.stratum(stratum(endpoint, experiment="x", expects=["challenger"]))
    store.write(Batch(feedback=[feedback(endpoint, name) for name in range(100, 107)]))
    store.gone(endpoint, 5)
    parts = 1
    while not store.remove(endpoint, 3):
        parts += 1
    assert parts > 3
    assert counts(store, endpoint) == {}
    assert [one.endpoint for one in store.looks({"x": 0})] == [neighbour, neighbour]
    assert store.verdict(f"of {endpoint}") is None
    assert store.verdict(f"of {neighbour}") == store.verdict("of nobody") == b"{}"
    assert [one.number for one in store.endpoints()] == [neighbour]
    assert (contents(store, neighbour), store.bytes_used()[neighbour]) == untouched
    # Its numbers are not given again, and changes of statistics are still counted from there.
    assert store.last_change() == 3
    new = store.endpoint("uid", "default", "churn", 1, 1)
    assert new not in (endpoint, neighbour)
    assert store.stratum(stratum(new)) != number
    assert store.remove(endpoint, 3)


def test_a_stratum_of_a_removed_endpoint_is_made_anew(store: SqlStore, endpoint: int) -> None:
    wanted = stratum(endpoint)
    first = store.stratum(wanted)
    while not store.remove(endpoint, 99):
        pass
    assert store.stratum(wanted) != first
    store.write(Batch(answers=[answer(endpoint, "a", store.stratum(wanted))]))
    assert store.strata()[store.stratum(wanted)] == wanted


def _predictions(store: SqlStore, endpoint: int) -> set[object]:
    """Those that each table has, which must be the same ones."""
    by_table = [
        {
            row[0]
            for row in store._connection.rows(
                f"SELECT prediction FROM {name} WHERE endpoint = ?", [endpoint]
            )
        }
        for name in OF_PREDICTIONS
    ]
    assert all(one == by_table[0] for one in by_table) or by_table[2] < by_table[0]
    return by_table[0]
