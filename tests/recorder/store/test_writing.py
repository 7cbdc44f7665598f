"""What is written is read again, once, and as it was written last."""

import sqlite3

import psycopg
import pytest

from contender.recorder.model import Batch, Outcome, Stored
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.conftest import opened
from tests.recorder.store.made import (
    answer,
    by_key,
    contents,
    everything,
    feedback,
    keyed,
    sixteen,
    statistic,
    stratum,
    without_bodies,
)


def test_an_empty_store_knows_nothing(store: SqlStore) -> None:
    assert store.endpoints() == []
    assert store.strata() == {}
    assert store.stored([(1, sixteen("a"))]) == {}
    assert store.stored([]) == {}
    assert store.latest([(1, sixteen("k"), 5)]) == {}
    assert store.waiting() == []
    assert store.lacking(0, 2**62) == []
    assert store.statistics() == []
    assert store.statistic([statistic(1)]) == {}
    assert store.counters() == {}
    assert store.last_change() == 0
    assert store.bytes_used() == {}
    assert store.statistic_keys(1, "x") == []
    assert store.ripening(1, 0, 2**62, 9) == []
    assert store.latest_time(1) == 0
    assert store.last_look(1, "x") is None
    assert [*store.looks({"x": 0})] == []
    assert store.verdict("x") is None
    store.write(Batch())


