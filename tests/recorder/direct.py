"""Sums as a direct calculation has them: from what is stored in the end, all at once."""

from array import array

from contender.recorder.joining import sums
from contender.recorder.joining.marks import Marks
from contender.recorder.joining.measure import measure
from contender.recorder.model import StatisticKey
from contender.recorder.store.sql import SqlStore
from tests.recorder.books import Books


def calculated(books: Books, marks: Marks) -> dict[StatisticKey, list[float]]:
    """Return all sums of the present judge.

    Args:
        books: what came.
        marks: which rows count.
    """
    plan = books.plans.get(books.endpoint)
    assert plan
    assert isinstance(books.store, SqlStore)
    keys = books.store._connection.rows("SELECT DISTINCT endpoint, prediction FROM answers")
    strata = books.store.strata()
    found: dict[StatisticKey, array[float]] = {}
    for stored in books.store.stored(keys).values():
        for (key, _), amount in measure(plan.judge, stored, strata, marks).items():
            if isinstance(key, StatisticKey):
                sums.add(key.kind, found.setdefault(key, sums.empty(key.kind)), amount, 1)
    return {key: rounded(numbers) for key, numbers in found.items() if any(numbers)}


def counted(books: Books) -> dict[StatisticKey, list[float]]:
    """Return all sums that were counted, without those that are all 0."""
    found = {key: array("d", data) for key, data, _ in books.store.statistics()}
    told = {key: rounded(numbers) for key, numbers in found.items()}
    return {key: numbers for key, numbers in told.items() if any(numbers)}


def rounded(numbers: "array[float]") -> list[float]:
    """Return numbers without what floats leave behind that were added and taken out."""
    return [round(number, 9) + 0.0 for number in numbers]
