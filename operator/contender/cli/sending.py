"""Sends feedback, one portion after the other, and keeps account of what becomes of it."""

import asyncio
from collections.abc import Iterator
from typing import Any, TextIO

import aiohttp
import orjson

from contender.cli.asking import ask, passing, patiently, refuse
from contender.cli.command import Failure
from contender.cli.connection import Place
from contender.cli.items import Item, Portion
from contender.cli.progress import Progress

MOST_SHOWN = 20
TYPE = "application/x-ndjson"
TRY_LATER = 429

Json = dict[str, Any]


class Account:
    """What became of items.

    Args:
        refusals: where those that were refused are written as JSON Lines; None: nowhere.
    """

    def __init__(self, refusals: TextIO | None = None) -> None:
        self._refusals = refusals
        self.joined = 0
        self.waiting = 0
        self.refused = 0
        self.first: list[str] = []
        """The first ones that were refused, and why."""

    def settle(self, items: list[Item], answer: Json) -> None:
        """Take in what an answer says of the items that were sent."""
        self.joined += answer["joined"]
        self.waiting += answer["waiting"]
        for told in answer["items"]:
            if told["status"] >= 400:
                self.refuse(items[told["index"]], told["message"])

    def refuse(self, item: Item, reason: str) -> None:
        """Take in an item that was refused."""
        self.refused += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append(f"{item.file}:{item.line}: {reason}")
        if self._refusals:
            line = {"file": item.file, "line": item.line, "reason": reason, **_content(item)}
            try:
                self._refusals.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())
                self._refusals.flush()
            except OSError as error:
                what = f"--refused {self._refusals.name} cannot be written: {error.strerror}"
                raise Failure(what) from error

    def summary(self) -> str:
        """Return the sums in one line."""
        return f"joined {self.joined:,}, waiting {self.waiting:,}, refused {self.refused:,}"


class Sender:
    """Sends portions.

    Args:
        client: by which session.
        place: where to.
        patience: seconds to try again.
        account: is told of all items.
        progress: too.
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        place: Place,
        patience: float,
        account: Account,
        progress: Progress,
    ) -> None:
        self._client = client
        self._place = place
        self._patience = patience
        self._account = account
        self._progress = progress

    async def send(self, portions: Iterator[Portion]) -> None:
        """Send all.

        Raises:
            Failure: the recorder does not take them.
        """
        # Reading may wait for a pipe; meanwhile progress is told.
        while portion := await asyncio.to_thread(next, portions, None):
            for item in portion.items:
                if item.problem:
                    self._account.refuse(item, item.problem)
            if items := [one for one in portion.items if not one.problem]:
                await self._deliver(items)
            self._progress.add(len(portion.items), portion.bytes)

    async def _deliver(self, items: list[Item]) -> None:
        body = b"".join(item.text + b"\n" for item in items)

        async def attempt() -> Json:
            return await self._post(body, len(items))

        answer = await patiently(attempt, self._patience, self._progress.note)
        self._account.settle(items, answer)

    async def _post(self, body: bytes, count: int) -> Json:
        url = self._place.url
        headers = {"Content-Type": TYPE}
        answer = await ask(self._client, "POST", url, self._place.token, data=body, headers=headers)
        async with answer:
            if answer.status == TRY_LATER:
                await refuse(answer)
            with passing(url):
                raw = await answer.read()
        if told := _verdicts(raw, count):
            return told
        await refuse(answer, raw)
        what = f"{url} answers otherwise than a recorder: is this the path of feedback?"
        raise Failure(what)


def _verdicts(raw: bytes, count: int) -> Json | None:
    """Return an answer that tells what became of so many items; None: it does not."""
    try:
        told = orjson.loads(raw)
        known = told["joined"] + told["waiting"] + told["refused"]
        places = [(one["index"], one["status"], one["message"]) for one in told["items"]]
    except (ValueError, KeyError, TypeError):
        return None
    sound = all(0 <= index < count for index, _, _ in places)
    return told if known == count and sound else None


def _content(item: Item) -> Json:
    try:
        found = orjson.loads(item.text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return {"item": found}
    return {"text": item.text.decode(errors="replace")}
