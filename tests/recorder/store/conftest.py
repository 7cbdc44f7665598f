"""Both databases: what holds for one holds for the other."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contender.recorder.store.opening import open_store
from contender.recorder.store.sql import SqlStore
from dev.postgres import Postgres
from dev.test.machine import lacks

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server. Under pytest-xdist each worker has its own."""
    if reason := lacks("postgres"):
        pytest.skip(reason)
    with Postgres({"fsync": "off"}) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where there is no store yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.dsn.removesuffix("postgres") + name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def store(location: str) -> Iterator[SqlStore]:
    """An empty store."""
    store = opened(location)
    yield store
    store.close()


@pytest.fixture
def endpoint(store: SqlStore) -> int:
    """An endpoint of the store."""
    return store.endpoint("uid", "default", "churn", 3600, 10**9)


@pytest.fixture
def neighbour(store: SqlStore) -> int:
    """Another one."""
    return store.endpoint("other uid", "default", "fraud", 3600, 10**9)


def opened(location: str) -> SqlStore:
    store = open_store(location)
    assert isinstance(store, SqlStore)
    return store
