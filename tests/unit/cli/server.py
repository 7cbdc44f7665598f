"""Stands in for the recorder: a real HTTP server that answers as a test wants."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROWS = "/v1/namespaces/shop/modeldeployments/churn/rows"


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def items(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


@dataclass
class Recorder:
    """Answers each request by the next of `answers`; once they are used up, by `usual`."""

    answers: list[Handler] = field(default_factory=list)
    usual: Handler | None = None
    seen: list[Seen] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def feedback(self) -> str:
        return f"{self.url}/v1/feedback"

    @property
    def rows(self) -> str:
        return self.url + ROWS

    @property
    def sent(self) -> list[Any]:
        """All items of feedback that came."""
        return [item for one in self.seen for item in one.items]

    def start(self) -> None:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._begin())
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _begin(self) -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        query, headers = dict(request.query), dict(request.headers)
        self.seen.append(Seen(request.method, request.path, query, headers, body))
        handler = self.answers.pop(0) if self.answers else self.usual or joined
        return await handler(request)


async def joined(request: web.Request) -> web.StreamResponse:
    """Take all items."""
    count = len((await request.read()).splitlines())
    return web.json_response({"joined": count, "waiting": 0, "refused": 0, "items": []})


def told(status: int, *verdicts: int) -> Handler:
    """Answer with the verdict of each item."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert len((await request.read()).splitlines()) == len(verdicts)
        body = {
            "joined": sum(one == 200 for one in verdicts),
            "waiting": sum(one == 202 for one in verdicts),
            "refused": sum(one >= 400 for one in verdicts),
            "items": [
                {"index": index, "status": one, "message": f"verdict {one}"}
                for index, one in enumerate(verdicts)
                if one != 200
            ],
        }
        return web.json_response(body, status=status)

    return answer


def refusal(status: int, message: str = "no", **headers: str) -> Handler:
    """Answer with an error."""

    async def answer(request: web.Request) -> web.StreamResponse:
        del request
        body = {"reason": "Refused", "message": message}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Answer nothing."""
    assert request.transport
    request.transport.close()
    return web.Response()


def stream(*chunks: bytes, breaks: bool = False, hangs: bool = False) -> Handler:
    """Answer with rows, and maybe break off, or be silent, before the end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if hangs:
            await asyncio.sleep(60)
        if breaks:
            await asyncio.sleep(0.05)
            assert request.transport
            request.transport.close()
        else:
            await response.write_eof()
        return response

    return answer
