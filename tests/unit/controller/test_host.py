"""What the process that hosts Kopf says when it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from contender.controller.host import tolerate_leftovers


async def stubborn() -> AsyncIterator[int]:
    """A watch in the middle of an answer: it cannot be closed."""
    try:
        yield 1
    except GeneratorExit:
        raise RuntimeError("generator didn't stop after athrow()") from None


def test_a_watch_that_cannot_be_closed_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    watches = []

    async def ends_in_the_middle() -> None:
        tolerate_leftovers(asyncio.get_running_loop())
        watches.append(stubborn())
        await anext(watches[0])

    with caplog.at_level(logging.DEBUG):
        asyncio.run(ends_in_the_middle())
    told = [one for one in caplog.records if "closing of asynchronous generator" in one.message]
    assert [one.levelno for one in told] == [logging.DEBUG]
    assert not any(one.exc_info for one in caplog.records)


def test_other_errors_of_the_loop_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        loop = asyncio.get_running_loop()
        tolerate_leftovers(loop)
        loop.call_exception_handler({"message": "a defect"})

    with caplog.at_level(logging.DEBUG):
        asyncio.run(fails())
    assert [one.levelno for one in caplog.records if one.message == "a defect"] == [logging.ERROR]
