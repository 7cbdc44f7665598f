"""A router ends, as its pod does: it is asked to drain, nobody is led to it any more, and when the
drain has been answered it gets SIGTERM. Callers lose nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import grpc
import grpc.aio
import pytest

from bench.envoy import PATIENCE, Envoy
from contender.router import bootstrap, names
from contender.router.bootstrap import drain_path
from contender.router.traffic import Traffic
from tests.router.caller import until
from tests.router.plans import INCUMBENT, PLAIN
from tests.router.pods import Pods
from tests.router.test_grpc import PREDICT, Model

TOKEN = "uid-of-the-endpoint"
PLAN = replace(PLAIN, token=TOKEN)
GRPC_PLAN = replace(PLAN, incumbent=replace(INCUMBENT, h2c=True))
CALLERS = 4

Ask = Callable[[], Awaitable[None]]
"""Asks once, on the connection that the caller has."""
Caller = Callable[[str], AbstractAsyncContextManager[Ask]]
"""Makes a caller of an address."""


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAIN_SECONDS", 3)


class Service:
    """Leads each new connection to one router; those that are open stay where they are."""

    def __init__(self, router: Envoy) -> None:
        self.router = router

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yield its address."""
        server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, asks = await asyncio.open_connection(*self.router.address)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass(reader, asks), _pass(answers, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the caller is told by the end of its connection
    finally:
        writer.close()


async def connections(envoy: Envoy) -> int:
    return await envoy.count("http_downstream_cx_active", http_conn_manager_prefix="main")


async def told_to_go(envoy: Envoy) -> int:
    """Return how many connections got `Connection: close` or GOAWAY."""
    return await envoy.count("http_downstream_cx_drain_close", http_conn_manager_prefix="main")


async def eventually(look: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await look():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain until {what}"
        await asyncio.sleep(0.02)


async def replaced(first: Envoy, second: Envoy, plan: Traffic, caller: Caller) -> None:
    """Let the first router end while callers ask all the time; none of them may fail."""
    answered = 0
    over = asyncio.Event()
    service = Service(first)

    async def asks(address: str) -> None:
        nonlocal answered
        async with caller(address) as ask:
            while not over.is_set():
                await ask()
                answered += 1

    async def more() -> None:
        enough = answered + 50
        await until(lambda: answered >= enough, "callers were answered")

    async def all_left() -> bool:
        return await connections(first) == 0

    async with second.running(plan), service.running() as address, asyncio.TaskGroup() as callers:
        async with first.running(plan):
            for _ in range(CALLERS):
                callers.create_task(asks(address))
            await more()
            assert await told_to_go(first) == 0
            assert await connections(first) == CALLERS
            drain = asyncio.create_task(first.reaches(drain_path(TOKEN)))
            # A Service goes on leading callers here for a while: they are answered.
            await more()
            assert await told_to_go(first) >= CALLERS
            assert not drain.done(), "SIGTERM would come while there are callers"
            service.router = second
            assert await drain == 200
            await eventually(all_left, "all callers had left")
        await more()
        assert await told_to_go(second) == 0
        over.set()


async def test_keep_alive_callers_are_told_to_close_and_lose_nothing(
    envoy: Envoy, pods: Pods, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def caller(address: str) -> AsyncIterator[Ask]:
        async with aiohttp.ClientSession() as session:

            async def ask() -> None:
                # A POST: the client itself does not try it again.
                async with session.post(f"http://{address}", json={}) as answer:
                    answer.raise_for_status()
                    await answer.read()

            yield ask

    await replaced(envoy, _another(tmp_path, pods.ports), PLAN, caller)


@pytest.fixture
async def grpc_pod() -> AsyncIterator[dict[str, int]]:
    """The port of a model that speaks gRPC, by its revision."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Model(INCUMBENT.version, {}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield {INCUMBENT.revision: port}
    await server.stop(None)


async def test_grpc_callers_get_goaway_and_lose_nothing(
    tmp_path: Path, grpc_pod: dict[str, int]
) -> None:
    @asynccontextmanager
    async def caller(address: str) -> AsyncIterator[Ask]:
        # A pool of its own: channels to one address would share their connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(address, options) as channel:
            predict: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PREDICT)

            async def ask() -> None:
                assert await predict(b"row") == b"1:row"

            yield ask

    first, second = Envoy(tmp_path, grpc_pod), _another(tmp_path, grpc_pod)
    await replaced(first, second, GRPC_PLAN, caller)


def _another(tmp_path: Path, ports: dict[str, int]) -> Envoy:
    folder = tmp_path / "another"
    folder.mkdir()
    return Envoy(folder, ports)


async def test_the_drain_is_answered_last_and_all_else_at_once(envoy: Envoy) -> None:
    async with envoy.running(PLAN), aiohttp.ClientSession() as session:
        drain = asyncio.create_task(envoy.reaches(drain_path(TOKEN)))

        async def drains() -> bool:
            async with session.post(envoy.url, json={}) as answer:
                assert answer.status == 200
                return answer.headers.get("connection") == "close"

        await eventually(drains, "it drains")
        # Nobody is to be sent here, but it can be asked what it counted up to the end.
        assert await envoy.reaches("/ready") == 503
        assert await envoy.reaches("/versions") == 200
        assert await envoy.reaches("/stats/prometheus") == 200
        assert not drain.done()
        assert await drain == 200


async def test_who_does_not_know_the_token_drains_nothing(envoy: Envoy) -> None:
    async with envoy.running(PLAN):
        for path in ("wrong", "", f"{TOKEN}/", f"{TOKEN}/x", TOKEN.upper()):
            assert await envoy.reaches(drain_path(path)) == 404, path
        assert await envoy.reaches("/healthcheck/fail") == 404
        await _goes_on(envoy)


async def test_without_a_token_nobody_drains(envoy: Envoy) -> None:
    async with envoy.running(PLAIN):
        for path in ("", "None"):
            assert await envoy.reaches(drain_path(path)) == 404, path
        await _goes_on(envoy)


async def _goes_on(envoy: Envoy) -> None:
    assert await envoy.reaches("/ready") == 200
    async with aiohttp.ClientSession() as session, session.post(envoy.url, json={}) as answer:
        assert answer.status == 200
        assert "connection" not in answer.headers
        assert answer.headers[names.VERSION] == INCUMBENT.version
