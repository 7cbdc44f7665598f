"""Answers and all the rest, short to write."""

import hashlib
from collections.abc import Iterable

from contender.recorder.model import (
    ENTITY,
    KEY,
    Answer,
    Batch,
    Feedback,
    Handle,
    HourKey,
    KeyedFeedback,
    Look,
    Outcome,
    StatisticKey,
    Stratum,
)
from contender.recorder.store.schema import (
    ANSWERS,
    COUNTERS,
    FEEDBACK,
    HANDLES,
    HOURS,
    LOOKS,
    STATISTICS,
    WAITING,
)
from contender.recorder.store.sql import SqlStore

TABLES = (ANSWERS, HANDLES, FEEDBACK, WAITING, STATISTICS, HOURS, COUNTERS, LOOKS)
OF_PREDICTIONS = ("answers", "handles", "feedback")


def sixteen(name: object) -> bytes:
    """Sixteen bytes that stand for a name."""
    return hashlib.md5(repr(name).encode()).digest()


def stratum(
    endpoint: int,
    arm: str = "incumbent",
    *,
    copy: bool = False,
    version: str = "1",
    experiment: str = "",
    expects: Iterable[str] = (),
) -> Stratum:
    return Stratum(
        endpoint, experiment, "e1", arm, copy, version, f"churn-{version}", 50, tuple(expects)
    )


def answer(
    endpoint: int,
    name: object,
    stratum: int,
    time: int = 0,
    arm: str = "incumbent",
    outcome: Outcome = Outcome.ANSWERED,
    body: bytes | None = b'{"instances": [[1, 2]]}',
) -> Answer:
    return Answer(
        endpoint,
        sixteen(name),
        arm,
        stratum,
        time,
        200,
        int(outcome),
        1500,
        1,
        0,
        b"[[1,0.25]]",
        sixteen(("entity", name)),
        b'[["old-1f2e3d4c"]]',
        body,
        b'{"predictions": [1]}',
    )


def without_bodies(one: Answer) -> Answer:
    return one._replace(request=None, response=None)


def feedback(
    endpoint: int, name: object, value: str = "1", received: int = 0, row: int = 0
) -> Feedback:
    return Feedback(endpoint, sixteen(name), row, "churned", value, 5, received)


def keyed(
    endpoint: int, key: object, value: str = "1", received: int = 0, time: int = 7
) -> KeyedFeedback:
    return KeyedFeedback(endpoint, sixteen(key), time, "churned", value, 5, received)


def by_entity(endpoint: int, entity: object, name: object, time: int = 0) -> Handle:
    return Handle(endpoint, ENTITY, sixteen(entity), time, sixteen(name), 0)


def by_key(endpoint: int, key: object, name: object, time: int = 0, row: int = 0) -> Handle:
    return Handle(endpoint, KEY, sixteen(key), time, sixteen(name), row)


def statistic(endpoint: int, experiment: str = "x", arm: str = "challenger") -> StatisticKey:
    return StatisticKey(endpoint, experiment, "e1", arm, "arm", "churned", "error", "")


def hour(endpoint: int, hour: int, metric: str = "latency", part: str = "") -> HourKey:
    return HourKey(endpoint, hour, "1", "incumbent", metric, part)


def look(endpoint: int, number: int = 1, experiment: str = "x", data: bytes = b"seen") -> Look:
    return Look(experiment, number, endpoint, 1_790_000_000, 10 * number, data)


def everything(store: SqlStore, endpoint: int, *times: int) -> Batch:
    """A batch with something of every kind, about a prediction for each of these times."""
    served = store.stratum(stratum(endpoint, experiment="x", expects=["challenger"]))
    copied = store.stratum(stratum(endpoint, "challenger", copy=True, experiment="x"))
    batch = Batch(
        statistics={statistic(endpoint): b"sums"},
        changed=3,
        hours={hour(endpoint, 4): b"counts", hour(endpoint, 9): b"more"},
        counters={(endpoint, "lost"): 2},
        notes={(endpoint, "since/judge"): 7},
        looks=[look(endpoint), look(endpoint, 2)],
        waiting=[keyed(endpoint, "nobody", received=20)],
    )
    for time in times:
        batch.answers += [
            answer(endpoint, time, served, time),
            answer(endpoint, time, copied, time, arm="challenger", body=None),
        ]
        batch.handles += [
            by_entity(endpoint, ("entity of", time), time, time),
            by_key(endpoint, ("key of", time), time, time),
        ]
        batch.feedback.append(feedback(endpoint, time, received=time))
    return batch


def contents(store: SqlStore, endpoint: int) -> dict[str, list[tuple[object, ...]]]:
    """All that a store has about an endpoint, by table."""
    found = {
        table.name: _rows(store, f"SELECT {', '.join(table.columns)} FROM {table.name}", endpoint)
        for table in TABLES
    }
    found["strata"] = _rows(store, "SELECT * FROM strata", endpoint)
    found["verdicts"] = _rows(store, "SELECT * FROM verdicts", endpoint)
    own = "SELECT number FROM strata WHERE endpoint = ?"
    expected = f"SELECT * FROM expected WHERE stratum IN ({own})"
    found["expected"] = sorted(store._connection.rows(expected, [endpoint]))
    endpoints = "SELECT * FROM endpoints WHERE number = ?"
    found["endpoints"] = store._connection.rows(endpoints, [endpoint])
    return found


def counts(store: SqlStore, endpoint: int) -> dict[str, int]:
    """How many rows there are about an endpoint, by table that has some."""
    return {name: len(rows) for name, rows in contents(store, endpoint).items() if rows}


def _rows(store: SqlStore, query: str, endpoint: int) -> list[tuple[object, ...]]:
    found = store._connection.rows(f"{query} WHERE endpoint = ?", [endpoint])
    return sorted(found, key=repr)
