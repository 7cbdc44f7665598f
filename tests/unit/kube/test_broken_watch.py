"""A watch that is cut in the middle of a line fails for now; it does not end the process."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from kubernetes.aio import client as kubernetes

from contender.kube.client import Client
from contender.kube.errors import ApiError

HALF = b'{"type":"ADDED","object":{"metadata"'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(HALF) + HALF


@pytest.fixture
async def half_a_line() -> AsyncIterator[str]:
    """A server whose every answer is half of an event."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_half_a_line_is_an_error_that_passes(half_a_line: str) -> None:
    settings = kubernetes.Configuration(host=half_a_line)
    async with kubernetes.ApiClient(settings) as api, aiohttp.ClientSession() as session:
        client = Client(api, session, "test")
        with pytest.raises(ApiError) as caught:
            async for _ in client.watch("/api/v1/pods"):
                pass
        assert caught.value.passes
        with pytest.raises(ApiError) as caught:
            await client.get("/api/v1/pods")
        assert caught.value.passes
