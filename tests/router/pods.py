"""Pods behind the router, as the tests want them."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from contender.router import names
from dev.cluster.apiserver import free_port

Json = dict[str, Any]
Manner = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""What a pod does before it reads a request; it may answer itself."""


class Pods:
    """One pod of each revision: answers who it is, and keeps what it was asked."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.asked: dict[str, list[Json]] = {}
        self.manners: dict[str, Manner] = {}
        self._runners: dict[str, web.AppRunner] = {}

    async def start(self, revision: str) -> None:
        """Let a pod run: at its former port, if it had one."""
        app = web.Application(client_max_size=64 * 1024 * 1024)

        async def answer(request: web.Request) -> web.StreamResponse:
            if manner := self.manners.get(revision):
                found = await manner(request)
                if found is not None:
                    return found
            body = await request.read()
            headers = {key.lower(): value for key, value in request.headers.items()}
            asked = {"path": request.path_qs, "headers": headers, "length": len(body)}
            self.asked.setdefault(revision, []).append(asked)
            return web.json_response({"revision": revision})

        app.router.add_route("*", "/{path:.*}", answer)
        runner = self._runners[revision] = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = self.ports.setdefault(revision, free_port())
        await web.TCPSite(runner, "127.0.0.1", port).start()

    async def stop(self, revision: str) -> None:
        await self._runners.pop(revision).cleanup()

    async def close(self) -> None:
        for revision in [*self._runners]:
            await self.stop(revision)

    def copies(self, revision: str) -> list[Json]:
        """Return the requests that were marked as copies."""
        return [one for one in self.asked.get(revision, []) if names.SHADOW in one["headers"]]
