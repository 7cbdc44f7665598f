"""Runs what a command does, until it is done or somebody wants it to stop."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

TERMINATED = 143
"""Exit code after SIGTERM, as shells have it."""


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns. SIGTERM cancels it, so that it tidies up.

    Raises:
        SystemExit: it was cancelled.
    """
    try:
        return asyncio.run(_cancelled_by_sigterm(work))
    except asyncio.CancelledError:
        raise SystemExit(TERMINATED) from None


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end what is not a coroutine, so that it tidies up."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
