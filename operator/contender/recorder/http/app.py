"""The HTTP server: feedback, statistics, looks, verdicts, rows and erasure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any, TypeVar

import orjson
from aiohttp import web

from contender.core.audiences import Purpose
from contender.recorder.access import Access
from contender.recorder.http import hours, looks, statistics, verdicts
from contender.recorder.http.errors import Refusal, answer, captured, granted, told
from contender.recorder.http.feedback import FeedbackHandler
from contender.recorder.http.openapi import openapi
from contender.recorder.http.rows import Filter, rows
from contender.recorder.http.selection import hours_wanted, selection
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR
from contender.recorder.model import Selection
from contender.recorder.plans import Plan, Plans
from contender.recorder.receipts import Receipts
from contender.recorder.store.base import Reader, Store
from contender.recorder.writer import Writer

MOST_EXPORTS = 4
"""Readers of rows at a time; others are asked to come again."""
LARGEST_QUESTION = 2 * 2**20

Erase = Callable[[str], int]
"""Deletes all rows about an entity, in the writer's thread; returns how many predictions."""
Keep = Callable[[str, bytes], bytes]
"""Keeps the verdict of an Experiment, in the writer's thread, unless there is one; returns the one
that is kept."""

T = TypeVar("T")


class Api:
    """Answers requests.

    Args:
        access: tells who asks.
        plans: of all endpoints.
        store: is read; in threads of its own.
        writer: stores feedback, and knows the counters.
        receipts: when endpoints sent something last.
        erase: deletes the rows about an entity.
        keep: keeps a verdict.
    """

    def __init__(
        self,
        access: Access,
        plans: Plans,
        store: Store,
        writer: Writer,
        receipts: Receipts,
        erase: Erase,
        keep: Keep,
    ) -> None:
        self._access = access
        self._plans = plans
        self._store = store
        self._writer = writer
        self._receipts = receipts
        self._erase = erase
        self._keep = keep
        self._reader: Reader | None = None
        self._reading = ThreadPoolExecutor(1, "statistics")
        self._exports = ThreadPoolExecutor(MOST_EXPORTS, "rows")
        self._exporting = 0

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[told], client_max_size=LARGEST_QUESTION)
        feedback = FeedbackHandler(self._access, self._plans, self._writer)
        path = "/v1/namespaces/{namespace}/modeldeployments/{name}"
        app.router.add_post("/v1/feedback", feedback)
        app.router.add_post("/v1/statistics", self._statistics)
        app.router.add_post("/v1/looks", self._looks)
        app.router.add_put("/v1/verdicts/{experiment}", self._put_verdict)
        app.router.add_get("/v1/verdicts/{experiment}", self._verdict)
        app.router.add_get("/v1/endpoints", self._endpoints)
        app.router.add_get(f"{path}/rows", self._rows)
        app.router.add_get(f"{path}/hours", self._hours)
        app.router.add_post("/v1/erasures", self._erasure)
        app.router.add_get("/openapi.json", self._openapi)
        return app

    def close(self) -> None:
        """Give back all that it holds."""
        self._reading.shutdown(wait=True, cancel_futures=True)
        self._exports.shutdown(wait=True, cancel_futures=True)
        if self._reader:
            self._reader.close()

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return answer(openapi())

    async def _read(self, question: Callable[[Reader], T]) -> T:
        """Ask the store, in the thread for that."""

        def ask() -> T:
            if self._reader is None:
                self._reader = self._store.reader()
            return question(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._reading, ask)

    async def _write(self, question: Callable[[], T]) -> T:
        """Have the writer's thread do something. It happens, whoever goes away."""
        return await asyncio.shield(asyncio.wrap_future(self._writer.ask(question)))

    async def _statistics(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.STATISTICS)
        asked = await statistics.wanted(request)

        def read(reader: Reader) -> web.Response:
            found = reader.statistics(asked.experiments, asked.after)
            return answer(statistics.page(found, asked.after, _names(reader)))

        return await self._read(read)

    async def _looks(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.STATISTICS)
        asked = await looks.wanted(request)
        return await self._read(
            lambda reader: answer(looks.page(reader.looks(asked), _names(reader)))
        )

    async def _put_verdict(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.STATISTICS)
        experiment, verdict = verdicts.experiment_of(request), await verdicts.verdict_of(request)
        return verdicts.told(await self._write(lambda: self._keep(experiment, verdict)))

    async def _verdict(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.STATISTICS)
        experiment = verdicts.experiment_of(request)
        found = await self._read(lambda reader: reader.verdict(experiment))
        if found is None:
            raise Refusal(404, "NotFound", f"no verdict of {experiment} is known")
        return verdicts.told(found)

    async def _endpoints(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.STATISTICS)
        used = await self._read(lambda reader: reader.bytes_used())
        counters: dict[int, dict[str, int]] = {}
        for (number, name), value in self._writer.ledger.counters().items():
            counters.setdefault(number, {})[name] = value
        endpoints = [
            {
                "namespace": plan.namespace,
                "name": plan.name,
                "uid": plan.uid,
                "last_received": self._receipts.last.get(number),
                "bytes": used.get(number, 0),
                "counters": counters.get(number, {}),
            }
            for number, plan in self._plans
        ]
        trouble = self._writer.trouble
        return answer(
            {"started": self._receipts.started, "trouble": trouble, "endpoints": endpoints}
        )

    async def _opened(self, request: web.Request) -> tuple[int, Plan]:
        """Return the endpoint that a request names and its token opens.

        Raises:
            Refusal: the token opens another one, or nothing is captured there.
        """
        grant = await granted(self._access, request, Purpose.ROWS)
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        if (grant.namespace, grant.name) != (namespace, name):
            what = f"the token is for {grant.namespace}/{grant.name}"
            raise Refusal(403, "Forbidden", what)
        return captured(self._plans, namespace, name)

    async def _hours(self, request: web.Request) -> web.Response:
        endpoint, plan = await self._opened(request)
        now = int(time() * 1_000_000)
        since, until = hours_wanted(request.query, now)

        def read(reader: Reader) -> web.Response:
            found = [*reader.hours(endpoint, since, until)]
            present = now // MICROSECONDS_PER_HOUR
            return answer(
                {
                    "edges": hours.EDGES,
                    "hours": hours.told(found),
                    "coverage": hours.coverage(plan, found, present),
                }
            )

        return await self._read(read)

    async def _rows(self, request: web.Request) -> web.StreamResponse:
        endpoint, plan = await self._opened(request)
        chosen, wanted_rows = selection(endpoint, request.query)
        if self._exporting >= MOST_EXPORTS:
            raise Refusal(429, "TooManyExports", f"{MOST_EXPORTS} exports are under way")
        stream = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        self._exporting += 1
        try:
            lines = _in_thread(self._exports, lambda: self._lines(chosen, wanted_rows, plan))
            first = await anext(lines, b"")
            # A failure before the first row is told as such; a later one breaks the connection off,
            # so that nobody takes a part for the whole.
            await stream.prepare(request)
            await stream.write(first)
            async for portion in lines:
                await stream.write(portion)
        finally:
            self._exporting -= 1
        await stream.write_eof()
        return stream

    def _lines(self, chosen: Selection, wanted_rows: Filter, plan: Plan) -> Iterator[bytes]:
        """Iterate over portions of JSON Lines; in a thread of its own."""
        reader = self._store.reader()
        try:
            strata = dict(reader.strata())
            for portion in reader.scan(chosen):
                if any(one.stratum not in strata for each in portion for one in each.answers):
                    strata = dict(reader.strata())
                found = [
                    orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
                    for one in portion
                    for row in rows(one, strata, plan.reader, wanted_rows)
                ]
                yield b"".join(found)
        finally:
            reader.close()

    async def _erasure(self, request: web.Request) -> web.Response:
        await granted(self._access, request, Purpose.ERASE)
        try:
            entity = orjson.loads(await request.read())["entity"]
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(400, "BadRequest", 'send {"entity": "..."}') from error
        if not isinstance(entity, str) or not entity:
            raise Refusal(400, "BadRequest", "entity is a text that is not empty")
        return answer({"predictions": await self._write(lambda: self._erase(entity))})


def _names(reader: Reader) -> dict[int, tuple[str, str]]:
    """Return namespace and name of all endpoints, by number."""
    return {one.number: (one.namespace, one.name) for one in reader.endpoints()}


async def _in_thread(
    pool: ThreadPoolExecutor, make: Callable[[], Iterator[bytes]]
) -> AsyncIterator[bytes]:
    """Iterate over what an iterator yields in a thread, one step at a time."""
    loop = asyncio.get_running_loop()
    iterator = await loop.run_in_executor(pool, make)
    end: Any = object()
    try:
        while (found := await loop.run_in_executor(pool, next, iterator, end)) is not end:
            yield found
    finally:
        close = getattr(iterator, "close", None)
        if close:
            await loop.run_in_executor(pool, close)
