"""What capture costs a caller: a request that is captured, beside one that is not."""

import asyncio
import multiprocessing
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
import grpc.aio

from bench.api import Json
from bench.asking import WARM_UP, answering, ask
from bench.entries import answer, request
from bench.envoy import Envoy
from bench.life import percentile
from bench.recording import ROUTER, recording
from bench.router import CHALLENGER, INCUMBENT, PLANS, ROUNDS
from contender.recorder.sink import SERVICE
from contender.router import names
from contender.router.figures import logged
from contender.router.traffic import Capture, Traffic
from dev.cluster.apiserver import free_port

RATE = 200
"""Requests a second: nobody is busy all the time."""
BODY, PREDICTION = request(1), answer(1)
RECORDER = "contender-recorder"
CASES = {"alone": PLANS["passes"], "pairs": PLANS["shadows"]}
PATIENCE = 30.0


async def capture(requests: int = 500) -> Json:
    """Compare an Envoy that captures with one that does not, in turns: with a recorder that only
    reads, and with the real one."""
    found: Json = {"requests": requests, "rounds": ROUNDS, "rate": RATE, "bytes": len(BODY)}
    recorders = {"discarding": _discarding, "recording": _recording}
    with answering(BODY, PREDICTION) as model:
        for name, recorder in recorders.items():
            found[name] = {
                case: await _compare(plan, model, recorder, requests)
                for case, plan in CASES.items()
            }
    return found


@asynccontextmanager
async def _discarding() -> AsyncIterator[int]:
    """Run a sink that reads and forgets, in a process of its own; yields its port."""
    context = multiprocessing.get_context("spawn")
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_discard, args=(tell,), daemon=True)
    process.start()
    tell.close()
    try:
        yield await asyncio.to_thread(told.recv)
    finally:
        process.kill()
        process.join()


def _discard(tell: Connection) -> None:
    async def read(messages: AsyncIterator[bytes], context: object) -> bytes:
        del context
        async for _ in messages:
            pass
        return b""

    async def serve() -> None:
        server = grpc.aio.server()
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(read)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"StreamAccessLogs": handler}),)
        )
        tell.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await server.wait_for_termination()

    asyncio.run(serve())


@asynccontextmanager
async def _recording() -> AsyncIterator[int]:
    """Run the real recorder; yields the port of its sink."""
    with tempfile.TemporaryDirectory() as folder:
        async with recording(str(Path(folder, "recorder.sqlite"))) as recorder:
            yield recorder.stream_port
            assert (await recorder.sample()).stored


async def _compare(
    plan: Traffic,
    model: int,
    recorder: Callable[[], AbstractAsyncContextManager[int]],
    requests: int,
) -> Json:
    host = f"{RECORDER}.contender-system.svc"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for one in ("plain", "captured"):
            (folder / one).mkdir()
        async with recorder() as port:
            pods = {
                **{arm.revision: model for arm in (INCUMBENT, CHALLENGER)},
                f"{RECORDER}:{names.RECORDER_PORT}": port,
                f"{RECORDER}:{names.RECORDER_HTTP_PORT}": free_port(),
            }
            async with (
                Envoy(folder / "plain", pods).running(plan) as without,
                Envoy(folder / "captured", pods, ROUTER).running(
                    replace(plan, capture=Capture(host))
                ) as ours,
            ):
                found = await asyncio.to_thread(_in_turns, without, ours, requests)
                answers = ROUNDS * (WARM_UP + requests) * (2 if plan.trial else 1)
                await _told(ours, answers)
    return found


def _in_turns(without: Envoy, ours: Envoy, requests: int) -> Json:
    turns = [(_p50(without, requests), _p50(ours, requests)) for _ in range(ROUNDS)]
    return {
        "withoutP50Ms": statistics.median(one for one, _ in turns),
        "capturedP50Ms": statistics.median(other for _, other in turns),
        "addedMs": statistics.median(other - one for one, other in turns),
    }


def _p50(envoy: Envoy, requests: int) -> float:
    return percentile(ask(envoy, BODY, PREDICTION, requests, 1 / RATE), 50)


async def _told(envoy: Envoy, answers: int) -> None:
    """Check that every answer was captured and sent."""
    async with asyncio.timeout(PATIENCE):
        while (found := logged(await envoy.scrape())) != (answers, 0):
            assert sum(found) < answers, found
            await asyncio.sleep(0.1)
