"""Who may open a store, and what is said to those who may not."""

import threading
from pathlib import Path

import pytest

from contender.recorder.model import Batch
from contender.recorder.store import schema
from contender.recorder.store.base import StoreError
from contender.recorder.store.opening import open_store
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.conftest import opened
from tests.recorder.store.made import answer, contents, everything, feedback, sixteen, stratum


def test_a_second_writer_is_refused(store: SqlStore, endpoint: int, location: str) -> None:
    with pytest.raises(StoreError, match="another recorder writes to"):
        open_store(location)
    # The first one does not notice.
    store.write(everything(store, endpoint, 10))
    store.close()
    opened(location).close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(
    store: SqlStore, endpoint: int, location: str
) -> None:
    store.write(everything(store, endpoint, 10))
    before = contents(store, endpoint)
    newer = schema.VERSION + 1
    store._connection.run("UPDATE contender_schema SET version = ?", [newer])
    store.close()
    for _ in range(2):  # the lock is given back
        with pytest.raises(StoreError, match=f"newer version of Contender.*version {newer}"):
            open_store(location)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "VERSION", newer)
        again = opened(location)
    assert contents(again, endpoint) == before
    again.close()


def test_an_older_store_gets_what_it_lacks(
    store: SqlStore, endpoint: int, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    newer = (schema.VERSION + 1, ["CREATE TABLE more (value {int})"])
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, newer])
    monkeypatch.setattr(schema, "VERSION", newer[0])
    for _ in range(2):
        again = opened(location)
        assert again._connection.rows("SELECT value FROM more") == []
        assert again._connection.rows("SELECT version FROM contender_schema") == [(newer[0],)]
        assert [one.number for one in again.endpoints()] == [endpoint]
        again.close()


def test_a_store_of_the_first_version_knows_from_when_on_rows_count(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        patch.setattr(schema, "VERSION", 1)
        old = opened(location)
        busy, idle = (old.endpoint(one, "default", one, 10, 100) for one in ("busy", "idle"))
        number = old.stratum(stratum(busy))
        run = old._connection.run
        for time in (30, 50, 40):
            known = answer(busy, time, number, time)._asdict() | {"size": 9}
            del known["segments"]  # which it did not know
            places = ", ".join("?" * len(known))
            run(f"INSERT INTO answers ({', '.join(known)}) VALUES ({places})", [*known.values()])
        old.close()
    again = opened(location)
    assert again.counters() == {(busy, schema.NOT_BEFORE): 51}
    assert idle != busy
    again.write(everything(again, busy, 60))
    assert [one.number for one in again.looks({"x": 0})] == [1, 2]
    again.close()


def test_a_migration_that_fails_changes_nothing(
    store: SqlStore, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    bad = (schema.VERSION + 1, ["CREATE TABLE more (value {int})", "CREATE TABLE"])
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, bad])
        with pytest.raises(StoreError):
            open_store(location)
    again = opened(location)
    with pytest.raises(StoreError):
        again._connection.rows("SELECT value FROM more")
    assert again._connection.rows("SELECT version FROM contender_schema") == [(schema.VERSION,)]
    again.close()


def test_a_reader_sees_whole_batches_while_they_are_written(store: SqlStore, endpoint: int) -> None:
    number = store.stratum(stratum(endpoint))
    names = [[f"{batch} {name}" for name in range(30)] for batch in range(40)]
    keys = [[(endpoint, sixteen(name)) for name in batch] for batch in names]
    over, troubles, sights = threading.Event(), list[str](), [0]

    def read() -> None:
        reader = store.reader()
        try:
            while True:
                last = over.is_set()
                for batch in keys:
                    found = reader.stored(batch)
                    if len(found) not in (0, 30) or any(
                        len(one.answers) != 1 or len(one.feedback) != 1 for one in found.values()
                    ):
                        troubles.append(f"{len(found)} of 30: {found}")
                    sights[0] += len(found)
                if last:
                    return
        except StoreError as error:
            troubles.append(str(error))
        finally:
            reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    for batch in names:
        answers = [answer(endpoint, name, number) for name in batch]
        store.write(Batch(answers=answers, feedback=[feedback(endpoint, name) for name in batch]))
    over.set()
    thread.join()
    assert troubles == []
    assert sights[0] >= 30 * 40


def test_a_reader_cannot_write(store: SqlStore) -> None:
    reader = store._connection.another()
    with pytest.raises(StoreError):
        reader.run("DELETE FROM marks")
    reader.close()


@pytest.mark.parametrize(
    ("location", "word"),
    [("mysql://host/base", "mysql"), ("sqlite://host/x", "sqlite"), ("", "no file")],
)
def test_a_location_that_is_not_understood_is_refused(location: str, word: str) -> None:
    with pytest.raises(StoreError, match=word) as refused:
        open_store(location)
    assert "postgresql://" in str(refused.value)


def test_a_path_may_be_a_url_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    opened(f"sqlite://{path}").close()
    assert path.exists()
    opened(str(path)).close()


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("dear customer, " * 100)
    with pytest.raises(StoreError, match=r"letter\.txt"):
        open_store(str(path))
    assert path.read_text() == "dear customer, " * 100
    with pytest.raises(StoreError, match=r"letter\.txt"):
        open_store(str(path / "store.db"))


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://me:secretword@127.0.0.1:1/base",
        "postgresql://me:secretword@127.0.0.1:port/base",
        "postgresql://me:secretword@127.0.0.1:1/base?unknown=1",
        "postgres://me:secretword%@127.0.0.1:1/base",
    ],
)
def test_no_error_tells_the_password(location: str) -> None:
    with pytest.raises(StoreError) as refused:
        open_store(location)
    error: BaseException | None = refused.value
    while error is not None:
        assert "secretword" not in str(error)
        error = error.__cause__
