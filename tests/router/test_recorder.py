"""What the recorder is told by whom; and that callers notice nothing of how it fares."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import aiohttp
import pytest

from bench.envoy import PATIENCE, Envoy
from contender.router import names
from contender.router.figures import logged
from contender.router.render import render
from tests.router.caller import call, until, versions
from tests.router.plans import PLAIN, captured, trial
from tests.router.pods import Pods
from tests.router.sink import Sink, frozen, resetting

FEEDBACK = "/-/feedback"


async def told(envoy: Envoy, enough: Callable[[int, int], bool]) -> tuple[int, int]:
    """Read how many entries were written and dropped, until it is enough."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not enough(*(found := logged(await envoy.scrape()))):
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.1)
    return found


async def test_what_was_told_is_counted(envoy: Envoy, sink: Sink) -> None:
    assert logged("") == (0, 0)
    async with envoy.running(captured(PLAIN)):
        await call(envoy.url, 40)
        await until(lambda: len(sink.logged) == 40, "all was told")
        assert await told(envoy, lambda written, _: written == 40) == (40, 0)


async def test_a_new_token_is_used_from_the_next_stream_on(envoy: Envoy, sink: Sink) -> None:
    sink.ends_streams = True

    async def tells() -> None:
        before = len(sink.tokens)

        async def again() -> bool:
            await call(envoy.url, 1)
            return len(sink.tokens) > before

        await eventually(again)

    async with envoy.running(captured(PLAIN)):
        await tells()
        assert {*sink.tokens} == {"Bearer first"}
        envoy.give_token("second")
        await asyncio.sleep(0.5)
        sink.tokens.clear()
        await tells()
        await tells()
    assert sink.tokens[-1] == "Bearer second"


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await look():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)


async def test_feedback_reaches_the_recorder_with_the_routers_token(
    envoy: Envoy, pods: Pods, sink: Sink
) -> None:
    mine = {"authorization": "Bearer mine", "cookie": "a=1", "x-other": "2"}
    async with envoy.running(captured(trial(weights={"v2": 50}))) as running:
        async with aiohttp.ClientSession() as session:
            url = running.url + FEEDBACK
            async with session.post(f"{url}?a=1", json={"label": 1}, headers=mine) as answer:
                assert (answer.status, await answer.json()) == (200, {"taken": 1})
                assert names.VERSION not in answer.headers
            envoy.give_token("second")

            async def changed() -> bool:
                async with session.post(url, json={}, headers=mine):
                    return sink.feedback[-1].headers["authorization"] == "Bearer second"

            await eventually(changed)
        await asyncio.sleep(0.5)
    first = sink.feedback[0]
    assert (first.method, first.path) == ("POST", "/v1/feedback")
    assert first.headers["authorization"] == "Bearer first"
    assert first.headers["x-other"] == "2"
    assert "cookie" not in first.headers
    assert sink.bodies[0] == b'{"label": 1}'
    assert pods.asked == {}
    assert sink.logged == []


async def test_who_may_not_know_gets_no_token(envoy: Envoy, sink: Sink, pods: Pods) -> None:
    async with envoy.running(captured(trial(weights={"v2": 50}, shadow_others=True))):
        await call(envoy.url, 20)
        (answer,) = await call(envoy.url, 1, path=f"{FEEDBACK}/x")
    assert answer.status == 404
    asked = [one for all_ in pods.asked.values() for one in all_]
    assert not any("authorization" in one["headers"] for one in asked)


async def test_without_capture_feedback_is_told_why_not(envoy: Envoy, pods: Pods) -> None:
    async with (
        envoy.running(PLAIN),
        aiohttp.ClientSession() as session,
        session.post(envoy.url + FEEDBACK, json={}) as answer,
    ):
        assert answer.status == 404
        why = await answer.text()
    assert why == "this model keeps no answers: spec.capture is not set\n"
    assert pods.asked == {}


Fault = Callable[[int], AbstractAsyncContextManager[None]]


def away(port: int) -> AbstractAsyncContextManager[None]:
    del port
    return nullcontext()


@pytest.mark.parametrize("fault", [away, frozen, resetting])
async def test_callers_do_not_notice_how_the_recorder_fares(
    envoy: Envoy, pods: Pods, fault: Fault
) -> None:
    sink = Sink()
    pods.ports |= sink.ports
    count, large = 400, 40
    async with fault(sink.port), envoy.running(captured(trial(shadows={"v2": 100}))):
        assert versions(await call(envoy.url, count)) == {"1": count}
        async with aiohttp.ClientSession() as session:
            for _ in range(large):
                async with session.post(envoy.url, data=b"x" * 200_000) as answer:
                    assert answer.status == 200
        both = 2 * (count + large)
        found = await told(envoy, lambda written, dropped: written + dropped == both)
        assert (found[1] > 0) == (fault is frozen)
        assert "critical" not in envoy.log()


async def test_a_recorder_that_comes_back_is_told_again(envoy: Envoy, pods: Pods) -> None:
    sink = Sink()
    pods.ports |= sink.ports
    async with envoy.running(captured(PLAIN)):
        async with frozen(sink.port):
            await call(envoy.url, 20)
            await asyncio.sleep(0.5)
        async with sink.running():

            async def again() -> bool:
                await call(envoy.url, 1)
                return bool(sink.logged)

            await eventually(again)


async def test_callers_are_served_where_the_token_is_not_mounted(envoy: Envoy, sink: Sink) -> None:
    for name, text in render(captured(PLAIN)).items():
        envoy.put(name, text)
    async with envoy.process():
        await envoy.answers()
        assert versions(await call(envoy.url, 10)) == {"1": 10}
        assert "cluster 'recorder' config rejected" in envoy.log()
    assert sink.logged == []
