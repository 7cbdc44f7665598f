"""Whatever is killed or full: what was acknowledged is there, and nothing is there in part."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contender.recorder.model import Selection
from contender.recorder.store.base import StoreError
from contender.recorder.store.sql import SqlStore
from dev.paths import CHECKOUT
from dev.postgres import Postgres
from dev.test.machine import lacks
from tests.recorder.store.conftest import opened
from tests.recorder.store.writes import ANSWERS, write


def test_what_a_killed_writer_acknowledged_is_there(location: str) -> None:
    written = 0
    for patience in (1, 2, 7):
        acknowledged = _writes_until_killed(location, written, patience)
        # The server may take a moment to notice that the writer is gone.
        store = _eventually(lambda: opened(location))
        written = _whole_batches(store)
        store.close()
        assert written in (acknowledged, acknowledged + 1)


def _writes_until_killed(location: str, first: int, patience: int) -> int:
    """Return how many batches were acknowledged in all; kill the writer after some of its own."""
    paths = os.pathsep.join([str(CHECKOUT / "operator"), str(CHECKOUT)])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.recorder.store.writes", location, str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    for _ in range(patience):
        assert process.stdout.readline().strip()
    process.kill()
    rest = process.stdout.read().splitlines()
    process.wait()
    return first + patience + len(rest)


def test_a_store_goes_on_after_its_server_was_killed() -> None:
    if reason := lacks("postgres"):
        pytest.skip(reason)
    with Postgres() as server:
        store = opened(server.dsn)
        reader = store.reader()
        acknowledged, enough = 0, threading.Event()

        def kill() -> None:
            enough.wait()
            server.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(StoreError, match=str(server.port)):  # noqa: PT012
            while True:
                write(store, acknowledged)
                acknowledged += 1
                if acknowledged == 5:
                    enough.set()
        killer.join()
        for one in (store, reader):
            with pytest.raises(StoreError):
                one.endpoints()
        server.start()
        assert _whole_batches(store) in (acknowledged, acknowledged + 1)
        with suppress(StoreError):
            reader.endpoints()
        assert reader.endpoints() == store.endpoints()
        # It took the lock again.
        with pytest.raises(StoreError, match="another recorder"):
            opened(server.dsn)
        write(store, acknowledged)
        assert _whole_batches(store) == acknowledged + 1
        store.close()
        reader.close()


def test_a_batch_that_is_cut_off_can_be_written_again(postgres: Postgres) -> None:
    """The server ends the connection within a transaction."""
    store = opened(postgres.dsn)
    write(store, 0)
    with pytest.raises(StoreError), store._connection.transaction():  # noqa: PT012
        store._connection.run("DELETE FROM feedback")
        store._connection.rows("SELECT pg_terminate_backend(pg_backend_pid())")
    assert _whole_batches(_eventually(lambda: _works(store))) == 1
    write(store, 1)
    assert _whole_batches(store) == 2
    store.close()


def _works(store: SqlStore) -> SqlStore:
    store.endpoints()
    return store


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("a small disk is mounted by root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "contender-test", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_does_no_harm(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(6 * 1024 * 1024))
    path = small_disk / "store.db"
    store = opened(str(path))
    write(store, 0)
    written = 1
    with pytest.raises(StoreError) as full:  # noqa: PT012
        while True:
            write(store, written)
            written += 1
    assert str(path) in str(full.value)
    assert "spec.capture.retention" in str(full.value)
    reader = store.reader()
    assert _whole_batches(store) == written
    assert reader.endpoints() == store.endpoints()
    with pytest.raises(StoreError):
        write(store, written)
    ballast.unlink()
    write(store, written)
    assert _whole_batches(store) == written + 1
    reader.close()
    store.close()
    again = opened(str(path))
    assert _whole_batches(again) == written + 1
    again.close()


def test_deleted_data_gives_its_space_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contender.recorder.store.sqlite.SPARE_PAGES", 10)
    path = tmp_path / "store.db"
    store = opened(str(path))
    for number in range(20):
        write(store, number)
    store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    endpoint = store.endpoints()[0].number
    while store.expire(endpoint, 2**62, ANSWERS)[0]:
        pass
    store._connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size < before / 4
    store.close()


def _whole_batches(store: SqlStore) -> int:
    """Return how many batches there are: the first ones, each of them whole."""
    (endpoint,) = store.endpoints()
    written = store.counters()[endpoint.number, "batches"]
    found = [one for page in store.scan(Selection(endpoint.number)) for one in page]
    times = [one.answers[0].time for one in found]
    assert times == [number for number in range(written) for _ in range(ANSWERS)]
    assert all(len(one.feedback) == 1 for one in found)
    handles = "SELECT count(*) FROM handles"
    assert store._connection.rows(handles) == [(written * ANSWERS,)]
    return written


def _eventually(ask: Callable[[], SqlStore], seconds: float = 30) -> SqlStore:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
