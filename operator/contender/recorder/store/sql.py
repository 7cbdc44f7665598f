"""The store over the tables, in the words of both databases."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from contender.recorder.model import ENTITY, Answer, Batch, Handle, Outcome, Stratum
from contender.recorder.store import deleting, verdicts
from contender.recorder.store.connection import Connection, Row
from contender.recorder.store.deleting import HANDLE_BYTES
from contender.recorder.store.experiments import FOREVER
from contender.recorder.store.reader import SAME_PREDICTION, SqlReader
from contender.recorder.store.schema import (
    ANSWERS,
    CALLERS,
    CHANGE,
    COUNTERS,
    EXPECTED,
    FEEDBACK,
    HANDLES,
    HOURS,
    LOOKS,
    STATISTICS,
    SWEPT,
    WAITING,
)

ANSWER_BYTES = 400
"""About what an answer takes beyond its bodies, with its places in indexes."""

_ANSWER_KEY = ANSWERS.columns[:3]
_THERE = f"""
    SELECT one.endpoint, one.prediction, one.arm, one.outcome, one.size
    FROM wanted CROSS JOIN answers one WHERE {SAME_PREDICTION} AND one.arm = wanted.arm"""


class SqlStore(SqlReader):
    """A Store over a connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._numbers: dict[Stratum, int] = {}

    def reader(self) -> SqlReader:
        """Return a reader of its own, for another thread."""
        return SqlReader(self._connection.another())

    def endpoint(
        self, uid: str, namespace: str, name: str, retention_seconds: int, retention_bytes: int
    ) -> int:
        """Return the number of an endpoint; make it, or bring it up to date."""
        wanted = [namespace, name, retention_seconds, retention_bytes]
        with self._transaction():
            present = "SELECT number FROM endpoints WHERE uid = ?"
            if not self._connection.rows(present, [uid]):
                self._connection.run(
                    "INSERT INTO endpoints "
                    "(namespace, name, retention_seconds, retention_bytes, uid) "
                    "VALUES (?, ?, ?, ?, ?)",
                    [*wanted, uid],
                )
            else:
                self._connection.run(
                    "UPDATE endpoints SET namespace = ?, name = ?, retention_seconds = ?, "
                    "retention_bytes = ?, gone_at = NULL WHERE uid = ?",
                    [*wanted, uid],
                )
            return self._connection.rows(present, [uid])[0][0]

    def gone(self, endpoint: int, at: int) -> None:
        """Note when a ModelDeployment was deleted."""
        with self._transaction():
            self._connection.run(
                "UPDATE endpoints SET gone_at = ? WHERE number = ?", [at, endpoint]
            )

    def stratum(self, wanted: Stratum) -> int:
        """Return the number of a stratum; make it if it is new."""
        if wanted not in self._numbers:
            with self._transaction():
                number = self._stratum(wanted)
            self._numbers[wanted] = number
        return self._numbers[wanted]

    def _stratum(self, wanted: Stratum) -> int:
        columns = {
            "endpoint": wanted.endpoint,
            "experiment": wanted.experiment,
            "epoch": wanted.epoch,
            "arm": wanted.arm,
            "copy": int(wanted.copy),
            "version": wanted.version,
            "revision": wanted.revision,
            "share": wanted.share,
            "expects": json.dumps(wanted.expects),
            "eligible": int(wanted.eligible),
            "candidates": json.dumps(wanted.candidates),
        }
        same = " AND ".join(f"{name} = ?" for name in columns)
        present, values = f"SELECT number FROM strata WHERE {same}", [*columns.values()]
        if found := self._connection.rows(present, values):
            return found[0][0]
        places = ", ".join("?" * len(columns))
        self._connection.run(
            f"INSERT INTO strata ({', '.join(columns)}) VALUES ({places})",
            values,
        )
        number: int = self._connection.rows(present, values)[0][0]
        if wanted.experiment and not wanted.copy:
            expected = [(number, arm) for arm in dict.fromkeys(wanted.expects)]
            self._connection.insert(EXPECTED, expected)
        return number

    def write(self, batch: Batch) -> None:
        """Write a batch durably, all of it or nothing."""
        connection = self._connection
        with self._transaction():
            self._write_answers(batch)
            self._write_handles(batch.handles)
            if batch.feedback:
                connection.upsert(FEEDBACK, batch.feedback)
                earliest = min(one.received for one in batch.feedback)
                connection.run(
                    "UPDATE marks SET value = ? WHERE name = ? AND value > ?",
                    [earliest, SWEPT, earliest],
                )
            connection.upsert(WAITING, batch.waiting)
            settled = [one[: WAITING.key] for one in batch.settled]
            connection.delete(WAITING.name, WAITING.columns[: WAITING.key], settled)
            if batch.statistics:
                self._write_statistics(batch)
            connection.upsert(HOURS, [(*key, data) for key, data in batch.hours.items()])
            counters = batch.counters | batch.notes
            connection.upsert(COUNTERS, [(*key, value) for key, value in counters.items()])
            connection.upsert(LOOKS, batch.looks)
            connection.upsert(CALLERS, batch.callers)

    def _write_answers(self, batch: Batch) -> None:
        """Write answers. Mostly all are new, as the writer has just seen: to look for each of them
        once more would only take time."""
        rows = _rows(batch.answers)
        if batch.replaces or not self._connection.insert_new(ANSWERS, rows):
            self._replace_answers(batch.answers)
        else:
            deleting.use(self._connection, _bytes(rows))

    def _replace_answers(self, answers: Iterable[Answer]) -> None:
        """Write answers some of which may be there, or take the place of others."""
        wanted: dict[tuple[int, bytes, str], Answer] = {}
        for answer in answers:
            key = answer[:3]
            if key not in wanted or wanted[key].outcome == Outcome.LOST:
                wanted[key] = answer
        there = self._connection.matching(_ANSWER_KEY, wanted, _THERE)
        lost, used = [], Counter[int]()
        for endpoint, prediction, arm, outcome, size in there:
            if outcome == Outcome.LOST:
                lost.append((endpoint, prediction, arm))
                used[endpoint] -= size
            else:
                del wanted[endpoint, prediction, arm]
        self._connection.delete(ANSWERS.name, _ANSWER_KEY, lost)
        rows = _rows(wanted.values())
        self._connection.insert(ANSWERS, rows)
        used.update(_bytes(rows))
        deleting.use(self._connection, used)

    def _write_handles(self, handles: Iterable[Handle]) -> None:
        by_endpoint: dict[int, list[Handle]] = {}
        for one in handles:
            by_endpoint.setdefault(one.endpoint, []).append(one)
        deleting.use(
            self._connection,
            {
                endpoint: HANDLE_BYTES * self._connection.upsert(HANDLES, its)
                for endpoint, its in by_endpoint.items()
            },
        )

    def _write_statistics(self, batch: Batch) -> None:
        changed = batch.changed
        rows = [(*key, data, changed) for key, data in batch.statistics.items()]
        self._connection.upsert(STATISTICS, rows)
        self._connection.run(
            "UPDATE marks SET value = ? WHERE name = ? AND value < ?", [changed, CHANGE, changed]
        )

    def keep_verdict(self, experiment: str, endpoint: int | None, at: int, data: bytes) -> bytes:
        """Keep the verdict of an experiment, unless there is one; return the one that is kept."""
        with self._transaction():
            return verdicts.keep(self._connection, experiment, endpoint, at, data)

    def expire(self, endpoint: int, before: int, limit: int) -> tuple[int, int]:
        """Delete the oldest answers of requests before a moment; each prediction as a whole."""
        with self._transaction():
            found = deleting.oldest(self._connection, endpoint, before, limit)
            freed = deleting.predictions(self._connection, endpoint, [row[0] for row in found])
            deleting.stray_handles(self._connection, endpoint)
        self._connection.tidy()
        return freed

    def expire_bytes(self, endpoint: int, size: int, limit: int) -> tuple[int, int]:
        """Delete the oldest answers until about so many bytes are free."""
        with self._transaction():
            chosen, free = [], 0
            for prediction, one in deleting.oldest(self._connection, endpoint, FOREVER, limit):
                if free >= size:
                    break
                chosen.append(prediction)
                free += one
            freed = deleting.predictions(self._connection, endpoint, chosen)
            deleting.stray_handles(self._connection, endpoint)
        self._connection.tidy()
        return freed

    def expire_orphans(self, before: int, limit: int) -> dict[int, int]:
        """Delete feedback that came before a moment and belongs to no answer."""
        with self._transaction():
            waiting = deleting.waiting_before(self._connection, before, limit)
            orphans = deleting.orphans(self._connection, before, limit - waiting.total())
        return dict(waiting + orphans)

    def expire_hours(self, endpoint: int, before: int) -> None:
        """Delete what was counted in hours before this one."""
        with self._transaction():
            self._connection.run(
                "DELETE FROM hours WHERE endpoint = ? AND hour < ?", [endpoint, before]
            )

    def expire_callers(self, endpoint: int, before: int) -> None:
        """Forget who was drawn for an arm before a moment."""
        with self._transaction():
            self._connection.run(
                "DELETE FROM callers WHERE endpoint = ? AND time < ?", [endpoint, before]
            )

    def erase(self, endpoint: int, entity: bytes) -> int:
        """Delete all predictions with a row about an entity; return how many."""
        with self._connection.thoroughly(), self._transaction():
            found = self._connection.rows(
                "SELECT time, prediction FROM handles "
                "WHERE endpoint = ? AND kind = ? AND handle = ?",
                [endpoint, ENTITY, entity],
            )
            predictions = {row[1] for row in found}
            deleting.predictions(self._connection, endpoint, predictions, found)
            self._connection.run(
                "DELETE FROM callers WHERE endpoint = ? AND caller = ?", [endpoint, entity]
            )
        self._connection.tidy()
        return len(predictions)

    def remove(self, endpoint: int, limit: int) -> bool:
        """Delete an endpoint with all that it has, a part at a time."""
        self._numbers.clear()
        with self._transaction():
            found = deleting.oldest(self._connection, endpoint, FOREVER, limit)
            deleting.predictions(self._connection, endpoint, [row[0] for row in found])
            over = not found and deleting.rest(self._connection, endpoint, limit)
        self._connection.tidy()
        return over

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._connection.transaction():
                yield
        except BaseException:
            # What failed may have been undone, or another writer may have come between.
            self._numbers.clear()
            raise


def _rows(answers: Iterable[Answer]) -> list[Row]:
    """Return answers as rows of their table."""
    return [(*one, ANSWER_BYTES + sum([len(part) for part in one[-5:] if part])) for one in answers]


def _bytes(rows: Iterable[Row]) -> Counter[int]:
    """Return by endpoint how many bytes rows of answers take."""
    used = Counter[int]()
    for row in rows:
        used[row[0]] += row[-1]
    return used
