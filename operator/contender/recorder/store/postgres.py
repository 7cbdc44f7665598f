"""The store in a PostgreSQL database."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8BinaryDumper

from contender.recorder.store.base import StoreError
from contender.recorder.store.connection import Connection, Row, Table, conflict, unique
from contender.recorder.store.schema import migrate
from contender.recorder.store.sql import SqlStore

WORDS = {
    "int": "BIGINT",
    "small": "SMALLINT",
    "text": 'TEXT COLLATE "C"',
    "bytes": "BYTEA",
    "number": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "clustered": "",
}
SCHEMA = "contender"
LOCK = 0x636F6E74656E6472
"""Of the one that writes; any number that others do not take."""
SETTINGS = {
    "search_path": SCHEMA,
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    # Every query walks along an index. What the planner guesses of a table that has just grown must
    # not lead it to read and sort all of it for each page.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # A recorder whose machine is gone must not hold the lock for hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
PATIENCE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How long a server may be silent; what the location says goes first."""


class PostgresStore(SqlStore):
    """A Store in a schema of its own."""

    @classmethod
    def open(cls, dsn: str) -> "PostgresStore":
        """Open a store, or make it.

        Raises:
            StoreError: the server cannot be reached, another process writes to the store, or a
                newer version made it.
        """
        connection = PostgresConnection(dsn)
        try:
            if connection.rows("SELECT to_regnamespace(?)", [SCHEMA])[0][0] is None:
                connection.run(f"CREATE SCHEMA {SCHEMA}")
            migrate(connection, WORDS)
        except BaseException:
            connection.close()
            raise
        return cls(connection)


class PostgresConnection:
    """A connection to the database, made anew after it broke. The one that writes holds a lock as
    long as it lives."""

    def __init__(self, dsn: str, *, reads_only: bool = False) -> None:
        self._dsn = dsn
        self._parameters = _parameters(dsn)
        self._reads_only = reads_only
        self._types: dict[str, list[int]] = {}
        self._connection: psycopg.Connection | None = None
        self.where = _where(self._parameters)
        self._live()

    def _live(self) -> psycopg.Connection:
        """Return a connection that works, as far as is known."""
        if self._connection is None:
            with self._errors():
                connection = psycopg.connect(**self._parameters, autocommit=True)
                try:
                    self._set_up(connection)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
        return self._connection

    def _set_up(self, connection: psycopg.Connection) -> None:
        # Values that differ only in how large they are must not be different statements.
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        for name, value in SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        if self._reads_only:
            connection.execute("SET default_transaction_read_only = on")
            return
        taken = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if taken != (True,):
            raise StoreError(f"another recorder writes to {self.where}: only one can at a time")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what a query finds."""
        with self._errors(), self._live().cursor(binary=True) as cursor:
            return cursor.execute(_translated(sql), values).fetchall()

    def matching(self, columns: tuple[str, ...], keys: Collection[Row], sql: str) -> Iterator[Row]:
        """Iterate over what a query finds for keys."""
        if keys:
            arrays, values = _arrays(keys)
            yield from self.rows(f"WITH wanted({', '.join(columns)}) AS ({arrays}) {sql}", values)

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Carry out a statement."""
        with self._errors(), self._live().cursor() as cursor:
            return cursor.execute(_translated(sql), values).rowcount

    def insert(self, table: Table, rows: Collection[Row]) -> None:
        """Insert rows none of which is there."""
        if not rows:
            return
        columns = ", ".join(table.columns)
        with self._errors(), self._live().cursor() as cursor:
            if table.name not in self._types:
                cursor.execute(_query(f"SELECT {columns} FROM {table.name} LIMIT 0"))
                self._types[table.name] = [one.type_code for one in cursor.description or ()]
            into = f"COPY {table.name} ({columns}) FROM STDIN (FORMAT BINARY)"
            with cursor.copy(_query(into)) as copy:
                copy.set_types(self._types[table.name])
                for row in rows:
                    copy.write_row(row)

    def insert_new(self, table: Table, rows: Collection[Row]) -> bool:
        """Insert rows, unless one of them is there or comes twice."""
        try:
            with self.transaction():  # a savepoint
                self.insert(table, rows)
        except psycopg.errors.UniqueViolation:
            return False
        return True

    def upsert(self, table: Table, rows: Collection[Row]) -> int:
        """Insert rows, in place of those with the same key."""
        if not rows:
            return 0
        arrays, values = _arrays(unique(table, rows))
        columns = ", ".join(table.columns)
        return self.run(f"INSERT INTO {table.name} ({columns}) {arrays} {conflict(table)}", values)

    def delete(self, table: str, columns: tuple[str, ...], keys: Collection[Row]) -> int:
        """Delete the rows that have one of these keys."""
        if not keys:
            return 0
        arrays, values = _arrays(keys)
        same = " AND ".join(f"one.{name} = wanted.{name}" for name in columns)
        return self.run(
            f"DELETE FROM {table} one USING ({arrays}) wanted({', '.join(columns)}) WHERE {same}",
            values,
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Carry out what happens within all of it or not at all."""
        with self._errors(), self._live().transaction():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read all within as of one moment."""
        with self.transaction():
            self.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def thoroughly(self) -> AbstractContextManager[None]:
        """Nothing: the server overwrites what it has freed in its own time."""
        return nullcontext()

    def tidy(self) -> None:
        """Nothing: the server does it by itself."""

    def another(self) -> Connection:
        """Return a connection for another thread, which only reads."""
        return PostgresConnection(self._dsn, reads_only=True)

    def close(self) -> None:
        """End it, and let another one write."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.DataError, psycopg.IntegrityError):
            raise  # a defect of ours, which is the same the next time
        except (psycopg.Error, OSError) as error:
            if self._connection is not None and self._connection.closed:
                self._connection = None
            raise StoreError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        if isinstance(error, psycopg.errors.DiskFull):
            return (
                f"the disk of {self.where} is full. Give it more space, or let less be kept: "
                "spec.capture.retention"
            )
        text = str(error).strip().partition("\n")[0]
        return f"{self.where}: {text}"


def _parameters(dsn: str) -> dict[str, Any]:
    try:
        return {**PATIENCE, **conninfo_to_dict(dsn)}
    except psycopg.ProgrammingError:
        # Its text quotes the location, which may hold a password.
        raise StoreError(
            "the location of the store cannot be read; it should be like "
            "postgresql://user:password@host:5432/database, with % codes for special characters"
        ) from None


def _where(parameters: dict[str, Any]) -> str:
    host, port = parameters.get("host", "localhost"), parameters.get("port", "5432")
    database = parameters.get("dbname", "")
    return f"PostgreSQL on {host}:{port}" + (f", database {database}" if database else "")


def _query(sql: str) -> bytes:
    return sql.encode()


@cache
def _translated(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()


def _arrays(rows: Collection[Row]) -> tuple[str, list[str]]:
    """Return a query for these rows, and its values: for each column one array, as text. This is
    several times as fast as a value for each field."""
    kinds, values = [], []
    for column in zip(*rows, strict=True):
        if isinstance(column[0], bytes):
            kinds.append("bytea")
            texts = [f'"\\\\x{one.hex()}"' for one in column]
        elif isinstance(column[0], str):
            kinds.append("text")
            texts = [_quoted(one) for one in column]
        else:
            kinds.append("bigint")
            texts = [str(int(one)) for one in column]
        values.append(f"{{{','.join(texts)}}}")
    return f"SELECT * FROM unnest({', '.join(f'?::{kind}[]' for kind in kinds)})", values


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
