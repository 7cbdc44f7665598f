"""Rows of a ModelDeployment, as the recorder streams them."""

from collections.abc import Callable

import aiohttp

from contender.cli.asking import ask, described, patiently, refuse
from contender.cli.command import Failure
from contender.cli.connection import Place
from contender.cli.progress import Progress

TYPE = "application/x-ndjson"
CHUNK = 2**18


async def download(
    client: aiohttp.ClientSession,
    place: Place,
    query: dict[str, str],
    patience: float,
    write: Callable[[bytes], object],
    progress: Progress,
) -> None:
    """Write all rows as JSON Lines.

    Args:
        client: by which session.
        place: where from.
        query: which rows.
        patience: seconds to try again, as long as no row has come.
        write: takes what comes.
        progress: is told of all rows.

    Raises:
        Failure: not all rows have come.
    """

    async def attempt() -> aiohttp.ClientResponse:
        answer = await ask(client, "GET", place.url, place.token, params=query)
        try:
            await refuse(answer)
        except BaseException:
            answer.release()
            raise
        return answer

    async with await patiently(attempt, patience, progress.note) as answer:
        if answer.content_type != TYPE:
            what = f"{place.url} answers {answer.content_type}, not rows: is the URL right?"
            raise Failure(what)
        await _copy(answer, place.url, write, progress)


async def _copy(
    answer: aiohttp.ClientResponse,
    url: str,
    write: Callable[[bytes], object],
    progress: Progress,
) -> None:
    last = b"\n"
    while chunk := await _chunk(answer, url, progress):
        write(chunk)
        progress.add(chunk.count(b"\n"), len(chunk))
        last = chunk[-1:]
    if last != b"\n":
        raise _broken(url, progress, "the last row is not whole")


async def _chunk(answer: aiohttp.ClientResponse, url: str, progress: Progress) -> bytes:
    try:
        return await answer.content.read(CHUNK)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _broken(url, progress, described(error)) from error


def _broken(url: str, progress: Progress, why: str) -> Failure:
    what = f"{url} broke off after {progress.count:,} rows ({why}): nothing was kept, run it again"
    return Failure(what)
