"""A router that sends access logs, as a process of its own."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import grpc

from bench.entries import messages
from bench.recording import ROUTER
from contender.recorder.sink import SERVICE

METHOD = f"/{SERVICE}/StreamAccessLogs"
AHEAD = 20_000
"""Answers that may be under way where all are to be stored: about half of what may wait."""


@dataclass(frozen=True)
class Order:
    """What is to be sent."""

    port: int
    pairs: bool
    count: int = 0
    """Answers, about; no faster than they are stored."""
    rate: float = 0.0
    """Answers a second, whatever becomes of them, in place of count."""
    seconds: float = 0.0


class Sender:
    """A running sender."""

    def __init__(self, order: Order) -> None:
        context = multiprocessing.get_context("spawn")
        self._stored = context.Value("q", 0)
        self._result, result = context.Pipe(duplex=False)
        arguments = (order, self._stored, result)
        self._process = context.Process(target=_send, args=arguments, daemon=True)
        self._process.start()
        result.close()
        self._told: tuple[int, float] | None = None

    def tell_stored(self, stored: int) -> None:
        """Say how many answers were stored."""
        self._stored.value = stored

    def result(self) -> tuple[int, float] | None:
        """Return how many were sent, and for how many seconds; None: it is not done."""
        if self._told is None and self._result.poll():
            self._told = self._result.recv()
        return self._told

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def sending(order: Order) -> Iterator[Sender]:
    """Send."""
    sender = Sender(order)
    try:
        yield sender
    finally:
        sender.kill()


def _send(order: Order, stored: Any, result: Connection) -> None:
    """Send, and tell how much; a stream that ended without an error was read to its end."""
    sent, began = 0, 0.0

    def stream() -> Iterator[bytes]:
        nonlocal sent, began
        began = time.monotonic()
        made = messages(pairs=order.pairs)
        while True:
            if order.count:
                if sent >= order.count:
                    return
                if sent - stored.value > AHEAD:
                    time.sleep(0.005)
                    continue
            else:
                passed = time.monotonic() - began
                if passed >= order.seconds:
                    return
                if sent > passed * order.rate:
                    time.sleep(0.002)
                    continue
            one = next(made)
            yield one.raw
            sent += one.entries

    with grpc.insecure_channel(f"127.0.0.1:{order.port}") as channel:
        call: Any = channel.stream_unary(METHOD)
        # The entries in a log that is not full yet are never sent.
        call(stream(), metadata=(("authorization", f"Bearer {ROUTER}"),))
        result.send((sent, time.monotonic() - began))
