"""In which segments rows are."""

from typing import Any

import pytest

from contender.api.v1alpha1.capture import Segment
from contender.core.segments import id_of
from contender.recorder.reading.body import Body
from contender.recorder.reading.segments import SegmentReader
from tests.recorder.reading.documents import reader

OLD = {"name": "old", "at": "/age", "atLeast": 65}
YOUNG = {"name": "young", "at": "/age", "below": 25.5}
MIDDLE = {"name": "middle", "at": "/age", "atLeast": 25.5, "below": 65}
DACH = {"name": "dach", "at": "/country", "values": ["de", "at", "ch"]}
ONES = {"name": "ones", "at": "/n", "values": ["1"]}
FIRST = {"name": "first", "at": "/0", "below": 0}
ALL = [OLD, YOUNG, MIDDLE, DACH, ONES, FIRST]


def found(document: Any, rows: list[Any], *segments: dict[str, Any]) -> list[list[str]]:
    """Return the names of the segments of rows."""
    declared = [Segment.model_validate(one) for one in segments or ALL]
    names = {id_of(one): one.name for one in declared}
    read = SegmentReader(declared).read(document, rows)
    return [[names[one] for one in row] for row in read]


ROWS: list[tuple[Any, list[str]]] = [
    ({"age": 65}, ["old"]),
    ({"age": 64.9}, ["middle"]),
    ({"age": 25.5}, ["middle"]),
    ({"age": -3}, ["young"]),
    ({"age": "70"}, []),  # a text is no number
    ({"age": True}, []),
    ({"age": None}, []),
    ({"age": 80, "country": "at"}, ["old", "dach"]),
    ({"country": "AT"}, []),
    ({"country": ["at"]}, []),
    ({"n": 1.0}, ["ones"]),
    ({"n": "1"}, ["ones"]),
    ([-0.5, 3], ["first"]),
    ([0], []),
    ([], []),
    (7, []),
]


@pytest.mark.parametrize(("row", "names"), ROWS, ids=[str(row) for row, _ in ROWS])
def test_a_row_is_in_the_segments_whose_values_it_has(row: Any, names: list[str]) -> None:
    # Beside one that is in a segment: where no row is in any, there is nothing to tell.
    assert found({}, [row, {"age": 99}]) == [names, ["old"]]


def test_a_value_that_is_not_in_the_row_is_looked_for_in_the_body() -> None:
    rows = [{"age": 70}, {"country": "fr"}]
    assert found({"rows": rows, "country": "ch"}, rows) == [["old", "dach"], []]


def test_where_no_row_is_in_a_segment_nothing_is_told() -> None:
    assert found({}, [{"age": 30}], OLD, DACH) == []


def test_a_segment_that_is_defined_otherwise_is_another_one() -> None:
    one, other = (Segment.model_validate({**OLD, "atLeast": least}) for least in (65, 70))
    assert id_of(one) != id_of(other)
    assert id_of(one).startswith("old-")
    assert id_of(one) == id_of(Segment.model_validate({**OLD, "atLeast": 65.0}))


def test_what_is_not_kept_still_decides() -> None:
    rows = {"preset": "V1", "segments": [OLD]}
    raw = Body(b'{"instances": [{"age": 70}, {"age": 7}]}', "application/json", "", truncated=False)
    captures: list[dict[str, Any]] = [{"keep": []}, {"redact": ["/instances/*/age"]}]
    for capture in captures:
        read = reader(rows, **capture).request(raw)
        assert read.segments == [[id_of(Segment.model_validate(OLD))], []]
        assert b"70" not in (read.stored or b"")
