"""The store in an SQLite file."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
import fcntl
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from contender.recorder.store.base import StoreError
from contender.recorder.store.connection import Connection, Row, Table, conflict
from contender.recorder.store.schema import migrate
from contender.recorder.store.sql import SqlStore

WORDS = {
    "int": "INTEGER",
    "small": "INTEGER",
    "text": "TEXT",
    "bytes": "BLOB",
    "number": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "clustered": "WITHOUT ROWID",
}
CACHE_KIB = 32 * 1024
READER_CACHE_KIB = 4 * 1024
WAL_PAGES = 8 * 1024
"""How many pages are written before they are moved to the file: the more, the fewer are moved
twice."""
WAL_BYTES = 64 * 1024 * 1024
"""What is kept of the log, so that data can be deleted when the disk is full."""
SPARE_PAGES = 4 * 1024
PART = 2 * 1024
"""Pages given back at a time."""
SIZES = (64, 16, 4, 1)
"""How many keys one statement looks for: few different statements, which stay prepared."""

# Bytes are taken as they are. Without this, sqlite3 asks each of them in vain whether it would
# rather be something else, which takes longer than storing it.
sqlite3.register_adapter(bytes, bytes)


class SqliteStore(SqlStore):
    """A Store in a file."""

    @classmethod
    def open(cls, path: str | Path) -> "SqliteStore":
        """Open a store, or make it.

        Raises:
            StoreError: it cannot be opened, another process writes to it, or a newer version made
                it.
        """
        connection = SqliteConnection(Path(path).absolute())
        try:
            migrate(connection, WORDS)
        except BaseException:
            connection.close()
            raise
        return cls(connection)


class SqliteConnection:
    """A connection to the file. The one that writes holds the lock beside it."""

    def __init__(self, path: Path, *, reads_only: bool = False) -> None:
        self.where = str(path)
        self._path = path
        self._lock = -1 if reads_only else self._take_lock()
        try:
            with self._errors():
                self._connection = sqlite3.connect(
                    path, timeout=30, isolation_level=None, check_same_thread=False
                )
                self._set_up(reads_only)
        except BaseException:
            self._release()
            raise

    def _set_up(self, reads_only: bool) -> None:
        settings = ["temp_store = MEMORY"]
        if reads_only:
            settings += [f"cache_size = -{READER_CACHE_KIB}", "query_only = ON"]
        else:
            settings += [
                "page_size = 8192",  # before the first table: bodies fill pages better
                "auto_vacuum = INCREMENTAL",  # likewise
                "journal_mode = WAL",
                "synchronous = FULL",
                f"cache_size = -{CACHE_KIB}",
                f"wal_autocheckpoint = {WAL_PAGES}",
                f"journal_size_limit = {WAL_BYTES}",
                "secure_delete = FAST",
            ]
        for setting in settings:
            self._connection.execute(f"PRAGMA {setting}")

    def _take_lock(self) -> int:
        with self._errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise StoreError(
                    f"another recorder writes to {self._path}: only one can at a time"
                ) from None
            return lock

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what a query finds."""
        with self._errors():
            return self._connection.execute(sql, values).fetchall()

    def matching(self, columns: tuple[str, ...], keys: Collection[Row], sql: str) -> Iterator[Row]:
        """Iterate over what a query finds for keys, in parts."""
        rest = list(keys)
        start = 0
        while start < len(rest):
            size = next(size for size in SIZES if size <= len(rest) - start)
            values = [value for key in rest[start : start + size] for value in key]
            yield from self.rows(_wanted(columns, size) + sql, values)
            start += size

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Carry out a statement."""
        with self._errors():
            return self._connection.execute(sql, values).rowcount

    def insert(self, table: Table, rows: Collection[Row]) -> None:
        """Insert rows none of which is there."""
        self._many(_insert(table), rows)

    def insert_new(self, table: Table, rows: Collection[Row]) -> bool:
        """Insert rows, unless one of them is there or comes twice."""
        self.run("SAVEPOINT new")
        try:
            self.insert(table, rows)
        except sqlite3.IntegrityError:
            self.run("ROLLBACK TO new")
            self.run("RELEASE new")
            return False
        self.run("RELEASE new")
        return True

    def upsert(self, table: Table, rows: Collection[Row]) -> int:
        """Insert rows, in place of those with the same key."""
        return self._many(f"{_insert(table)} {conflict(table)}", rows)

    def delete(self, table: str, columns: tuple[str, ...], keys: Collection[Row]) -> int:
        """Delete the rows that have one of these keys."""
        same = " AND ".join(f"{name} = ?" for name in columns)
        return self._many(f"DELETE FROM {table} WHERE {same}", keys)

    def _many(self, sql: str, rows: Collection[Row]) -> int:
        with self._errors():
            return self._connection.executemany(sql, rows).rowcount if rows else 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Carry out what happens within all of it or not at all."""
        with self._within("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read all within as of one moment."""
        with self._within("BEGIN"):
            yield

    @contextmanager
    def _within(self, begin: str) -> Iterator[None]:
        self.run(begin)
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def thoroughly(self) -> Iterator[None]:
        """Have what is deleted within overwritten, in the file and in its log."""
        with self._errors():
            self._connection.execute("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            with self._errors():
                self._connection.execute("PRAGMA secure_delete = FAST")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def tidy(self) -> None:
        """Give back free pages, but those that will soon be used again, a part at a time."""
        free, pages = self._number("freelist_count"), self._number("page_count")
        surplus = free - max(SPARE_PAGES, pages // 8)
        if surplus > 0:
            with self._errors():
                # As a script: a query would end after the first page.
                self._connection.executescript(f"PRAGMA incremental_vacuum({min(surplus, PART)})")

    def _number(self, pragma: str) -> int:
        return self.rows(f"PRAGMA {pragma}")[0][0]

    def another(self) -> Connection:
        """Return a connection for another thread, which only reads."""
        return SqliteConnection(self._path, reads_only=True)

    def close(self) -> None:
        """End it, and let another one write."""
        try:
            with self._errors():
                self._connection.close()
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DataError, sqlite3.IntegrityError):
            raise  # a defect of ours, which is the same the next time
        except (sqlite3.Error, OSError) as error:
            _complain(self._path, error)


def _complain(path: Path, error: Exception) -> NoReturn:
    code: Any = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        raise StoreError(
            f"the disk of {path} is full. Give it more space, or let less be kept: "
            "spec.capture.retention"
        ) from error
    if code == sqlite3.SQLITE_NOTADB:
        raise StoreError(f"{path} is something else than a store; name another file") from error
    raise StoreError(f"{path}: {error}") from error


@cache
def _wanted(columns: tuple[str, ...], size: int) -> str:
    one = f"({', '.join('?' * len(columns))})"
    return f"WITH wanted({', '.join(columns)}) AS (VALUES {', '.join([one] * size)}) "


@cache
def _insert(table: Table) -> str:
    places = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})"
