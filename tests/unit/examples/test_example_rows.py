"""How the retraining job reads captured rows: all of them or none, and which it learns from."""

import importlib.util
import math
import re
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.unit.examples.rows_server import (
    HANG_UP,
    HEAD,
    ROWS,
    RowsServer,
    answering,
    as_lines,
    chunked,
    refusal,
)

FOUND = [{"id": "a/0", "row": [1.5, "é"]}, {"id": "a/1", "row": None}]
WHOLE = chunked(as_lines(FOUND))
BUSY = refusal(b"503 Service Unavailable", "StoreUnavailable")
MEASURED = [float(number) for number in range(30)]

Read = Callable[..., list[Any]]


def load(examples: Path, name: str) -> Any:
    path = examples / "breast-cancer" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(examples: Path) -> Any:
    return load(examples, "rows")


@pytest.fixture
def read(rows: Any, tmp_path: Path) -> Read:
    """Reads all rows of a server; tries twice more, at once."""
    token_file = tmp_path / "token"
    token_file.write_text("secret\n")

    def read(server: RowsServer, waits: tuple[float, ...] = (0, 0)) -> list[Any]:
        found: list[Any] = rows.read(rows.Source(server.url, token_file, "truth"), list, waits)
        return found

    return read


def test_reads_all_rows_with_its_token_and_asks_for_those_with_a_truth(read: Read) -> None:
    with answering(WHOLE) as server:
        assert read(server) == FOUND
    (asked,) = server.seen
    assert asked.startswith(b"GET /rows?labelled=truth HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer secret\r\n" in asked


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_portions_may_end_anywhere(read: Read, size: int) -> None:
    raw = as_lines(FOUND)
    portions = [raw[start : start + size] for start in range(0, len(raw), size)]
    with answering(chunked(*portions)) as server:
        assert read(server) == FOUND


def test_reads_more_than_fits_one_portion(read: Read) -> None:
    many = [{"id": f"{number}/0", "row": MEASURED} for number in range(2000)]
    with answering(chunked(as_lines(many[:700]), as_lines(many[700:]))) as server:
        assert read(server) == many


def test_reads_an_answer_with_a_length_too(read: Read) -> None:
    raw = as_lines(FOUND)
    with answering(ROWS + b"Content-Length: %d\r\n\r\n" % len(raw) + raw) as server:
        assert read(server) == FOUND


def test_no_rows_are_no_error(read: Read) -> None:
    with answering(chunked()) as server:
        assert read(server) == []


@pytest.mark.parametrize(
    "broken",
    [
        WHOLE.removesuffix(b"0\r\n\r\n"),  # at the end of a row, before the end of all
        WHOLE.removesuffix(b"\r\n0\r\n\r\n"),
        WHOLE.removesuffix(b"0\r\n\r\n") + b"1f",  # within the size of a chunk
        WHOLE.removesuffix(b"0\r\n\r\n") + b"ff\r\n" + as_lines(FOUND),
        WHOLE[:-30],
        ROWS + b"Transfer-Encoding: chunked\r\n\r\n",
        chunked(as_lines(FOUND)[:-1]),  # its last row is not whole
        ROWS + b"Content-Length: 999\r\n\r\n" + as_lines(FOUND),
        ROWS + b"Content-Length: 999\r\n\r\n",
        ROWS + b"\r\n" + as_lines(FOUND),  # nobody knows whether that was all
    ],
)
def test_a_part_is_never_taken_for_the_whole(rows: Any, read: Read, broken: bytes) -> None:
    with (
        answering(broken, broken, broken) as server,
        pytest.raises(rows.RowsError, match="gave up after 3 attempts"),
    ):
        read(server)
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    "first",
    [
        BUSY,
        refusal(b"429 Too Many Requests", "TooManyExports"),
        HEAD % (b"504 Gateway Timeout", b"text/plain") + b"\r\nupstream request timeout",
        HANG_UP,
        WHOLE[:-12],
    ],
)
def test_tries_again_from_the_first_row_on(
    read: Read, capsys: pytest.CaptureFixture[str], first: bytes
) -> None:
    with answering(first, first, WHOLE) as server:
        assert read(server) == FOUND
    assert capsys.readouterr().out.count("; trying again in ") == 2


def test_nobody_listens(rows: Any, read: Read) -> None:
    with answering() as server:
        pass
    with pytest.raises(rows.RowsError, match="refused; gave up after 3 attempts"):
        read(server)


