"""What the kubelet and Prometheus ask of a process: /healthz, /readyz and /metrics."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


async def serve_health(
    host: str, port: int, *, alive: Callable[[], bool], ready: Callable[[], bool]
) -> web.AppRunner:
    """Start the endpoints; the caller stops them with `cleanup()`.

    Args:
        host: address to listen at.
        port: 0 for any free one.
        alive: false when the process should be restarted.
        ready: false while it cannot do its work.
    """

    def check(answer: Callable[[], bool]) -> Callable[[web.Request], "web.Response"]:
        def handle(request: web.Request) -> web.Response:
            del request
            good = answer()
            return web.Response(text="ok\n" if good else "no\n", status=200 if good else 503)

        return handle

    async def healthz(request: web.Request) -> web.Response:
        return check(alive)(request)

    async def readyz(request: web.Request) -> web.Response:
        return check(ready)(request)

    async def metrics(request: web.Request) -> web.Response:
        del request
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
