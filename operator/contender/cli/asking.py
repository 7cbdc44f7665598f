"""Requests to the recorder, tried again when what hinders them may pass by itself."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import aiohttp
import orjson

from contender import __version__
from contender.cli.command import Failure, Misuse

T = TypeVar("T")
Token = Callable[[], str]
"""Returns the token of the next request; empty: none."""

CONNECT_SECONDS = 30.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
PASSING = (429, 502, 503, 504)
"""Answers that may be others a little later; 502 and 504 are those of proxies on the way."""
LONGEST_MESSAGE = 500

_HINTS = {
    401: "; does --token-file hold a fresh token? They are made by `kubectl create token`",
    403: "; was the token made with the right --audience, in the right namespace?",
    404: "; is the URL right?",
}


class Passing(Exception):
    """Something that may pass by itself. Its text says what.

    Args:
        after: seconds after which to try again, if somebody said so.
    """

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


def token_of(file: Path | None) -> Token:
    """Return what reads a token anew each time, as those that are mounted change."""

    def read() -> str:
        if file is None:
            return ""
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"--token-file {file} cannot be read: {error}") from error

    return read


def session(silence: float) -> aiohttp.ClientSession:
    """Return a session.

    Args:
        silence: seconds that a server may be silent.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
    headers = {"User-Agent": f"contender/{__version__}"}
    return aiohttp.ClientSession(timeout=timeout, headers=headers)


async def ask(
    client: aiohttp.ClientSession, method: str, url: str, token: Token, **more: Any
) -> aiohttp.ClientResponse:
    """Return an answer of any status, of which only the head was read.

    Args:
        client: sends it.
        method: of HTTP.
        url: where to.
        token: read now.
        more: as in aiohttp.

    Raises:
        Passing: none came.
        Failure: none will ever come.
    """
    headers = more.pop("headers", {})
    if found := token():
        headers = {**headers, "Authorization": f"Bearer {found}"}
    with passing(url):
        return await client.request(method, url, headers=headers, allow_redirects=False, **more)


@contextmanager
def passing(url: str) -> Iterator[None]:
    """Tell apart what may pass by itself and what never will."""
    try:
        yield
    except aiohttp.InvalidURL as error:
        what = f"{url!r} is no URL that can be asked: it begins with http:// or https://"
        raise Misuse(what) from error
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise Failure(f"{url} cannot be trusted: {error}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Passing(f"{url} does not answer: {described(error)}") from error


async def refuse(answer: aiohttp.ClientResponse, raw: bytes | None = None) -> None:
    """Raise what an answer says, unless it is one of 2xx.

    Args:
        answer: of any status.
        raw: its body; None: it was not read yet.

    Raises:
        Passing: it may be another one a little later.
        Failure: it will not.
    """
    if 200 <= answer.status < 300:
        return
    if raw is None:
        with passing(str(answer.url)):
            raw = await answer.content.read(LONGEST_MESSAGE * 4)
    told = message_of(raw)
    what = f"{answer.url.with_query(None)} answers {answer.status}: {told or answer.reason}"
    if answer.status in PASSING:
        raise Passing(what, retry_after(answer.headers.get("Retry-After", "")))
    raise Failure(what + _HINTS.get(answer.status, ""))


def message_of(raw: bytes) -> str:
    """Return what an answer tells people, in one line."""
    try:
        told = str(orjson.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        told = raw.decode(errors="replace")
    return " ".join(told.split())[:LONGEST_MESSAGE]


def retry_after(text: str) -> float | None:
    """Return seconds from the value of a Retry-After header, which are seconds or a moment."""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


async def patiently(
    attempt: Callable[[], Awaitable[T]], patience: float, note: Callable[[str], None]
) -> T:
    """Return what an attempt returns, made again and again while something passing hinders it.

    Args:
        attempt: is made at least once.
        patience: seconds in all.
        note: is told of what hinders.

    Raises:
        Failure: it did not pass.
    """
    end = monotonic() + patience
    backoff = FIRST_WAIT
    while True:
        try:
            return await attempt()
        except Passing as error:
            left = end - monotonic()
            wait = min(backoff * random.uniform(0.5, 1.0), left)  # noqa: S311 (spreads senders)
            wait = wait if error.after is None else max(error.after, wait)
            if left <= 0 or wait > left:
                raise Failure(f"{error}; gave up after {patience:.0f} s (--patience)") from error
            note(f"{error}; trying again for {left:.0f} s")
        await asyncio.sleep(wait)
        backoff = min(backoff * 2, LONGEST_WAIT)


def described(error: BaseException) -> str:
    """Return an error as text, which some do not have."""
    return str(error) or type(error).__name__
