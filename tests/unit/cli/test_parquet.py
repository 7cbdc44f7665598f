"""Parquet holds what the JSON Lines held."""

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.cli.columns import MOST_FEATURES
from contender.cli.command import Failure
from contender.cli.parquet import write_parquet
from tests.unit.cli.rows import row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
INTEGER = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SCALAR = st.none() | st.booleans() | INTEGER | NUMBER | TEXT
NESTED = st.recursive(SCALAR, lambda one: st.lists(one, max_size=2) | st.dictionaries(TEXT, one))
COLUMN = st.one_of(
    *(
        st.lists(st.none() | one, min_size=1, max_size=6)
        for one in (st.booleans(), INTEGER, INTEGER | NUMBER, TEXT, SCALAR, NESTED)
    )
)


def _table(*rows: dict[str, Any], lines: bytes | None = None) -> pa.Table:
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
        source.write_bytes(lines or b"".join(json.dumps(one).encode() + b"\n" for one in rows))
        write_parquet(source, target)
        return pq.read_table(target)


def _like(values: list[Any], found: pa.ChunkedArray) -> None:
    """Check that a column holds values as they were, in the narrowest type."""
    types = {type(one) for one in values if one is not None}
    read = found.to_pylist()
    if types == {bool}:
        assert found.type == pa.bool_()
        assert read == values
    elif types == {int}:
        assert found.type == pa.int64()
        assert read == values
    elif types and types <= {int, float}:
        assert found.type == pa.float64()
        assert read == [None if one is None else float(one) for one in values]
    elif types <= {str}:
        assert found.type in (pa.string(), pa.float64())  # of nothing but null, either
        assert read == values
    else:
        assert found.type == pa.string()
        assert [None if one is None else json.loads(one) for one in read] == values


def test_a_row_becomes_columns() -> None:
    table = _table(row(3))
    assert table.to_pylist() == [
        {
            "id": "0f8fad5b-d9cb-469f-a165-70867728950e/3",
            "time": datetime(2026, 1, 31, 12, 0, 0, 123456, UTC),
            "version": "1",
            "revision": "churn-aaaa",
            "arm": "incumbent",
            "propensity": 0.9,
            "experiment": None,
            "epoch": None,
            "outcome": "ANSWERED",
            "output": 1,
            "score": 0.75,
            "row.age": 3,
            "row.plan": "free",
            "copies.v2.version": "2",
            "copies.v2.outcome": "TIMEOUT",
            "copies.v2.output": None,
            "copies.v2.score": None,
            "feedback.churned": True,
            "feedback.churned.at": datetime(2026, 2, 1, tzinfo=UTC),
        }
    ]
    types = {one.name: one.type for one in table.schema}
    assert types["time"] == types["feedback.churned.at"] == pa.timestamp("us", tz="UTC")
    assert types["propensity"] == types["copies.v2.score"] == pa.float64()
    assert types["experiment"] == types["copies.v2.output"] == pa.string()
    assert types["row.age"] == pa.int64()
    assert types["feedback.churned"] == pa.bool_()


def test_columns_are_those_of_all_rows() -> None:
    table = _table(
        row(0, row={"a": 1}, copies={}, feedback={}),
        row(1, row={"b": 2}, feedback={"won": {"value": 1.5, "at": "2026-02-01T00:00:00Z"}}),
        row(2, row=None),
    )
    assert table.column("row.a").to_pylist() == [1, None, None]
    assert table.column("row.b").to_pylist() == [None, 2, None]
    assert table.column("copies.v2.version").to_pylist() == [None, "2", "2"]
    assert table.column("feedback.won").to_pylist() == [None, 1.5, None]
    assert table.column("feedback.churned").to_pylist() == [None, None, True]


def test_arrays_of_scalars_become_columns_by_place() -> None:
    table = _table(row(0, row=[1, "x"]), row(1, row=[2]), row(2, row=None))
    assert table.column("row.0").to_pylist() == [1, 2, None]
    assert table.column("row.1").to_pylist() == ["x", None, None]


@pytest.mark.parametrize(
    "features",
    [
        [{"a": {"b": 1}}, {"a": 1}],
        [[1, 2], {"a": 1}],
        [[[1, 2]], [3]],
        [5, "x"],
        [list(range(MOST_FEATURES + 1)), [1]],
        [{str(one): one for one in range(MOST_FEATURES + 1)}, None],
    ],
    ids=["nested", "mixed", "matrix", "scalar", "very long", "very wide"],
)
def test_other_shapes_become_json_text(features: list[Any]) -> None:
    table = _table(*(row(number, row=one) for number, one in enumerate(features)))
    found = [one and json.loads(one) for one in table.column("row").to_pylist()]
    assert found == features
    assert not [one for one in table.column_names if one.startswith("row.")]


def test_rows_without_features_have_no_column_of_them() -> None:
    assert not [one for one in _table(row(row=None)).column_names if one.startswith("row")]


def test_row_groups_are_bounded(tmp_path: Path) -> None:
    source, target = tmp_path / "rows.jsonl", tmp_path / "rows.parquet"
    source.write_text("".join(json.dumps(row(number)) + "\n" for number in range(10_500)))
    write_parquet(source, target)
    found = pq.ParquetFile(target)
    assert [found.metadata.row_group(one).num_rows for one in range(2)] == [10_000, 500]
    assert found.read(["row.age"]).column(0).to_pylist() == list(range(10_500))


def test_a_field_of_a_newer_recorder_is_kept() -> None:
    assert _table(row(), row(weight=2)).column("weight").to_pylist() == [None, 2]


@pytest.mark.parametrize("lines", [b"{broken\n", b"[]\n", b"{}\n", b'{"row": 1, "copies": 2}\n'])
def test_what_is_no_row_is_an_error(lines: bytes) -> None:
    with pytest.raises(Failure, match="use --format jsonl"):
        _table(lines=lines)


@settings(max_examples=200, deadline=None)
@given(COLUMN)
def test_columns_of_any_values_read_back_as_they_were(values: list[Any]) -> None:
    told = [{"value": one, "at": "2026-02-01T00:00:00Z"} for one in values]
    table = _table(
        *(
            row(
                number,
                row={"x": one},
                output=one,
                score=one,
                copies={"v2": {"version": "2", "outcome": "ERROR", "output": one, "score": one}},
                feedback={"y": told[number]},
            )
            for number, one in enumerate(values)
        )
    )
    names = ["output", "score", "copies.v2.output", "copies.v2.score", "feedback.y"]
    for name in names:
        _like(values, table.column(name))
    if any(isinstance(one, (dict, list)) for one in values):
        assert [json.loads(one)["x"] for one in table.column("row").to_pylist()] == values
    else:
        _like(values, table.column("row.x"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(TEXT, SCALAR, max_size=4), min_size=1, max_size=4))
def test_features_of_any_name_are_found_again(rows: list[dict[str, Any]]) -> None:
    table = _table(*(row(number, row=one) for number, one in enumerate(rows)))
    for name in {name for one in rows for name in one}:
        _like([one.get(name) for one in rows], table.column(f"row.{name}"))


def test_numbers_beyond_64_bits_are_doubles() -> None:
    found = _table(row(output=2**63), row(output=1)).column("output")
    assert found.type == pa.float64()
    assert found.to_pylist() == [float(2**63), 1.0]
