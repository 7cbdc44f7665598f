"""One request between the operator and the API server, as the proxy sees it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from tests.faults.faults import Asked, Json, Reply

LARGEST_BODY = 2**22
_OWN = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
"""Headers that are about one connection only."""


@dataclass
class Heard:
    """One request that came, and what the operator was answered."""

    asked: Asked
    at: float
    """When it came, on the monotonic clock."""
    status: int | None = None
    """Of the answer; None as long as, or because, there is none."""

    def __str__(self) -> str:
        return f"{self.asked} -> {self.status}"


@dataclass(frozen=True)
class Upstream:
    """The API server."""

    session: aiohttp.ClientSession
    url: str


class OneExchange:
    """A request, and how it is forwarded, answered or cut."""

    def __init__(
        self,
        heard: Heard,
        request: web.Request,
        upstream: Upstream,
        tampered: Callable[[Asked, Json], Sequence[Json]],
    ) -> None:
        self.asked = heard.asked
        self.response: web.StreamResponse | None = None
        self.complete = False
        """Whether the whole answer was sent."""
        self._heard = heard
        self._request = request
        self._upstream = upstream
        self._tampered = tampered
        self._closed = asyncio.Event()

    async def forward(self) -> Reply:
        async with self._sent() as answer:
            return Reply(answer.status, await answer.read(), _passed_on(answer.headers))

    async def go_on(self) -> None:
        if self.asked.is_watch:
            await self._watch()
        else:
            await self.answer(await self.forward())

    async def answer(self, reply: Reply, *, part: float = 1.0) -> None:
        length = len(reply.body)
        response = await self._begin(reply.status, {**reply.headers, "Content-Length": str(length)})
        await response.write(reply.body[: round(length * part)])
        if part == 1:
            await self.end()

    async def stream(self, events: Sequence[Json]) -> None:
        await self._begin(200, {"Content-Type": "application/json"})
        await self.send(events)

    async def send(self, events: Sequence[Json]) -> None:
        """Tell events of a watch that has begun."""
        for event in events:
            assert self.response
            await self.response.write(json.dumps(event).encode() + b"\n")

    async def end(self) -> None:
        assert self.response
        await self.response.write_eof()
        self.complete = True

    async def cut_off(self) -> None:
        await self._closed.wait()

    def close(self) -> None:
        self._closed.set()
        if self._request.transport:
            self._request.transport.close()

    async def _watch(self) -> None:
        """Pass on a watch until either side, or a test, ends it."""
        relay = asyncio.create_task(self._relay())
        closed = asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait({relay, closed}, return_when=asyncio.FIRST_COMPLETED)
            if relay.done():
                await relay
        finally:
            relay.cancel()
            closed.cancel()

    async def _relay(self) -> None:
        async with self._sent() as answer:
            if answer.status >= 400:
                headers = _passed_on(answer.headers)
                await self.answer(Reply(answer.status, await answer.read(), headers))
                return
            await self._begin(answer.status, _passed_on(answer.headers))
            async for line in answer.content:
                if line.endswith(b"\n"):
                    await self.send(self._tampered(self.asked, json.loads(line)))
            await self.end()

    def _sent(self) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._upstream.session.request(
            self.asked.method,
            URL(self._upstream.url + self._request.raw_path, encoded=True),
            data=self.asked.body or None,
            headers={**_passed_on(self._request.headers), "Accept-Encoding": "identity"},
        )

    async def _begin(self, status: int, headers: Mapping[str, str]) -> web.StreamResponse:
        if self._request.transport is None or self._request.transport.is_closing():
            raise ConnectionResetError("the operator has gone")
        self.response = web.StreamResponse(status=status, headers=headers)
        self._heard.status = status
        await self.response.prepare(self._request)
        return self.response


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() not in _OWN}
