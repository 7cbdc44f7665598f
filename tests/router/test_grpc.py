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
from tests.router.plans import INCUMBENT, V2, captured
from tests.router.sink import Sink

LOGS = ("main", "copies")
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
async def served(sink: Sink) -> AsyncIterator[tuple[SEEN, dict[str, int]]]:
    """Two models: what they were asked, and the ports of both and of the recorder."""
    seen: SEEN = {}
    ports = {**sink.ports}
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


def plan(*, capture: bool, **step: object) -> Traffic:
    candidate = replace(V2, h2c=True)
    trial = Trial((candidate,), **step)  # type: ignore[arg-type]
    found = Traffic("churn", "shop", replace(INCUMBENT, h2c=True), trial)
    return captured(found) if capture else found


def framed(*messages: bytes) -> bytes:
    """Return messages as they are on the way."""
    return b"".join(b"\0" + len(one).to_bytes(4) + one for one in messages)


@pytest.mark.parametrize("capture", [False, True])
async def test_calls_pass_with_their_trailers_and_are_copied(
    served: tuple[SEEN, dict[str, int]], tmp_path: Path, sink: Sink, capture: bool
) -> None:
    seen, ports = served
    envoy = Envoy(tmp_path, ports)
    async with envoy.running(plan(capture=capture, shadows={"v2": 100})):
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
        if capture:
            await until(lambda: len(sink.logged) == 4, "all was told")
            served_, copied = (sink.of(log)[str(headers[names.PREDICTION_ID])] for log in LOGS)
            assert (served_.asked, served_.answered) == (framed(b"row"), framed(b"1:row"))
            assert copied.answered == framed(b"2:row")
    assert {one[names.SHADOW] for one in seen["2"]} == {"v2"}
    assert seen["1"][0][names.PREDICTION_ID] == headers[names.PREDICTION_ID]
    assert {one[names.PREDICTION_ID] for one in seen["1"]} == {
        one[names.PREDICTION_ID] for one in seen["2"]
    }


@pytest.mark.parametrize("capture", [False, True])
async def test_streams_go_both_ways_while_they_are_open(
    served: tuple[SEEN, dict[str, int]], tmp_path: Path, sink: Sink, capture: bool
) -> None:
    _, ports = served
    envoy = Envoy(tmp_path, ports)
    async with (
        envoy.running(plan(capture=capture, weights={"v2": 100}, shadow_others=True)),
        grpc.aio.insecure_channel(envoy.url.removeprefix("http://")) as channel,
    ):
        watch: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(WATCH)
        stream = watch()
        for number in range(5):
            await stream.write(b"%d" % number)
            assert await asyncio.wait_for(stream.read(), 20) == b"2:%d" % number
        await stream.done_writing()
        assert await stream.read() == grpc.aio.EOF
        if capture:
            await until(lambda: len(sink.logged) == 2, "both answers were told")
            (told,) = sink.of("main").values()
            assert told.asked == framed(*(b"%d" % number for number in range(5)))
            assert told.answered == framed(*(b"2:%d" % number for number in range(5)))
