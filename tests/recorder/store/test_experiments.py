"""What is kept about experiments: looks and verdicts, and what becomes old enough."""

import pytest

from contender.recorder.model import Batch, Outcome
from contender.recorder.store import experiments
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.made import answer, look, sixteen, statistic, stratum


def test_looks_come_by_experiment_and_number(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    looks = [look(endpoint, number, experiment) for experiment in "yx" for number in (2, 1, 10)]
    store.write(Batch(looks=looks))
    store.write(Batch(looks=[look(neighbour, 1, "z"), look(neighbour, 2, "x")]))
    told = [(one.experiment, one.number, one.endpoint) for one in store.looks({"y": 1, "x": 0})]
    assert told == [
        ("x", 1, endpoint),
        ("x", 2, endpoint),
        ("x", 2, neighbour),
        ("x", 10, endpoint),
        ("y", 2, endpoint),
        ("y", 10, endpoint),
    ]
    assert [*store.looks({"y": 10, "nobody": 0})] == []
    assert [*store.looks({"z": 2**63 - 1})] == []
    assert [*store.looks({})] == []
    assert store.last_look(endpoint, "x") == look(endpoint, 10)
    assert store.last_look(neighbour, "x") == look(neighbour, 2)
    assert store.last_look(neighbour, "y") is None


def test_a_look_comes_back_as_it_was(store: SqlStore, endpoint: int) -> None:
    one = look(endpoint, data=bytes(range(256)) * 300)._replace(total=2**61, at=2**40)
    store.write(Batch(looks=[one]))
    store.write(Batch(looks=[one]))
    assert [*store.looks({"x": 0})] == [one]


@pytest.mark.parametrize("page", [1, 2, 3, 50])
def test_looks_are_read_a_page_at_a_time(
    store: SqlStore,
    endpoint: int,
    neighbour: int,
    page: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experiments, "PAGE", page)
    looks = [look(one, number) for number in range(1, 8) for one in (endpoint, neighbour)]
    store.write(Batch(looks=looks))
    assert [*store.looks({"x": 0})] == looks
    assert [*store.looks({"x": 3})] == looks[6:]


def test_many_experiments_are_asked_for_at_once(store: SqlStore, endpoint: int) -> None:
    store.write(Batch(looks=[look(endpoint, 1, f"x{number:03}") for number in range(300)]))
    wanted = {f"x{number:03}": number % 2 for number in range(400)}
    found = [one.experiment for one in store.looks(wanted)]
    assert found == [f"x{number:03}" for number in range(0, 300, 2)]


def test_the_first_verdict_is_kept(store: SqlStore, endpoint: int) -> None:
    first, second = b'{"winner": "v2", "why": "\xc3\xa9"}', b'{"winner": null}'
    assert store.keep_verdict("x", endpoint, 5, first) == first
    assert store.keep_verdict("x", None, 6, second) == first
    assert store.keep_verdict("y", None, 7, second) == second
    reader = store.reader()
    assert reader.verdict("x") == first
    assert reader.verdict("y") == second
    assert reader.verdict("z") is None
    reader.close()
    kept = store._connection.rows("SELECT endpoint, at FROM verdicts ORDER BY experiment")
    assert kept == [(endpoint, 5), (None, 7)]


def test_keys_are_those_of_an_endpoint_and_an_experiment(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    mine = [statistic(endpoint, "x", arm) for arm in ("a", "b")]
    others = [statistic(endpoint, "y"), statistic(neighbour, "x")]
    store.write(Batch(statistics=dict.fromkeys([*mine, *others], b"1"), changed=1))
    assert store.statistic_keys(endpoint, "x") == mine


def test_what_becomes_old_enough_are_served_answers_of_experiments(
    store: SqlStore, endpoint: int, neighbour: int
) -> None:
    served = store.stratum(stratum(endpoint, experiment="x"))
    copied = store.stratum(stratum(endpoint, "a", copy=True, experiment="x"))
    plain = store.stratum(stratum(endpoint))
    elsewhere = store.stratum(stratum(neighbour, experiment="x"))
    lost = answer(endpoint, "lost", served, 12, "?", Outcome.LOST)
    store.write(
        Batch(
            answers=[
                *(answer(endpoint, time, served, time) for time in (10, 11, 13, 14)),
                answer(endpoint, 11, copied, 12, "a"),
                answer(endpoint, "plain", plain, 12),
                lost,
                answer(neighbour, "other", elsewhere, 12),
            ]
        )
    )
    found = store.ripening(endpoint, 10, 13, 99)
    assert [row[0] for row in found] == [11, 12, 12, 12, 13]
    assert {row[1] for row in found if row[2]} == {sixteen(11), sixteen(13)}
    assert store.ripening(endpoint, 14, 99, 99) == []
    assert store.latest_time(endpoint) == 14
    assert store.latest_time(neighbour) == 12


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_a_portion_ends_with_a_whole_moment(store: SqlStore, endpoint: int, limit: int) -> None:
    served = store.stratum(stratum(endpoint, experiment="x"))
    copied = store.stratum(stratum(endpoint, "a", copy=True, experiment="x"))
    names = {10: ["a", "b", "c"], 11: ["d"], 12: ["e", "f"]}
    answers = [
        one
        for time, some in names.items()
        for name in some
        for one in (
            answer(endpoint, name, served, time),
            answer(endpoint, name, copied, time, "a"),
        )
    ]
    store.write(Batch(answers=answers))
    since, found = 0, list[tuple[int, bytes, bool]]()
    while portion := store.ripening(endpoint, since, 99, limit):
        assert {row[0] for row in portion} >= {min(time for time in names if time > since)}
        since = portion[-1][0]
        found += portion
    assert found == sorted(found)
    matters = [prediction for _, prediction, matters in found if matters]
    assert sorted(matters) == sorted(sixteen(name) for some in names.values() for name in some)
