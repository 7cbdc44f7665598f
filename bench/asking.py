"""One caller, and a model that answers at once."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.envoy import Envoy

WARM_UP = 200


def ask(
    envoy: Envoy, body: bytes, prediction: bytes, requests: int, every: float = 0.0
) -> list[float]:
    """Ask over one kept-alive connection, one request after another; return the seconds of each.

    Args:
        envoy: is asked.
        body: of each request.
        prediction: how each answer ends.
        requests: how many, after some to warm up.
        every: seconds from one request to the next; 0: at once.
    """
    asked = (
        b"POST /v1/predict HTTP/1.1\r\nhost: churn.shop\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )
    taken = []
    with socket.create_connection(envoy.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(WARM_UP + requests):
            start = time.perf_counter()
            connection.sendall(asked)
            answer = b""
            while not answer.endswith(prediction):
                answer += connection.recv(65536)
            took = time.perf_counter() - start
            if number >= WARM_UP:
                taken.append(took)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(max(every - took, 0))
    return taken


@contextmanager
def answering(body: bytes, prediction: bytes) -> Iterator[int]:
    """Run a model in a process of its own; yields its port.

    Args:
        body: of each request; only its length matters.
        prediction: what it answers.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    arguments = (listener, len(body), prediction)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=arguments)
    process.start()
    try:
        yield listener.getsockname()[1]
    finally:
        process.kill()
        process.join()
        listener.close()


def _serve(listener: socket.socket, length: int, prediction: bytes) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(prediction), prediction)
    )

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(length)
            except asyncio.IncompleteReadError:
                break
            writer.write(answer)
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(connected, sock=listener) as server:
            await server.serve_forever()

    asyncio.run(serve())
