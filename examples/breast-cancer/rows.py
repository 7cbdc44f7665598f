"""Read the captured rows of a ModelDeployment from Contender's recorder: all of them, or an error.

The standard library is enough. Looping over the lines of an HTTP answer would not do: Python takes
one that breaks off for one that has ended.
"""

import json
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")
Row = dict[str, Any]

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds before each further attempt: two minutes, in which a recorder has come back."""
_LONGEST_WAIT = 60.0
_SILENCE_SECONDS = 300.0
"""The recorder may search long for a row that fits."""
_PASSING = (429, 502, 503, 504)
_PORTION = 65536
_TYPE = "application/x-ndjson"


class RowsError(Exception):
    """The rows cannot be read."""


class NotCapturedError(Exception):
    """Nothing is captured, so that there are no rows."""


class _PassingError(Exception):
    """Something that may pass by itself."""

    def __init__(self, what: str, after: float = 0.0) -> None:
        super().__init__(what)
        self.after = after


@dataclass(frozen=True)
class Source:
    url: str
    token_file: Path
    labelled: str
    """Only rows with this feedback are asked for."""


def read(source: Source, use: Callable[[Iterator[Row]], T], waits: Sequence[float] = WAITS) -> T:
    """Return what `use` makes of all rows. It is called anew with the first row after a break."""
    left = list(waits)
    while True:
        try:
            with closing(_rows(source)) as rows:
                return use(rows)
        except _PassingError as error:
            if not left:
                raise RowsError(f"{error}; gave up after {len(waits) + 1} attempts") from error
            wait = max(left.pop(0) * random.uniform(0.5, 1), min(error.after, _LONGEST_WAIT))
            print(f"{error}; trying again in {wait:.1f} s", flush=True)
            time.sleep(wait)


def _rows(source: Source) -> Generator[Row, None, None]:
    token = source.token_file.read_text(encoding="utf-8").strip()  # anew: it is renewed
    url = urlsplit(source.url)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=_SILENCE_SECONDS)
    try:
        path = f"{url.path}?{urlencode({'labelled': source.labelled})}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        _refuse(answer, source.url)
        yield from _decoded(answer, source.url)
    except (OSError, HTTPException) as error:
        raise _PassingError(f"{source.url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _refuse(answer: HTTPResponse, url: str) -> None:
    """Raise what an answer says, unless it has rows."""
    kind = answer.headers.get_content_type()
    if answer.status == 200:
        if kind != _TYPE:
            raise RowsError(f"{url} answers {kind}, not rows: is the URL right?")
        return
    reason, message = _told(answer.read(_PORTION))
    if (answer.status, reason) == (404, "NotCaptured"):
        raise NotCapturedError(message)
    what = f"{url} answers {answer.status}: {message or answer.reason}"
    if answer.status in _PASSING:
        after = answer.headers.get("Retry-After", "")
        raise _PassingError(what, float(after) if after.isascii() and after.isdigit() else 0.0)
    raise RowsError(what)


def _told(raw: bytes) -> tuple[str, str]:
    """The reason and the message of an error."""
    try:
        told = json.loads(raw)
        return str(told["reason"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return "", raw[:300].decode(errors="replace")


def _decoded(answer: HTTPResponse, url: str) -> Iterator[Row]:
    """JSON Lines, as they come. When a chunked answer breaks off, `read` tells, unlike a loop."""
    rest = b""
    while portion := answer.read(_PORTION):
        *lines, rest = (rest + portion).split(b"\n")
        for line in lines:
            yield _row(line, url)
    # It tells nothing of an answer with a length that is cut short. Without either nobody knows.
    if rest or not (answer.chunked or answer.length == 0):
        raise _PassingError(f"{url}: the rows broke off")


def _row(line: bytes, url: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RowsError(f"{url}: a line is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise RowsError(f"{url}: a line is not an object")
    return row
