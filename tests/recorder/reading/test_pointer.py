"""JSON pointers, with the examples of RFC 6901."""

from typing import Any

import pytest
from hypothesis import given

from contender.recorder.reading.pointer import MISSING, Pointer
from tests.recorder.reading.documents import DOCUMENTS, path_of, places

EXAMPLE = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
    "none": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EXAMPLE),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/none", None),
        ("/foo/-", MISSING),
        ("/foo/2", MISSING),
        ("/foo/01", MISSING),
        ("/foo/+1", MISSING),
        ("/foo/-1", MISSING),
        ("/foo/\u0661", MISSING),
        ("/foo/" + "9" * 200, MISSING),
        ("/foo/0/x", MISSING),
        ("/none/x", MISSING),
        ("/away/x", MISSING),
    ],
)
def test_a_pointer_finds(text: str, expected: Any) -> None:
    found = Pointer(text).find(EXAMPLE)
    assert found == expected
    assert (found is MISSING) == (expected is MISSING)


@given(DOCUMENTS)
def test_every_value_is_found_at_its_place(document: Any) -> None:
    for place, value in places(document):
        pointer = Pointer(path_of([*place]))
        assert pointer.find(document) is value
        holder, key = pointer.place([document], 0) or pytest.fail("no place")
        assert holder[key] is value


@given(DOCUMENTS)
def test_where_nothing_is_found_is_no_place(document: Any) -> None:
    for text in ("/c", "/a/c", "/0/c", "/9", "/-"):
        pointer = Pointer(text)
        assert (pointer.place([document], 0) is None) == (pointer.find(document) is MISSING)
