"""Parquet from rows in JSON Lines."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from contender.cli.columns import Column, Columns, Json, Type, as_json
from contender.cli.command import Failure

GROUP = 10_000
"""Rows that are in memory together."""

_ARROW = {
    Type.TEXT: pa.string(),
    Type.JSON: pa.string(),
    Type.BOOLEAN: pa.bool_(),
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    Type.MOMENT: pa.timestamp("us", tz="UTC"),
}


def write_parquet(source: Path, target: Path) -> None:
    """Write rows as Parquet.

    Args:
        source: JSON Lines; read twice.
        target: is overwritten.

    Raises:
        Failure: these are no rows.
    """
    try:
        found = Columns()
        for row in _rows(source):
            found.see(row)
        _write(source, target, [*found.columns()])
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        what = f"the recorder sent rows that this version does not understand ({error!r})"
        raise Failure(f"{what}: use --format jsonl, or the recorder's own version") from error


def _write(source: Path, target: Path, columns: list[Column]) -> None:
    schema = pa.schema([(one.name, _ARROW[one.type]) for one in columns])
    rows = _rows(source)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := [*islice(rows, GROUP)]:
            arrays = [_array(one, group) for one in columns]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=GROUP)


def _array(column: Column, rows: list[Json]) -> Any:
    values = [column.get(row) for row in rows]
    match column.type:
        case Type.JSON:
            values = [as_json(one) for one in values]
        case Type.NUMBER:
            values = [None if one is None else float(one) for one in values]
        case Type.MOMENT:
            values = [None if one is None else datetime.fromisoformat(one) for one in values]
    return pa.array(values, _ARROW[column.type])


def _rows(source: Path) -> Iterator[Json]:
    with source.open("rb") as file:
        for line in file:
            yield orjson.loads(line)
