"""What is known of a person goes when it is asked for, and is nowhere in clear before."""

from pathlib import Path

from tests.recorder.books import Books
from tests.recorder.told import Call

ROWS = {"preset": "V1", "output": "/label", "entity": "/customer"}


def files(folder: Path) -> bytes:
    """Return all bytes that the store has on disk."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_an_erased_person_is_nowhere_in_the_files(tmp_path: Path) -> None:
    books = Books(tmp_path, rows=ROWS, feedback=None)
    for person, age in (("anna", 41414141), ("bert", 52525252)):
        call = Call(rows=[{"customer": person, "age": age, "note": f"{age}" * 3000}])
        books.take(call.answered([{"label": 1}]))
    assert b"anna" not in files(tmp_path), "a name is kept as a keyed hash only"
    assert b"41414141" in files(tmp_path)
    found = books.plans.get(books.endpoint)
    assert found
    assert books.store.erase(books.endpoint, found.pseudonym("anna")) == 1
    assert b"41414141" not in files(tmp_path)
    (row,) = books.rows()
    assert row["row"]["age"] == 52525252
    assert row["row"]["customer"].startswith("hmac:")
    books.store.close()
    assert b"41414141" not in files(tmp_path)
