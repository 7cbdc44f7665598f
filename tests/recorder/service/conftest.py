"""A real recorder, reached by gRPC and HTTP, with a real API server that vouches for tokens."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dev.postgres import Postgres
from dev.test.machine import lacks
from tests.contract.server import Server
from tests.recorder.service.cluster import Cluster
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def cluster(apiserver: Server, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The API server, with the recorder installed."""
    return Cluster(apiserver, tmp_path_factory.mktemp("recorder"))


@pytest.fixture(scope="module")
def caller(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A recorder for all tests of a file. None of them may make it fail."""
    process = Process(cluster.kubeconfig, tmp_path_factory.mktemp("store"))
    process.start()
    yield Caller(cluster, process)
    ended_well(process)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    """A recorder for all tests of a file, on each kind of store."""
    store = _location(request)
    process = Process(cluster.kubeconfig, tmp_path_factory.mktemp("store"), store)
    process.start()
    yield Caller(cluster, process)
    ended_well(process)


@pytest.fixture(params=["sqlite", "postgresql"])
def own(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Caller]:
    """A recorder for one test, on each kind of store."""
    process = Process(cluster.kubeconfig, tmp_path, _location(request))
    process.start()
    yield Caller(cluster, process)
    ended_well(process)


def _location(request: pytest.FixtureRequest) -> str:
    """Return a database that is new; empty for a file."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("lasting_postgres")
    name = f"service_{next(_NUMBERS)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.dsn.removesuffix("postgres") + name


@pytest.fixture(scope="session")
def lasting_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests."""
    yield from _postgres()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, which the test may kill."""
    yield from _postgres()


def _postgres() -> Iterator[Postgres]:
    if reason := lacks("postgres"):
        pytest.skip(reason)
    with Postgres({"fsync": "off"}) as server:
        yield server


def ended_well(process: Process) -> None:
    """Stop a recorder, unless the test did, and see that nothing was wrong."""
    try:
        if process.runs:
            assert process.stop() == 0
        _, *failures = process.log().split("Traceback (most recent call last):")
        # aiohttp tells at length of requests that are none.
        ours = [one for one in failures if "aiohttp.http_exceptions." not in one]
        assert not ours, ours[0]
    finally:
        process.kill()
