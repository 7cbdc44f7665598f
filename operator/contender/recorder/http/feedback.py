"""`POST /v1/feedback`: takes truths, through an endpoint's router or directly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from contender.core.audiences import Purpose
from contender.recorder.access import Access
from contender.recorder.feedback import Truth, Verdict, understand
from contender.recorder.http.errors import Refusal, answer, captured, granted
from contender.recorder.plans import Plan, Plans
from contender.recorder.submissions import NotStored, Submission
from contender.recorder.writer import Writer

LARGEST = 2**20
"""Bytes of a JSON body; JSON Lines may be of any length."""
MOST_WHOLE = 8
"""JSON bodies that are understood at a time: they take several times their length."""
LONGEST_LINE = 65_536
AT_A_TIME = 1000
"""Items that are stored together."""
MOST_UNDER_WAY = 32
"""Portions of all senders; others wait."""
MOST_TOLD = 1000
"""Items that an answer tells of."""
LINES = ("application/x-ndjson", "application/jsonl", "application/jsonlines")
PATIENCE_SECONDS = 30.0


class FeedbackHandler:
    """Takes feedback.

    Args:
        access: tells whose it is.
        plans: what is declared.
        writer: stores it.
    """

    def __init__(self, access: Access, plans: Plans, writer: Writer) -> None:
        self._access = access
        self._plans = plans
        self._writer = writer
        self._room = asyncio.Semaphore(MOST_UNDER_WAY)
        self._whole = asyncio.Semaphore(MOST_WHOLE)

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer once all items are stored or refused."""
        grant = await granted(self._access, request, Purpose.STREAM, Purpose.FEEDBACK)
        endpoint, plan = captured(self._plans, grant.namespace, grant.name)
        told = _Told()
        if request.content_type in LINES:
            async for items in _lines(request):
                told.add(await self._take(endpoint, plan, items))
            return told.answer()
        raw = await _body(request)
        async with self._whole:
            for items in _items(raw):
                told.add(await self._take(endpoint, plan, items))
        return told.answer()

    async def _take(self, endpoint: int, plan: Plan, items: list[Any]) -> list[Verdict]:
        understood = understand(plan, items, datetime.now(UTC))
        truths = [one for one in understood if isinstance(one, Truth)]
        stored = iter(await self._store(endpoint, truths) if truths else ())
        await asyncio.sleep(0)  # others come in between, also where nothing is stored
        return [next(stored) if isinstance(one, Truth) else one for one in understood]

    async def _store(self, endpoint: int, truths: list[Truth]) -> list[Verdict]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[Verdict]] = loop.create_future()

        def settle(found: list[Verdict] | NotStored) -> None:
            if done.done():
                return
            if isinstance(found, NotStored):
                done.set_exception(found)
            else:
                done.set_result(found)

        def tell(found: list[Verdict] | NotStored) -> None:
            loop.call_soon_threadsafe(settle, found)

        async with self._room:
            if self._writer.trouble:  # it is busy with what came before, until that is stored
                raise Refusal(503, "StoreUnavailable", _later(self._writer.trouble))
            self._writer.submit(Submission(endpoint, truths, tell))
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await done
            except NotStored as error:
                raise Refusal(503, "StoreUnavailable", _later(str(error))) from error
            except TimeoutError as error:
                what = "the store did not answer in time: send it again, it is counted once"
                raise Refusal(503, "StoreUnavailable", what) from error


def _later(why: str) -> str:
    return f"send it again later: {why}"


class _Told:
    """What becomes of the items of one request."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._items: list[dict[str, Any]] = []
        self._number = 0
        self._first_refusal = 0

    def add(self, verdicts: list[Verdict]) -> None:
        for one in verdicts:
            kind = {200: "joined", 202: "waiting"}.get(one.status, "refused")
            self._counts[kind] += 1
            if kind == "refused" and not self._first_refusal:
                self._first_refusal = one.status
            if kind != "joined" and len(self._items) < MOST_TOLD:
                told = {"index": self._number, "status": one.status, "message": one.message}
                self._items.append(told)
            self._number += 1

    def answer(self) -> web.Response:
        body = {
            "joined": self._counts["joined"],
            "waiting": self._counts["waiting"],
            "refused": self._counts["refused"],
            "items": self._items,
        }
        if not self._counts["refused"]:
            return answer(body)
        all_refused = self._counts["refused"] == self._number
        return answer(body, self._first_refusal if all_refused else 207)


def _items(raw: bytes) -> Iterator[list[Any]]:
    """Iterate over the items of a JSON body, in portions."""
    try:
        found = orjson.loads(raw)
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"the body is no JSON: {error}") from error
    items = found if isinstance(found, list) else [found]
    for start in range(0, len(items), AT_A_TIME):
        yield items[start : start + AT_A_TIME]


async def _body(request: web.Request) -> bytes:
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST:
            what = (
                f"the body is longer than {LARGEST} bytes: send JSON Lines, one item a line, with"
                " Content-Type application/x-ndjson, or several requests"
            )
            raise Refusal(413, "TooLarge", what)
    return bytes(raw)


async def _lines(request: web.Request) -> AsyncIterator[list[Any]]:
    """Iterate over lines, each one an item; one that is no JSON is refused by itself."""
    items: list[Any] = []
    rest = b""
    async for chunk in request.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise Refusal(413, "TooLarge", f"a line is longer than {LONGEST_LINE} bytes")
        items += [_item(line) for line in lines if line.strip()]
        while len(items) >= AT_A_TIME:
            yield items[:AT_A_TIME]
            items = items[AT_A_TIME:]
    items += [_item(rest)] if rest.strip() else []
    if items:
        yield items


def _item(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return None  # refused as no object
