"""Feedback in CSV: which columns are meant, and what their cells hold."""

import io
import json
from typing import Any

import pytest

from contender.cli.command import Failure
from contender.cli.items import LARGEST, Item, Lines
from contender.cli.table import Columns, from_table, value_of

NAMED = Columns(name="y")


def _items(text: str | bytes, columns: Columns) -> list[Item]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [*from_table("t.csv", Lines(io.BytesIO(raw), LARGEST), columns)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1,5", "1,5"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1e999", "1e999"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775809", "-9223372036854775809"),
        (".", "."),
        ("٣", "٣"),
        ("yes", "yes"),
    ],
)
def test_a_cell_is_a_number_a_boolean_or_text(text: str, value: Any) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "columns", "items"),
    [
        ("id,name,value\na,y,1\n", Columns(), [{"id": "a", "name": "y", "value": 1}]),
        ("value,id\n1,a", NAMED, [{"id": "a", "name": "y", "value": 1}]),
        ("id,name,value\na,z,1\n", NAMED, [{"id": "a", "name": "y", "value": 1}]),
        (
            "key,time,value,at,more\nk, 2026-01-01T00:00:00Z ,no,2026-01-02T00:00:00Z,x\n",
            NAMED,
            [
                {
                    "key": "k",
                    "time": "2026-01-01T00:00:00Z",
                    "name": "y",
                    "value": "no",
                    "at": "2026-01-02T00:00:00Z",
                }
            ],
        ),
        (
            "id,key,time,value\na,k,t,1\n,k,t,2\n",
            NAMED,
            [
                {"id": "a", "name": "y", "value": 1},
                {"key": "k", "time": "t", "name": "y", "value": 2},
            ],
        ),
        (
            "id,order,bought,label\n1,k,t,x\n",
            Columns(name="y", key="order", time="bought", value="label"),
            [{"key": "k", "time": "t", "name": "y", "value": "x"}],
        ),
        (
            "prediction,value\na,x\n",
            Columns(name="y", id="prediction"),
            [{"id": "a", "name": "y", "value": "x"}],
        ),
        ('id,value\n"a","x, ""y"""\n', NAMED, [{"id": "a", "name": "y", "value": 'x, "y"'}]),
        ('id,value\r\na,"1\r\n2"\r\n', NAMED, [{"id": "a", "name": "y", "value": "1\n2"}]),
        ("id,value\n\na,1\n , \n", NAMED, [{"id": "a", "name": "y", "value": 1}]),
        ("id,value\n", NAMED, []),
        ("", NAMED, []),
    ],
)
def test_columns_are_found(text: str, columns: Columns, items: list[Any]) -> None:
    found = _items(text, columns)
    assert [json.loads(one.text) for one in found] == items
    assert not any(one.problem for one in found)


def test_a_byte_order_mark_is_no_part_of_the_heading() -> None:
    assert len(_items(b"\xef\xbb\xbfid,value\na,1\n", NAMED)) == 1


def test_lines_are_those_where_a_row_begins() -> None:
    found = _items('id,value\na,"1\n2\n3"\nb,4\n\nc,5\n', NAMED)
    assert [one.line for one in found] == [2, 5, 7]


def test_a_row_that_makes_no_sense_is_refused_by_itself() -> None:
    found = _items("id,value\na\nb,1,2\nc,\nd,4\n", NAMED)
    assert [(one.line, one.problem, one.text) for one in found[:3]] == [
        (2, "the row has 1 columns, the heading 2", b"a"),
        (3, "the row has 3 columns, the heading 2", b"b,1,2"),
        (4, "the value is empty", b"c,"),
    ]
    assert not found[3].problem


@pytest.mark.parametrize(
    ("text", "columns", "what"),
    [
        ("id,name\n", Columns(), "no column 'value': name it by --value-column; it has: id, name"),
        ("id,value\n", Columns(), "no column 'name': say which feedback it is by --name"),
        ("value\n", NAMED, "no column 'id'"),
        ("key,value\n", NAMED, "--key-column and --time-column"),
        ("id,value\n", Columns(name="y", id="other"), "no column 'other' (--id-column)"),
        ("id,value\n", Columns(name="y", time="when"), "no column 'when' (--time-column)"),
        ('id,value\na,"1\nb,2\n', NAMED, "t.csv:3: this is no CSV"),
        ('id,value\na,"1"x\n', NAMED, "t.csv:2: this is no CSV"),
        (b"id,value\na,\xff\n", NAMED, "t.csv:2: this is not UTF-8"),
        ("id,value\na," + "x" * (2**20 + 1), NAMED, "t.csv:2: the line is longer"),
        ("id,value\na," + "x" * 200_000, NAMED, "t.csv:2: this is no CSV"),
    ],
)
def test_what_is_no_such_table_is_an_error(text: str, columns: Columns, what: str) -> None:
    with pytest.raises(Failure) as caught:
        _items(text, columns)
    assert what in str(caught.value)


def test_an_item_that_is_too_long_for_the_recorder_is_refused_here() -> None:
    found = _items("id,value\na," + "x" * 70_000 + "\nb,1\n", NAMED)
    assert [one.problem for one in found] == ["the item is longer than 65536 bytes", ""]
