"""What is asked about experiments, in the words of both databases."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
from collections.abc import Iterator, Mapping

from contender.recorder.model import Drawn, Look, Outcome, StatisticKey
from contender.recorder.store.connection import Connection, Row

FOREVER = 2**62
PAGE = 50
"""Looks that are read at a time."""

_STATISTIC = ", ".join(StatisticKey._fields)
_RIPENING = f"""
    SELECT one.time, one.prediction, CASE
        WHEN own.copy = 0 AND own.experiment <> '' AND one.outcome <> {int(Outcome.LOST)} THEN 1
        ELSE 0
    END FROM (
        SELECT time, prediction, stratum, outcome FROM answers
        WHERE endpoint = ? AND time > ? AND time <= ? ORDER BY time, prediction LIMIT ?
    ) one CROSS JOIN strata own WHERE own.number = one.stratum"""
_LOOK = ", ".join(Look._fields)
_DRAWN = """
    SELECT epoch, arm, share, count(*), min(time) FROM callers
    WHERE endpoint = ? AND experiment = ? AND time < ? GROUP BY epoch, arm, share"""
_NEWEST = """
    SELECT wanted.experiment, (
        SELECT max(one.number) FROM looks one WHERE one.experiment = wanted.experiment
    ) FROM wanted"""


def statistic_keys(connection: Connection, endpoint: int, experiment: str) -> list[StatisticKey]:
    """Return the keys of all sums that an endpoint has of an experiment."""
    found = connection.rows(
        f"SELECT {_STATISTIC} FROM statistics WHERE endpoint = ? AND experiment = ? "
        f"ORDER BY {_STATISTIC}",
        [endpoint, experiment],
    )
    return [StatisticKey._make(row) for row in found]


def ripening(
    connection: Connection, endpoint: int, since: int, until: int, limit: int
) -> list[Row]:
    """Return time and prediction of answers between two moments, and whether each one is the served
    answer to a request of an experiment."""
    found = sorted(connection.rows(_RIPENING, [endpoint, since, until, limit]))
    if len(found) < limit:
        return found
    last = found[-1][0]
    whole = connection.rows(_RIPENING, [endpoint, last - 1, last, FOREVER])
    return [row for row in found if row[0] < last] + sorted(whole)


def last_look(connection: Connection, endpoint: int, experiment: str) -> Look | None:
    """Return the last look at an experiment of an endpoint."""
    found = connection.rows(
        f"SELECT {_LOOK} FROM looks WHERE endpoint = ? AND experiment = ? "
        "ORDER BY number DESC LIMIT 1",
        [endpoint, experiment],
    )
    return Look._make(found[0]) if found else None


def drawn(connection: Connection, endpoint: int, experiment: str, before: int) -> list[Drawn]:
    """Return how many callers were drawn for each arm before a moment, by epoch; the oldest epoch
    first."""
    found = connection.rows(_DRAWN, [endpoint, experiment, before])
    began: dict[str, int] = {}
    for epoch, *_, since in found:
        began[epoch] = min(since, began.get(epoch, since))
    told = [Drawn._make(row[:-1]) for row in found]
    return sorted(told, key=lambda one: (began[one.epoch], one.epoch, one.arm, one.share))


def looks(connection: Connection, known: Mapping[str, int]) -> Iterator[Look]:
    """Iterate over the looks at experiments after those that are known."""
    wanted = [(experiment,) for experiment in known]
    newest = connection.matching(("experiment",), wanted, _NEWEST)
    grown = [one for one, number in newest if number is not None and number > known[one]]
    for experiment in sorted(grown):
        yield from _looks_at(connection, experiment, known[experiment])


def _looks_at(connection: Connection, experiment: str, number: int) -> Iterator[Look]:
    place = (number + 1, 0)
    while True:
        found = connection.rows(
            f"SELECT {_LOOK} FROM looks WHERE experiment = ? AND (number, endpoint) >= (?, ?) "
            "ORDER BY number, endpoint LIMIT ?",
            [experiment, *place, PAGE],
        )
        for row in found:
            yield Look._make(row)
        if len(found) < PAGE:
            return
        place = (found[-1][1], found[-1][2] + 1)
