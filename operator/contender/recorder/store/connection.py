"""What the store asks of a database. SQL is written once: with `?` for values, in words that both
SQLite and PostgreSQL understand."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table that is written row by row."""

    name: str
    columns: tuple[str, ...]
    key: int
    """So many of its first columns tell its rows apart."""
    keeps: bool = False
    """Whether a row that is there stays as it is when it is inserted again."""


class Connection(Protocol):
    """A connection to a database.

    Raises (every method): StoreError.
    """

    where: str
    """What people call the database; without secrets."""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what a query finds."""
        ...

    def matching(self, columns: tuple[str, ...], keys: Collection[Row], sql: str) -> Iterator[Row]:
        """Iterate over what a query finds for keys, which it reads from the table `wanted` with
        these columns. It may be asked in parts."""
        ...

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Carry out a statement; return how many rows it changed."""
        ...

    def insert(self, table: Table, rows: Collection[Row]) -> None:
        """Insert rows none of which is there."""
        ...

    def insert_new(self, table: Table, rows: Collection[Row]) -> bool:
        """Insert rows within a transaction, unless one of them is there or comes twice; then insert
        none. Return whether they were inserted."""
        ...

    def upsert(self, table: Table, rows: Collection[Row]) -> int:
        """Insert rows, in place of those with the same key; return how many were inserted or
        changed. A table that is all key, or that keeps what it has, keeps the rows that it has."""
        ...

    def delete(self, table: str, columns: tuple[str, ...], keys: Collection[Row]) -> int:
        """Delete the rows that have one of these keys in these columns; return how many."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Carry out what happens within all of it or not at all; it is durable afterwards."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Read all within as of one moment."""
        ...

    def thoroughly(self) -> AbstractContextManager[None]:
        """Have what is deleted within overwritten, as far as the database can."""
        ...

    def tidy(self) -> None:
        """Give back disk space that deletions have freed, if that is worthwhile."""
        ...

    def another(self) -> "Connection":
        """Return a connection for another thread, which only reads."""
        ...

    def close(self) -> None:
        """End it."""
        ...


def conflict(table: Table) -> str:
    """Return what an INSERT does about rows that are there."""
    key = ", ".join(table.columns[: table.key])
    rest = ", ".join(f"{name} = excluded.{name}" for name in table.columns[table.key :])
    replaces = rest and not table.keeps
    return f"ON CONFLICT ({key}) DO " + (f"UPDATE SET {rest}" if replaces else "NOTHING")


def unique(table: Table, rows: Iterable[Row]) -> Collection[Row]:
    """Return the last row of each key."""
    return {row[: table.key]: row for row in rows}.values()
