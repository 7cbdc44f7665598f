"""The plan changes while callers are served."""

import asyncio

import aiohttp

from bench.envoy import Envoy
from contender.router.traffic import StickyHeader
from tests.router.caller import until
from tests.router.plans import PLAIN, trial
from tests.router.pods import Pods

PLANS = (
    trial(shadows={"v2": 100}),
    trial(shadows={"v2": 100, "v3": 50}),
    trial(weights={"v2": 10}, shadow_others=True),
    trial(weights={"v2": 50, "v3": 20}, stickiness=StickyHeader("x-user")),
    trial(weights={"v2": 100}),
    PLAIN,
)


async def test_no_request_fails_when_the_plan_changes(envoy: Envoy, pods: Pods) -> None:
    statuses: list[int] = []
    over = asyncio.Event()

    async def caller() -> None:
        async with aiohttp.ClientSession() as session:
            while not over.is_set():
                async with session.post(envoy.url, json={"instances": [1]}) as answer:
                    await answer.read()
                    statuses.append(answer.status)

    async with envoy.running(PLAIN):
        callers = [asyncio.create_task(caller()) for _ in range(4)]
        for plan in (*PLANS, *PLANS):
            await envoy.change(plan)
            enough = len(statuses) + 50
            await until(lambda: len(statuses) >= enough, "callers were answered")  # noqa: B023
        over.set()
        await asyncio.gather(*callers)
    assert {*statuses} == {200}
    assert pods.asked


async def test_what_is_wrong_is_refused_and_the_old_plan_goes_on(envoy: Envoy) -> None:
    async with envoy.running(PLAIN):
        before = await envoy.versions()
        wrong = "version_info: wrong\nresources: [{'@type': nonsense}]\n"
        envoy.put("endpoint.yaml", wrong)
        await asyncio.sleep(0.5)
        assert await envoy.versions() == before
        async with aiohttp.ClientSession() as session, session.post(envoy.url) as answer:
            assert answer.status == 200