def test_what_is_known_of_a_prediction_is_its_answers_and_feedback(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    number = store.stratum(stratum(endpoint))
    served, copy = answer(endpoint, "a", number), answer(endpoint, "a", number, arm="challenger")
    elsewhere = answer(neighbour, "a", number)
    truth, early = feedback(endpoint, "a"), feedback(endpoint, "b")
    store.write(Batch(answers=[served, copy, elsewhere], feedback=[truth, early]))
    keys = [(endpoint, sixteen("a")), (endpoint, sixteen("b")), (endpoint, sixteen("c"))]
    assert store.stored(keys) == {
        keys[0]: Stored(
            {"incumbent": without_bodies(served), "challenger": without_bodies(copy)},
            {(0, "churned"): truth},
        ),
        keys[1]: Stored({}, {(0, "churned"): early}),
    }


def test_hundreds_of_predictions_are_known_at_once(store: SqlStore, endpoint: int) -> None:
    number = store.stratum(stratum(endpoint))
    answers = [answer(endpoint, name, number, name) for name in range(700)]
    store.write(Batch(answers=answers))
    keys = [(endpoint, sixteen(name)) for name in range(1000)]
    assert store.stored(keys).keys() == {*keys[:700]}
    assert len(store.stored(dict.fromkeys(keys[:85]))) == 85


def test_a_batch_that_is_written_twice_changes_nothing(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    batch = everything(store, endpoint, 10, 20)
    store.write(batch)
    before, used = contents(store, endpoint), store.bytes_used()
    store.write(batch)
    assert contents(store, endpoint) == before
    assert store.bytes_used() == used
    assert used[endpoint] > 0
    assert used[neighbour] == 0


def test_answers_of_a_batch_that_are_there_stay_and_the_others_are_written(
    store: SqlStore, endpoint: int
) -> None:
    number = store.stratum(stratum(endpoint))
    first, second, third = (answer(endpoint, name, number) for name in "abc")
    store.write(Batch(answers=[second]))
    used = store.bytes_used()[endpoint]
    store.write(Batch(answers=[first, second._replace(code=500), third]))
    keys = [(endpoint, sixteen(name)) for name in "abc"]
    assert [store.stored(keys)[key].answers["incumbent"] for key in keys] == [
        without_bodies(one) for one in (first, second, third)
    ]
    assert store.bytes_used()[endpoint] == 3 * used


@pytest.mark.parametrize("replaces", [False, True])
def test_an_answer_takes_the_place_of_one_that_was_lost(
    store: SqlStore, endpoint: int, replaces: bool
) -> None:
    number = store.stratum(stratum(endpoint))
    real = answer(endpoint, "a", number)
    lost = real._replace(outcome=int(Outcome.LOST), request=None, response=None, outputs=None)
    store.write(Batch(answers=[lost]))
    store.write(Batch(answers=[real], replaces=replaces))
    used = store.bytes_used()
    key = (endpoint, sixteen("a"))
    assert store.stored([key])[key].answers == {"incumbent": without_bodies(real)}
    assert used[endpoint] > len(real.request or b"") + len(real.response or b"")
    store.write(Batch(answers=[lost, real._replace(code=500)]))
    assert store.stored([key])[key].answers == {"incumbent": without_bodies(real)}
    assert store.bytes_used() == used


def test_within_a_batch_too_an_answer_takes_the_place_of_one_that_was_lost(
    store: SqlStore, endpoint: int
) -> None:
    number = store.stratum(stratum(endpoint))
    real = answer(endpoint, "a", number)
    lost = real._replace(outcome=int(Outcome.LOST))
    store.write(Batch(answers=[lost, real, lost]))
    key = (endpoint, sixteen("a"))
    assert store.stored([key])[key].answers["incumbent"].outcome == Outcome.ANSWERED


def test_the_last_feedback_about_a_row_counts(store: SqlStore, endpoint: int) -> None:
    first, second = feedback(endpoint, "a", "0"), feedback(endpoint, "a", "1", received=9)
    other = feedback(endpoint, "a", "0", row=1)
    store.write(Batch(feedback=[first, other]))
    store.write(Batch(feedback=[first, second]))
    key = (endpoint, sixteen("a"))
    assert store.stored([key])[key].feedback == {(0, "churned"): second, (1, "churned"): other}


def test_feedback_waits_until_it_is_settled(store: SqlStore, endpoint: int, neighbour: int) -> None:
    first, again = keyed(endpoint, "k", "0"), keyed(endpoint, "k", "1", received=4)
    later, elsewhere = keyed(endpoint, "k", time=8), keyed(neighbour, "k")
    store.write(Batch(waiting=[first, later, elsewhere]))
    store.write(Batch(waiting=[again]))
    assert store.waiting(endpoint) == [again, later]
    assert store.waiting() == [again, later, elsewhere]
    store.write(Batch(settled=[later, keyed(endpoint, "unknown")]))
    assert store.waiting() == [again, elsewhere]
    # A row may be found in the same batch.
    store.write(Batch(waiting=[later], settled=[later, again]))
    assert store.waiting() == [elsewhere]


def test_texts_and_bytes_come_back_as_they_were(store: SqlStore, endpoint: int) -> None:
    value = '"\\\\ \\" {NULL},é漢🙂 %s ? \''
    wild = feedback(endpoint, "a", value)._replace(name='a "b", {c} \\ NULL', received=2**61)
    number = store.stratum(stratum(endpoint))
    odd = answer(endpoint, "a", number, 2**61, arm="ä {}")._replace(
        outputs=b"", request=bytes(range(256)), entities=None, latency=-1
    )
    handle = by_key(endpoint, "k", "a", 2**61)._replace(handle=bytes(16))
    store.write(Batch(answers=[odd], feedback=[wild], handles=[handle]))
    key = (endpoint, sixteen("a"))
    found = store.stored([key])[key]
    assert found.answers == {"ä {}": without_bodies(odd)}
    assert [*found.feedback.values()] == [wild]
    assert store.latest([(endpoint, bytes(16), 2**62)])


IMPOSSIBLE = (OverflowError, psycopg.DataError, psycopg.IntegrityError, sqlite3.IntegrityError)
"""No StoreError: trying such a batch again would hold up all others for ever."""


def test_a_batch_with_something_impossible_is_not_written_at_all(
    store: SqlStore, endpoint: int
) -> None:
    before = store.bytes_used()
    batch = everything(store, endpoint, 10)
    present = contents(store, endpoint)
    batch.counters[endpoint, "endless"] = 2**70
    with pytest.raises(IMPOSSIBLE):
        store.write(batch)
    assert contents(store, endpoint) == present
    assert store.bytes_used() == before
    assert store.last_change() == 0
    answers = batch.answers
    bad = answers[-1]._replace(time=None)  # type: ignore[arg-type]
    with pytest.raises(IMPOSSIBLE):
        store.write(Batch(answers=[*answers[:-1], bad]))
    assert contents(store, endpoint) == present
    del batch.counters[endpoint, "endless"]
    store.write(batch)
    assert store.last_change() == 3


def test_an_endpoint_keeps_its_number_and_is_brought_up_to_date(store: SqlStore) -> None:
    first = store.endpoint("u1", "default", "churn", 10, 100)
    second = store.endpoint("u2", "default", "fraud", 20, 200)
    assert first != second
    assert store.endpoint("u1", "team", "churn", 30, 300) == first
    store.gone(second, 99)
    one, two = store.endpoints()
    assert (one.namespace, one.retention_seconds, one.retention_bytes) == ("team", 30, 300)
    assert (one.gone_at, two.gone_at) == (None, 99)
    store.endpoint("u2", "default", "fraud", 20, 200)
    assert store.endpoints()[1].gone_at is None


def test_a_stratum_keeps_its_number(store: SqlStore, endpoint: int) -> None:
    wanted = stratum(endpoint, experiment="x", expects=["a", "b"])
    other = stratum(endpoint, experiment="x", expects=["a"])
    number = store.stratum(wanted)
    assert store.stratum(wanted) == number
    assert store.stratum(other) != number
    assert store.strata() == {number: wanted, store.stratum(other): other}


def test_all_is_there_when_the_store_is_opened_again(store: SqlStore, location: str) -> None:
    number = store.endpoint("u", "default", "churn", 10, 100)
    store.write(everything(store, number, 10, 20))
    store.keep_verdict("x", number, 5, b"{}")
    before, strata, used = contents(store, number), store.strata(), store.bytes_used()
    store.close()
    again = opened(location)
    assert again.endpoint("u", "default", "churn", 10, 100) == number
    assert [again.stratum(one) for one in strata.values()] == [*strata]
    assert contents(again, number) == before
    assert again.bytes_used() == used
    assert again.last_change() == 3
    assert again.verdict("x") == b"{}"
    assert [one.number for one in again.looks({"x": 0})] == [1, 2]
    again.close()


def test_counters_and_sums_are_absolute(store: SqlStore, endpoint: int) -> None:
    store.write(Batch(counters={(endpoint, "lost"): 1, (0, "seen"): 5}))
    store.write(Batch(counters={(endpoint, "lost"): 4}))
    assert store.counters() == {(endpoint, "lost"): 4, (0, "seen"): 5}


def test_notes_are_kept_among_the_counters(store: SqlStore, endpoint: int) -> None:
    note = {(endpoint, "mature/judge/churned"): 2**61}
    assert not Batch(notes=note).changes_anything
    store.write(Batch(counters={(endpoint, "lost"): 1}, notes=note))
    assert store.counters() == {(endpoint, "lost"): 1, **note}
