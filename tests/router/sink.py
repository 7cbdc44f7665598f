"""A recorder that only keeps what it is told: Envoy's access log service, and feedback."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio
from aiohttp import web

from contender.recorder.als_pb2 import Entry, Message
from contender.router import names
from dev.cluster.apiserver import free_port
from tests.router.plans import RECORDER

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]

SERVICE, METHOD = "envoy.service.accesslog.v3.AccessLogService", "StreamAccessLogs"


@dataclass(frozen=True)
class Logged:
    """One entry."""

    log: str
    entry: Entry

    @property
    def id(self) -> str:
        return self.entry.request.request_headers[names.PREDICTION_ID].decode()

    @property
    def code(self) -> int:
        return self.entry.response.response_code.value

    @property
    def tags(self) -> dict[str, str]:
        tags = self.entry.common_properties.custom_tags
        return {key: value.decode() for key, value in tags.items()}

    @property
    def keys(self) -> set[str]:
        """What was captured."""
        return {*self._captured} - {"on"}

    @property
    def asked(self) -> bytes:
        return self._body("q")

    @property
    def answered(self) -> bytes:
        return self._body("p")

    @property
    def caller(self) -> bytes | None:
        """Who asked; None: it is not told."""
        return self._body("w") or None

    @property
    def _captured(self) -> dict[str, Any]:
        metadata = self.entry.common_properties.metadata.filter_metadata
        return dict(metadata[names.CAPTURE].fields)

    def _body(self, key: str) -> bytes:
        found = self._captured
        if key in found:
            return bytes(found[key].string_value)
        in_base64 = found.get(f"{key}64")
        return base64.b64decode(in_base64.string_value, validate=True) if in_base64 else b""


@dataclass
class Sink:
    """The recorder, on ports of its own. It may be told to end streams after each message."""

    ports: dict[str, int] = field(
        default_factory=lambda: {
            f"{RECORDER}:{port}": free_port()
            for port in (names.RECORDER_PORT, names.RECORDER_HTTP_PORT)
        }
    )
    logged: list[Logged] = field(default_factory=lambda: [])
    tokens: list[str] = field(default_factory=lambda: [])
    """Of each stream."""
    nodes: set[str] = field(default_factory=set)
    feedback: list[web.Request] = field(default_factory=lambda: [])
    bodies: list[bytes] = field(default_factory=lambda: [])
    ends_streams: bool = False

    @property
    def port(self) -> int:
        return self.ports[f"{RECORDER}:{names.RECORDER_PORT}"]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        server = grpc.aio.server()
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(
            self._listen
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {METHOD: method}),)
        )
        server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = self.ports[f"{RECORDER}:{names.RECORDER_HTTP_PORT}"]
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield self
        finally:
            await server.stop(None)
            await runner.cleanup()

    def of(self, log: str) -> dict[str, Logged]:
        """Return the entries of one log by prediction id."""
        return {one.id: one for one in self.logged if one.log == log}

    async def _listen(self, stream: AsyncIterator[bytes], context: "Context") -> bytes:
        sent = dict(context.invocation_metadata() or ())
        self.tokens.append(str(sent.get("authorization", "")))
        log = ""
        async for raw in stream:
            message = Message.FromString(raw)
            if message.identifier.log_name:
                log = message.identifier.log_name
                self.nodes.add(message.identifier.node.cluster)
            self.logged += [Logged(log, entry) for entry in message.http_logs.log_entry]
            if self.ends_streams:
                break
        return b""

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.feedback.append(request)
        return web.json_response({"taken": 1})


@asynccontextmanager
async def frozen(port: int) -> AsyncIterator[None]:
    """Accept connections, and never read from them; they stay open when this ends."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        writer.transport.abort()

    server = await asyncio.start_server(hold, "127.0.0.1", port, limit=1)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def resetting(port: int) -> AsyncIterator[None]:
    """Accept connections, and reset them at their first bytes."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
