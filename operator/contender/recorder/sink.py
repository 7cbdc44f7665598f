"""The sink: takes the access logs of routers (Envoy's access log service over gRPC)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Any

import grpc

from contender.core.audiences import Purpose
from contender.recorder.access import Access, Denied, Grant, Unavailable
from contender.recorder.intake import Intake, Message, count_entries
from contender.recorder.plans import Plans
from contender.recorder.receipts import Receipts

SERVICE = "envoy.service.accesslog.v3.AccessLogService"
LARGEST_MESSAGE = 16 * 2**20
MOST_STREAMS = 8192
PATIENCE_SECONDS = 10.0
"""How long a stream waits, and what it sends with it, until its endpoint is known and the API
server answers: a router may be faster than the watch of ModelDeployments."""
LOOK_SECONDS = 0.1

log = logging.getLogger(__name__)


class Sink:
    """The server.

    Args:
        access: tells whose a stream is.
        plans: which endpoints capture.
        intake: takes the messages.
        receipts: notes when an endpoint sent something last, and what was refused.
    """

    def __init__(self, access: Access, plans: Plans, intake: Intake, receipts: Receipts) -> None:
        self._access = access
        self._plans = plans
        self._intake = intake
        self._receipts = receipts
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", LARGEST_MESSAGE),
                ("grpc.so_reuseport", 0),
                # A router that is gone without a word is forgotten.
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ],
            maximum_concurrent_rpcs=MOST_STREAMS,
        )
        handler: Any = grpc.stream_unary_rpc_method_handler(self._stream)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"StreamAccessLogs": handler}),)
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port."""
        bound = self._server.add_insecure_port(f"{host}:{port}")
        await self._server.start()
        return bound

    async def stop(self, grace: float) -> None:
        """Take what is under way for so many seconds, and end."""
        await self._server.stop(grace)

    async def _stream(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        """Take one stream. A token that has expired ends it; the router opens another one."""
        grant = await self._grant(context)
        async for raw in messages:
            endpoint = await self._endpoint(grant)
            if endpoint is None:
                self._receipts.refuse("unwanted")
                what = f"{grant.namespace}/{grant.name} captures nothing"
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, what)
                break  # an abort does not return
            try:
                count = count_entries(raw)
            except ValueError as error:
                self._receipts.refuse("broken")
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no access log: {error}")
            if count:
                self._intake.offer(Message(endpoint, raw, count))
                self._receipts.note(endpoint)
            if 0 < grant.expires_at <= time():
                break
        return b""

    async def _endpoint(self, grant: Grant) -> int | None:
        """Return the number of the endpoint of a stream; None if it captures nothing."""
        until = monotonic() + PATIENCE_SECONDS
        while (number := self._plans.number(grant.namespace, grant.name)) is None:
            if monotonic() >= until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        return number

    async def _grant(self, context: Any) -> Grant:
        """Return what the token of a stream allows, or end the stream."""
        headers = dict(context.invocation_metadata())
        try:
            grant = await self._ask(str(headers.get("authorization", "")))
        except Denied as error:
            await self._refuse(context, grpc.StatusCode.UNAUTHENTICATED, str(error))
        except Unavailable as error:
            await self._refuse(context, grpc.StatusCode.UNAVAILABLE, str(error))
        if grant.purpose is not Purpose.STREAM:
            what = "the token was made for something else"
            await self._refuse(context, grpc.StatusCode.PERMISSION_DENIED, what)
        return grant

    async def _ask(self, authorization: str) -> Grant:
        """Ask what a token allows, patiently.

        Raises:
            Denied: nothing.
            Unavailable: the API server did not answer all the while.
        """
        until = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._access.grant(authorization)
            except Unavailable:
                if monotonic() >= until:
                    raise
            await asyncio.sleep(1)

    async def _refuse(self, context: Any, code: grpc.StatusCode, why: str) -> None:
        log.warning("a stream from %s is refused: %s", context.peer(), why)
        self._receipts.refuse(code.name.lower())
        await context.abort(code, why)
