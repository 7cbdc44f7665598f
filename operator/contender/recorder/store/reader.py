"""Reads from the tables, in the words of both databases."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
import json
from collections.abc import Collection, Iterable, Iterator, Mapping

from contender.recorder.model import (
    KEY,
    Answer,
    Drawn,
    Endpoint,
    Feedback,
    Found,
    HourKey,
    KeyedFeedback,
    Look,
    PredictionKey,
    Selection,
    StatisticKey,
    Stored,
    Stratum,
)
from contender.recorder.store import experiments, verdicts
from contender.recorder.store.connection import Connection

PREDICTION = ("endpoint", "prediction")
SAME_PREDICTION = "one.endpoint = wanted.endpoint AND one.prediction = wanted.prediction"

_HEAD = ", ".join(f"one.{name}" for name in Answer._fields[:-2])
_HEADS = f"SELECT {_HEAD}, NULL, NULL FROM wanted CROSS JOIN answers one WHERE {SAME_PREDICTION}"
_WHOLE = (
    f"SELECT {_HEAD}, one.request, one.response "
    f"FROM wanted CROSS JOIN answers one WHERE {SAME_PREDICTION}"
)
_FEEDBACK = (
    "SELECT " + ", ".join(f"one.{name}" for name in Feedback._fields) + " "
    f"FROM wanted CROSS JOIN feedback one WHERE {SAME_PREDICTION}"
)
_LAST = (
    "(SELECT {} FROM handles one WHERE one.endpoint = wanted.endpoint "
    f"AND one.kind = {KEY} AND one.handle = wanted.handle AND one.time <= wanted.time "
    "ORDER BY one.time DESC, one.prediction DESC, one.row DESC LIMIT 1)"
)
_LATEST = (
    "SELECT wanted.endpoint, wanted.handle, wanted.time, "
    f"{_LAST.format('one.prediction')}, {_LAST.format('one.row')} FROM wanted"
)
# A cross join keeps the order of the tables: the stretch of time is walked once.
_LACKING = """
    SELECT one.prediction FROM answers one CROSS JOIN expected
    WHERE one.endpoint = ? AND one.time >= ? AND one.time < ? AND expected.stratum = one.stratum
    AND NOT EXISTS (
        SELECT 1 FROM answers other WHERE other.endpoint = one.endpoint
        AND other.prediction = one.prediction AND other.arm = expected.arm
    )
    UNION
    SELECT one.prediction FROM answers one CROSS JOIN strata own
    WHERE one.endpoint = ? AND one.time >= ? AND one.time < ? AND own.number = one.stratum
    AND own.copy = 1 AND own.experiment <> ''
    AND NOT EXISTS (
        SELECT 1 FROM answers other CROSS JOIN strata its WHERE other.endpoint = one.endpoint
        AND other.prediction = one.prediction AND its.number = other.stratum AND its.copy < own.copy
    )"""
_SERVED = """
    SELECT one.time, one.prediction FROM answers one CROSS JOIN strata own
    WHERE one.endpoint = ? AND (one.time, one.prediction) > (?, ?) AND one.time < ?
    AND own.number = one.stratum AND own.copy = 0 {}
    ORDER BY one.time, one.prediction LIMIT ?"""
_STATISTIC = ", ".join(StatisticKey._fields)
_HOUR = ", ".join(HourKey._fields)


class SqlReader:
    """A Reader over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        found = self._connection.rows(
            "SELECT number, uid, namespace, name, retention_seconds, retention_bytes, gone_at "
            "FROM endpoints ORDER BY number"
        )
        return [Endpoint(*row) for row in found]

    def strata(self) -> Mapping[int, Stratum]:
        """Return all strata by number."""
        found = self._connection.rows(
            "SELECT number, endpoint, experiment, epoch, arm, copy, version, revision, share, "
            "expects, eligible, candidates FROM strata ORDER BY number"
        )
        return {
            number: Stratum(
                endpoint,
                experiment,
                epoch,
                arm,
                bool(copy),
                version,
                revision,
                share,
                tuple(json.loads(expects)),
                bool(eligible),
                tuple(json.loads(candidates)),
            )
            for (
                number,
                endpoint,
                experiment,
                epoch,
                arm,
                copy,
                version,
                revision,
                share,
                expects,
                eligible,
                candidates,
            ) in found
        }

    def stored(self, keys: Collection[PredictionKey]) -> dict[PredictionKey, Stored]:
        """Return what is known of these predictions."""
        found: dict[PredictionKey, Stored] = {}
        with self._connection.snapshot():
            for row in self._connection.matching(PREDICTION, keys, _HEADS):
                answer = Answer._make(row)
                found.setdefault(row[:2], Stored()).answers[answer.arm] = answer
            for row in self._connection.matching(PREDICTION, keys, _FEEDBACK):
                one = Feedback._make(row)
                found.setdefault(row[:2], Stored()).feedback[one.row, one.name] = one
        return found

    def latest(
        self, wanted: Iterable[tuple[int, bytes, int]]
    ) -> dict[tuple[int, bytes, int], tuple[bytes, int]]:
        """Return the last row with each key up to a moment."""
        found = self._connection.matching(("endpoint", "handle", "time"), list({*wanted}), _LATEST)
        return {row[:3]: row[3:] for row in found if row[3] is not None}

    def waiting(self, endpoint: int | None = None) -> list[KeyedFeedback]:
        """Return feedback by key for which no row was found yet."""
        where, values = ("", []) if endpoint is None else ("WHERE endpoint = ?", [endpoint])
        found = self._connection.rows(
            f"SELECT endpoint, key, time, name, value, at, received FROM waiting {where} "
            "ORDER BY endpoint, key, time, name",
            values,
        )
        return [KeyedFeedback._make(row) for row in found]

    def lacking(self, since: int, until: int) -> list[PredictionKey]:
        """Return the predictions of experiments of which an answer is to be waited for."""
        numbers = [row[0] for row in self._connection.rows("SELECT number FROM endpoints")]
        return [
            (number, row[0])
            for number in sorted(numbers)
            for row in self._connection.rows(_LACKING, [number, since, until] * 2)
        ]

    def statistics(
        self, experiments: Collection[str] | None = None, after: int = 0
    ) -> list[tuple[StatisticKey, bytes, int]]:
        """Return sums that changed after a number."""
        if experiments is not None and not experiments:
            return []
        where, values = "", [*(experiments or ())]
        if experiments is not None:
            where = f"AND experiment IN ({_places(len(values))})"
        found = self._connection.rows(
            f"SELECT {_STATISTIC}, data, changed FROM statistics WHERE changed > ? {where} "
            f"ORDER BY changed, {_STATISTIC}",
            [after, *values],
        )
        return [(StatisticKey._make(row[:-2]), row[-2], row[-1]) for row in found]

    def statistic(self, keys: Collection[StatisticKey]) -> dict[StatisticKey, bytes]:
        """Return the sums of these keys."""
        sql = _all_of("statistics", StatisticKey._fields)
        found = self._connection.matching(StatisticKey._fields, keys, sql)
        return {StatisticKey._make(row[:-1]): row[-1] for row in found}

    def statistic_keys(self, endpoint: int, experiment: str) -> list[StatisticKey]:
        """Return the keys of all sums that an endpoint has of an experiment."""
        return experiments.statistic_keys(self._connection, endpoint, experiment)

    def ripening(
        self, endpoint: int, since: int, until: int, limit: int
    ) -> list[tuple[int, bytes, bool]]:
        """Return time and prediction of answers between two moments, and whether they matter."""
        found = experiments.ripening(self._connection, endpoint, since, until, limit)
        return [(time, prediction, bool(matters)) for time, prediction, matters in found]

    def latest_time(self, endpoint: int) -> int:
        """Return the time of the latest answer of an endpoint."""
        sql = "SELECT max(time) FROM answers WHERE endpoint = ?"
        return self._connection.rows(sql, [endpoint])[0][0] or 0

    def drawn(self, endpoint: int, experiment: str, before: int) -> list[Drawn]:
        """Return how many callers were drawn for each arm before a moment."""
        return experiments.drawn(self._connection, endpoint, experiment, before)

    def last_look(self, endpoint: int, experiment: str) -> Look | None:
        """Return the last look at an experiment of an endpoint."""
        return experiments.last_look(self._connection, endpoint, experiment)

    def looks(self, after: Mapping[str, int]) -> Iterator[Look]:
        """Iterate over the looks at experiments, by experiment and number."""
        return experiments.looks(self._connection, after)

    def verdict(self, experiment: str) -> bytes | None:
        """Return the verdict of an experiment, if there is one."""
        return verdicts.find(self._connection, experiment)

    def hour(self, keys: Collection[HourKey]) -> dict[HourKey, bytes]:
        """Return the counts of these keys."""
        found = self._connection.matching(HourKey._fields, keys, _all_of("hours", HourKey._fields))
        return {HourKey._make(row[:-1]): row[-1] for row in found}

    def hours(self, endpoint: int, since: int, until: int) -> Iterator[tuple[HourKey, bytes]]:
        """Iterate over all counts of an endpoint, an hour at a time."""
        while True:
            next_hour = "SELECT min(hour) FROM hours WHERE endpoint = ? AND hour >= ? AND hour < ?"
            hour = self._connection.rows(next_hour, [endpoint, since, until])[0][0]
            if hour is None:
                return
            for row in self._connection.rows(
                f"SELECT {_HOUR}, data FROM hours WHERE endpoint = ? AND hour = ? ORDER BY {_HOUR}",
                [endpoint, hour],
            ):
                yield HourKey._make(row[:-1]), row[-1]
            since = hour + 1

    def counters(self) -> dict[tuple[int, str], int]:
        """Return all counters."""
        found = self._connection.rows("SELECT endpoint, name, value FROM counters")
        return {(endpoint, name): value for endpoint, name, value in found}

    def last_change(self) -> int:
        """Return the greatest number of a change of statistics."""
        return self._connection.rows("SELECT value FROM marks WHERE name = 'change'")[0][0]

    def scan(self, selection: Selection, page: int = 500) -> Iterator[list[Found]]:
        """Iterate over pages of whole predictions."""
        versions = selection.versions
        only = f"AND own.version IN ({_places(len(versions))})" if versions else ""
        sql, last = _SERVED.format(only), (selection.since, b"")
        while True:
            with self._connection.snapshot():
                keys = self._connection.rows(
                    sql, [selection.endpoint, *last, selection.until, *versions, page]
                )
                found = self._whole([(selection.endpoint, row[1]) for row in keys])
            if found:
                yield found
            if len(keys) < page:
                return
            last = keys[-1]

    def _whole(self, keys: Collection[PredictionKey]) -> list[Found]:
        found = {key: Found(key[1], [], []) for key in keys}
        for row in self._connection.matching(PREDICTION, found, _WHOLE):
            found[row[:2]].answers.append(Answer._make(row))
        for row in self._connection.matching(PREDICTION, found, _FEEDBACK):
            found[row[:2]].feedback.append(Feedback._make(row))
        for one in found.values():
            one.answers.sort(key=lambda answer: answer.arm)
            one.feedback.sort(key=lambda feedback: feedback[2:4])
        return [*found.values()]

    def bytes_used(self) -> dict[int, int]:
        """Return by endpoint about how many bytes its predictions take."""
        return dict(self._connection.rows("SELECT number, used FROM endpoints"))

    def close(self) -> None:
        """Give back all that it holds."""
        self._connection.close()


def _places(number: int) -> str:
    return ", ".join(["?"] * number)


def _all_of(table: str, columns: tuple[str, ...]) -> str:
    """Return a query for the data of wanted keys."""
    chosen = ", ".join(f"one.{name}" for name in columns)
    same = " AND ".join(f"one.{name} = wanted.{name}" for name in columns)
    return f"SELECT {chosen}, one.data FROM wanted CROSS JOIN {table} one WHERE {same}"
