"""Models that speak gRPC: HTTP/2 without TLS, trailers and streams."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from bench.envoy import Envoy
from contender.router import names
from contender.router.traffic import Traffic, Trial
from tests.router.caller import until
from tests.router.plans import INCUMBENT, V2

PREDICT, WATCH = "/churn.Model/Predict", "/churn.Model/Watch"
SEEN = dict[str, list[dict[str, str]]]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]
    Context = grpc.aio.ServicerContext[bytes, bytes]


class Model(grpc.GenericRpcHandler):
    """Says who it is: once, or for each message of a stream."""

    def __init__(self, version: str, seen: SEEN) -> None:
        self._version = version.encode()
        self._seen = seen.setdefault(version, [])

    def service(self, details: grpc.HandlerCallDetails) -> "Handler | None":
        self._seen.append({key: str(value) for key, value in details.invocation_metadata or ()})
        if details.method == PREDICT:
            return grpc.unary_unary_rpc_method_handler(self._predict)
        if details.method == WATCH:
            return grpc.stream_stream_rpc_method_handler(self._watch)
        return None

    async def _predict(self, asked: bytes, context: "Context") -> bytes:
        if asked == b"wrong":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such row")
        return self._version + b":" + asked

    async def _watch(self, asked: AsyncIterator[bytes], context: "Context") -> AsyncIterator[bytes]:
        async for one in asked:
            yield self._version + b":" + one


@pytest.fixture
async def served() -> AsyncIterator[tuple[SEEN, dict[str, int]]]:
    """Two models: what they were asked, and their ports."""
    seen: SEEN = {}
    ports: dict[str, int] = {}
    servers = []
    for arm in (INCUMBENT, V2):
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Model(arm.version, seen),))
        ports[arm.revision] = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
    yield seen, ports
    for server in servers:
        await server.stop(None)


def plan(**step: object) -> Traffic:
    candidate = replace(V2, h2c=True)
    trial = Trial((candidate,), **step)  # type: ignore[arg-type]
    return Traffic("churn", "shop", replace(INCUMBENT, h2c=True), trial)


async def test_calls_pass_with_their_trailers_and_are_copied(
    served: tuple[SEEN, dict[str, int]], tmp_path: Path
) -> None:
    seen, ports = served
    envoy = Envoy(tmp_path, ports)
    async with envoy.running(plan(shadows={"v2": 100})):
        async with grpc.aio.insecure_channel(envoy.url.removeprefix("http://")) as channel:
            predict: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PREDICT)
            call = predict(b"row")
            assert await call == b"1:row"
            headers = dict(await call.initial_metadata() or ())
            assert headers[names.VERSION] == "1"
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await predict(b"wrong")
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert raised.value.details() == "no such row"
        await until(lambda: len(seen["2"]) == 2, "the copies came")
    assert {one[names.SHADOW] for one in seen["2"]} == {"v2"}
    assert seen["1"][0][names.PREDICTION_ID] == headers[names.PREDICTION_ID]
    assert {one[names.PREDICTION_ID] for one in seen["1"]} == {
        one[names.PREDICTION_ID] for one in seen["2"]
    }


async def test_streams_go_both_ways_while_they_are_open(
    served: tuple[SEEN, dict[str, int]], tmp_path: Path
) -> None:
    _, ports = served
    envoy = Envoy(tmp_path, ports)
    async with (
        envoy.running(plan(weights={"v2": 100}, shadow_others=True)),
        grpc.aio.insecure_channel(envoy.url.removeprefix("http://")) as channel,
    ):
        watch: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(WATCH)
        stream = watch()
        for number in range(5):
            await stream.write(b"%d" % number)
            assert await asyncio.wait_for(stream.read(), 20) == b"2:%d" % number
        await stream.done_writing()
        assert await stream.read() == grpc.aio.EOF