def test_waits_as_long_as_it_is_told(read: Read) -> None:
    busy = refusal(b"429 Too Many Requests", "TooManyExports", more=b"Retry-After: 1\r\n")
    start = monotonic()
    with answering(busy, WHOLE) as server:
        assert read(server) == FOUND
    assert monotonic() - start >= 1


def test_reads_the_token_anew_each_time(rows: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")

    def use(found: Any) -> list[Any]:
        file.write_text("new")
        return list(found)

    with answering(BUSY, WHOLE) as server:
        # `use` is called before anything is asked.
        assert rows.read(rows.Source(server.url, file, "truth"), use, (0,)) == FOUND
    assert [re.findall(rb"Bearer (\w+)", head) for head in server.seen] == [[b"new"], [b"new"]]


def test_says_when_nothing_is_captured(rows: Any, read: Read) -> None:
    with (
        answering(refusal(b"404 Not Found", "NotCaptured", "shop/churn keeps nothing")) as server,
        pytest.raises(rows.NotCapturedError, match=r"^shop/churn keeps nothing$"),
    ):
        read(server)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refusal(b"401 Unauthorized", "Unauthorized", "expired"), "answers 401: expired"),
        (refusal(b"403 Forbidden", "Forbidden", "of another"), "answers 403: of another"),
        (refusal(b"404 Not Found", "NotFound", "no path"), "answers 404: no path"),
        (HEAD % (b"404 Not Found", b"text/html") + b"\r\n<html>", "answers 404: <html>"),
        (HEAD % (b"500 Oh", b"text/plain") + b"\r\n", "answers 500: Oh"),
        # Not followed: the token is for the recorder only.
        (HEAD % (b"302 Found", b"text/plain") + b"Location: /rows\r\n\r\n", "answers 302: Found"),
        (HEAD % (b"200 OK", b"text/html") + b"\r\n", "answers text/html, not rows"),
        (ROWS[:20], "answers text/plain, not rows"),  # its head broke off
        (chunked(as_lines(FOUND), b"{\n"), "a line is not JSON"),
        (chunked(as_lines(FOUND), b"\xff\n"), "a line is not JSON"),
        (chunked(as_lines([[1]])), "a line is not an object"),
    ],
)
def test_what_no_second_attempt_mends_is_an_error_at_once(
    rows: Any, read: Read, answer: bytes, says: str
) -> None:
    with answering(answer) as server, pytest.raises(rows.RowsError, match=re.escape(says)):
        read(server)


def captured(row: object, *, value: object = 1, name: str = "truth") -> dict[str, Any]:
    return {"id": "a/0", "row": row, "feedback": {name: {"value": value, "at": "2026-01-31"}}}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (captured(None), "nothing was kept of the row"),
        ({"id": "a/0", "feedback": {}}, "nothing was kept of the row"),
        *(
            (captured(row), "not 30 finite numbers")
            for row in (
                [],
                {"age": 41},
                "text",
                30,
                MEASURED[:29],
                [*MEASURED, 1.0],
                [*MEASURED[:29], "1.0"],
                [*MEASURED[:29], True],
                [*MEASURED[:29], None],
                [*MEASURED[:29], [1.0]],
                [*MEASURED[:29], math.inf],
                [*MEASURED[:29], math.nan],
                [*MEASURED[:29], 10**400],
            )
        ),
        ({"id": "a/0", "row": MEASURED, "feedback": {}}, "no truth of 0 or 1"),
        ({"id": "a/0", "row": MEASURED}, "no truth of 0 or 1"),
        (captured(MEASURED, name="other"), "no truth of 0 or 1"),
        *(
            (captured(MEASURED, value=value), "no truth of 0 or 1")
            for value in (2, -1, 0.5, True, False, "benign", "", "01", None, [1], math.nan)
        ),
        (captured([-0.0] * 30), "held out, to measure with"),
        (captured([0] * 30), "held out, to measure with"),
    ],
)
def test_what_cannot_be_learned_from_is_counted(examples: Path, row: Any, reason: str) -> None:
    chosen = load(examples, "captured").choose([row, captured(MEASURED)], "truth", {(0.0,) * 30})
    assert (chosen.rows, chosen.labels) == ([tuple(MEASURED)], [1])
    assert chosen.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("value", "label"), [(0, 0), (1, 1), (0.0, 0), (1.0, 1), ("0", 0), ("1", 1)]
)
def test_a_class_is_the_same_however_it_is_sent(examples: Path, value: object, label: int) -> None:
    twice = [captured(MEASURED, value=value)] * 2
    chosen = load(examples, "captured").choose(twice, "truth", set())
    assert chosen.labels == [label, label]
    assert not chosen.left_out
