"""Hours: what was answered, in counts and histograms that add up."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.recorder.http.hours import coverage
from contender.recorder.joining.hours import VALUE_EDGES, Hour, compact
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR
from contender.recorder.model import HourKey
from tests.recorder.books import Books
from tests.recorder.told import NOW, Call

BASE = HourKey(1, 2, "1", "incumbent", "", "")
THIS_HOUR = int(NOW * 1_000_000) // MICROSECONDS_PER_HOUR


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def growth(rows: list[Any]) -> dict[str, list[float]]:
    hour = Hour()
    hour.features += rows
    return {
        key.part: [*by]
        for key, by in hour.growth(BASE, "Binary").items()
        if key.metric == "feature" and not isinstance(by, dict)
    }


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-1000, 1000)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": numbers, "b": numbers}), min_size=1, max_size=20))
def test_each_number_is_in_the_bin_of_its_edges(rows: list[dict[str, float]]) -> None:
    found = growth(rows)
    for name in ("a", "b"):
        expected = [0.0] * (len(VALUE_EDGES) + 1)
        for row in rows:
            expected[sum(edge < row[name] for edge in VALUE_EDGES)] += 1
        assert found[name] == [*expected, 0.0]


objects = st.dictionaries(st.sampled_from("abc"), numbers | st.none() | st.booleans() | st.text())


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"a": numbers, "b": numbers}))
    | st.lists(objects | numbers | st.lists(numbers), max_size=12)
)
def test_compact_rows_count_the_same(rows: list[Any]) -> None:
    wide, small = Hour(), Hour()
    wide.features += rows
    small.features += compact(rows)
    assert small.growth(BASE, "Binary") == wide.growth(BASE, "Binary")


@settings(deadline=None)
@given(st.lists(objects, max_size=12), st.integers(0, 12))
def test_parts_add_up_to_the_whole(rows: list[dict[str, Any]], cut: int) -> None:
    whole = growth(rows)
    added: dict[str, Any] = {}
    for part in (rows[:cut], rows[cut:]):
        for name, counts in growth(part).items():
            # A feature that a part lacks altogether is missing in all of its rows.
            added[name] = np.array(added.get(name, 0)) + counts
    for name, counts in whole.items():
        assert [*added[name][:-1]] == counts[:-1]


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        ([{"a": 1}, {"a": 2}], 0),
        ([{}, {"a": 1}], 1),
        ([{"a": 1}, {}, {"a": None}], 2),
        ([{"a": 1, "b": 2}, {"b": 2}, {"b": 2}], 2),
        ([{"a": 1}, [5], 7], 2),
    ],
)
def test_rows_without_a_feature_are_counted_as_missing(rows: list[Any], missing: int) -> None:
    assert growth(rows)["a"][-1] == missing


def test_an_hour_counts_what_was_answered(books: Books) -> None:
    for seconds, label, p in ((0.004, 1, 0.9), (0.3, 0, 0.1), (70, 1, 0.51)):
        books.take(Call().answered([{"label": label, "p": p}], seconds=seconds))
    books.take(Call().answered(b"", code=500), Call(body=b"no JSON").answered([{"label": 1}]))
    found = {
        (key.metric, key.part): data
        for key, data in books.store.hours(books.endpoint, THIS_HOUR, THIS_HOUR + 1)
    }
    assert array("d", found["answers", ""])[:2].tolist() == [4, 1]
    assert sum(array("d", found["score", ""])) == 3
    assert sum(array("d", found["latency", ""])) == 5
    assert found["class", ""] in (b'{"1":2,"0":1}', b'{"0":1,"1":2}')
    assert array("d", found["rows", ""]).tolist() == [4]
    assert sum(array("d", found["feature", "x"])) == 4


def test_coverage_counts_rows_that_are_older_than_the_delay(tmp_path: Path) -> None:
    feedback = [{"name": "churned", "kind": "Label", "delay": "2h"}]
    books = Books(tmp_path, feedback=feedback)
    for hours_ago in (1, 3, 5):
        books.now = NOW - 3600 * hours_ago
        call = Call(at=books.now)
        books.take(call.answered([{"label": 1, "p": 0.9}]))
        if hours_ago != 5:
            books.send({"id": call.id, "name": "churned", "value": 1})
    plan = books.plans.get(books.endpoint)
    assert plan
    found = [*books.store.hours(books.endpoint, 0, 2**40)]
    books.store.close()
    (one,) = coverage(plan, found, THIS_HOUR)
    assert (one["feedback"], one["rows"], one["labelled"]) == ("churned", 2, 1)
