"""Callers of an endpoint."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import aiohttp

from contender.router import names

SIDE_BY_SIDE = 16


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]

    @property
    def version(self) -> str:
        return self.headers.get(names.VERSION, "")

    @property
    def prediction(self) -> str:
        return self.headers.get(names.PREDICTION_ID, "")


async def call(
    url: str,
    count: int,
    headers: Callable[[int], Mapping[str, str]] = lambda number: {},
    path: str = "/v1/predict?a=1",
) -> list[Answer]:
    """Ask for predictions; return the answers in the order of the requests."""
    answers: dict[int, Answer] = {}
    numbers = iter(range(count))
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar) as session:

        async def worker() -> None:
            for number in numbers:
                body = {"instances": [number]}
                async with session.post(url + path, json=body, headers=headers(number)) as answer:
                    await answer.read()
                    answers[number] = Answer(answer.status, dict(answer.headers))

        await asyncio.gather(*(worker() for _ in range(SIDE_BY_SIDE)))
    return [answers[number] for number in range(count)]


def versions(answers: Iterable[Answer]) -> Counter[str]:
    """Count who answered; all must have succeeded."""
    found = Counter(answer.version if answer.status == 200 else "failed" for answer in answers)
    assert "failed" not in found, found
    return found


async def until(look: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for what happens beside the caller."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not look():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain until {what}"
        await asyncio.sleep(0.02)
