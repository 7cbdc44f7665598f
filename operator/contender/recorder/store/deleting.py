"""Deletes from the tables, with all that belongs to what is deleted. Each within a transaction."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from contender.recorder.store.connection import Connection, Row
from contender.recorder.store.experiments import FOREVER
from contender.recorder.store.reader import PREDICTION, SAME_PREDICTION
from contender.recorder.store.schema import CALLERS, FEEDBACK, HANDLES, HOURS, SWEPT, WAITING

HANDLE_BYTES = 150
"""About what a handle takes."""

_DOOMED = f"""
    SELECT one.endpoint, one.time, one.prediction, one.size
    FROM wanted CROSS JOIN answers one WHERE {SAME_PREDICTION}"""
_ORPHANS = """
    SELECT one.endpoint, one.prediction, one.row, one.name, one.received FROM feedback one
    WHERE one.received >= ? AND one.received < ? AND NOT EXISTS (
        SELECT 1 FROM answers its
        WHERE its.endpoint = one.endpoint AND its.prediction = one.prediction
    ) ORDER BY one.received LIMIT ?"""


def use(connection: Connection, used: Mapping[int, int]) -> None:
    """Note by endpoint how many bytes more are used, or fewer."""
    for endpoint, size in used.items():
        if size:
            connection.run(
                "UPDATE endpoints SET used = used + ? WHERE number = ?", [size, endpoint]
            )


def oldest(connection: Connection, endpoint: int, before: int, limit: int) -> list[Row]:
    """Return prediction and size of the oldest answers."""
    return connection.rows(
        "SELECT prediction, size FROM answers WHERE endpoint = ? AND time < ? "
        "ORDER BY time, prediction LIMIT ?",
        [endpoint, before, limit],
    )


def predictions(
    connection: Connection, endpoint: int, wanted: Collection[bytes], handles: Iterable[Row] = ()
) -> tuple[int, int]:
    """Delete all answers, handles and feedback of these predictions; return how many answers, and
    about how many bytes they took.

    Args:
        connection: the writer's.
        endpoint: whose predictions.
        wanted: which ones.
        handles: times and predictions of handles that are known.
    """
    keys = [(endpoint, prediction) for prediction in dict.fromkeys(wanted)]
    doomed = list(connection.matching(PREDICTION, keys, _DOOMED))
    connection.delete("answers", PREDICTION, keys)
    connection.delete("feedback", PREDICTION, keys)
    places = {row[:3] for row in doomed} | {(endpoint, *row) for row in handles}
    deleted = connection.delete("handles", ("endpoint", "time", "prediction"), places)
    size = sum(row[3] for row in doomed) + HANDLE_BYTES * deleted
    use(connection, {endpoint: -size})
    return len(doomed), size


def stray_handles(connection: Connection, endpoint: int) -> None:
    """Delete the handles that are older than every answer: those of answers that were not written,
    because another one was there."""
    (oldest,) = connection.rows("SELECT min(time) FROM answers WHERE endpoint = ?", [endpoint])[0]
    deleted = connection.run(
        "DELETE FROM handles WHERE endpoint = ? AND time < ?",
        [endpoint, FOREVER if oldest is None else oldest],
    )
    use(connection, {endpoint: -HANDLE_BYTES * deleted})


def waiting_before(connection: Connection, before: int, limit: int) -> Counter[int]:
    """Delete feedback by key that came before a moment; return how many by endpoint."""
    found = connection.rows(
        "SELECT endpoint, key, time, name FROM waiting WHERE received < ? "
        "ORDER BY received LIMIT ?",
        [before, limit],
    )
    connection.delete("waiting", WAITING.columns[: WAITING.key], found)
    return Counter(row[0] for row in found)


def orphans(connection: Connection, before: int, limit: int) -> Counter[int]:
    """Delete feedback by id that came before a moment and has no answer; return how many by
    endpoint.

    Feedback that has an answer keeps it, for both are deleted together: what was looked at once
    need not be looked at again.
    """
    swept = connection.rows("SELECT value FROM marks WHERE name = ?", [SWEPT])[0][0]
    found = connection.rows(_ORPHANS, [swept, before, limit])
    connection.delete("feedback", FEEDBACK.columns[: FEEDBACK.key], [row[:4] for row in found])
    reached = max(swept, before if len(found) < limit else found[-1][4] if found else swept)
    connection.run("UPDATE marks SET value = ? WHERE name = ?", [reached, SWEPT])
    return Counter(row[0] for row in found)


def rest(connection: Connection, endpoint: int, limit: int) -> bool:
    """Delete a part of what an endpoint without answers has left; return whether that was all."""
    for table in (HANDLES, FEEDBACK, WAITING, HOURS, CALLERS):
        key = table.columns[: table.key]
        found = connection.rows(
            f"SELECT {', '.join(key)} FROM {table.name} WHERE endpoint = ? LIMIT ?",
            [endpoint, limit],
        )
        connection.delete(table.name, key, found)
        if len(found) >= limit:
            return False
    own = "SELECT number FROM strata WHERE endpoint = ?"
    connection.run(f"DELETE FROM expected WHERE stratum IN ({own})", [endpoint])
    for name in ("strata", "statistics", "counters", "looks", "verdicts"):
        connection.run(f"DELETE FROM {name} WHERE endpoint = ?", [endpoint])
    connection.run("DELETE FROM endpoints WHERE number = ?", [endpoint])
    return True
