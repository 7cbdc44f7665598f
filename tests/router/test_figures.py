"""What routers count of each arm, as a real Envoy tells it."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from bench.envoy import PATIENCE, Envoy
from contender.router.figures import Counted, Figures, figures
from contender.router.traffic import HeaderMatch, Traffic
from tests.router.caller import call, versions
from tests.router.plans import INCUMBENT, V2, V3, trial
from tests.router.pods import Pods


async def counted(
    envoy: Envoy, plan: Traffic, enough: Callable[[dict[str, Counted]], bool]
) -> dict[str, Counted]:
    """Read the figures until they are complete: Envoy gathers them every second."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not enough(found := figures([await envoy.scrape()], plan)):
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.1)
    return found


async def test_only_requests_that_take_part_are_counted(envoy: Envoy) -> None:
    plan = trial(match=(HeaderMatch("x-segment", "beta"),), weights={"v2": 50})
    async with envoy.running(plan):
        await call(envoy.url, 30)
        await call(envoy.url, 50, lambda number: {"x-segment": "beta"})
        found = await counted(
            envoy, plan, lambda one: sum(arm.calls.timed for arm in one.values()) == 50
        )
    calls = found["incumbent"].calls + found["v2"].calls
    assert (calls.answered, calls.errors, calls.missing) == (50, 0, 0)
    assert calls.times[60_000] == 50
    assert calls.slower(60_000) == 0
    assert found["incumbent"].copies == Figures()


async def test_each_arm_is_told_apart_in_what_it_answered_and_what_it_copied(
    envoy: Envoy,
) -> None:
    plan = trial(weights={"v2": 30}, shadow_others=True)
    async with envoy.running(plan):
        by_version = versions(await call(envoy.url, 300))
        found = await counted(
            envoy,
            plan,
            lambda one: all(arm.calls.timed + arm.copies.timed == 300 for arm in one.values()),
        )
    for arm in (INCUMBENT, V2, V3):
        assert found[arm.name].calls.answered == by_version[arm.version]
        assert found[arm.name].copies.answered == 300 - by_version[arm.version]
        assert found[arm.name].calls.errors == found[arm.name].copies.errors == 0


async def _fails(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({}, status=500)


async def _hangs(request: web.Request) -> None:
    await asyncio.sleep(3600)


async def _is_slow(request: web.Request) -> None:
    await asyncio.sleep(0.3)


async def test_errors_are_those_of_the_arm(envoy: Envoy, pods: Pods) -> None:
    pods.manners[V2.revision] = _fails
    plan = trial(weights={"v2": 50}, shadow_others=True)
    async with envoy.running(plan):
        await call(envoy.url, 100)
        found = await counted(
            envoy, plan, lambda one: one["v2"].calls.answered + one["v2"].copies.answered == 100
        )
    assert found["v2"].calls.errors == found["v2"].calls.answered > 0
    assert found["v2"].copies.errors == found["v2"].copies.answered > 0
    assert found["incumbent"].calls.errors == found["incumbent"].copies.errors == 0


async def test_what_others_answered_for_an_arm_is_its_error(envoy: Envoy, pods: Pods) -> None:
    plan = trial(weights={"v2": 50})
    async with envoy.running(plan):
        await pods.stop(V2.revision)
        assert versions(await call(envoy.url, 100)) == {"1": 100}
        found = await counted(
            envoy,
            plan,
            lambda one: one["v2"].calls.answered + one["incumbent"].calls.answered == 100,
        )
    assert found["v2"].calls.errors == found["v2"].calls.answered > 0
    assert found["incumbent"].calls.errors == 0


async def test_too_late_is_an_error_and_what_overflows_is_missing(envoy: Envoy, pods: Pods) -> None:
    pods.manners[V2.revision] = _hangs
    plan = trial(shadows={"v2": 100}, copies_in_flight=16, shadow_timeout_seconds=1)
    async with envoy.running(plan):
        await call(envoy.url, 200)
        found = await counted(
            envoy, plan, lambda one: one["v2"].copies.answered + one["v2"].copies.missing == 200
        )
    copies = found["v2"].copies
    assert copies.errors == copies.answered > 0
    assert copies.missing > 0
    assert copies.slower(60_000) == copies.answered, "what never came was slower than anything"


async def test_slow_is_told_by_the_time_of_the_model(envoy: Envoy, pods: Pods) -> None:
    pods.manners[V2.revision] = _is_slow
    plan = trial(shadows={"v2": 100}, copies_in_flight=64)
    async with envoy.running(plan):
        await call(envoy.url, 40)
        found = await counted(envoy, plan, lambda one: one["v2"].copies.timed == 40)
    assert found["v2"].copies.slower(250) == 40
    assert found["v2"].copies.slower(60_000) == 0
    assert found["incumbent"].calls.slower(250) < 40


async def test_routers_are_counted_together(envoy: Envoy) -> None:
    plan = trial()
    async with envoy.running(plan):
        await call(envoy.url, 10)
        await counted(envoy, plan, lambda one: one["incumbent"].calls.timed == 10)
        scrape = await envoy.scrape()
    both = figures([scrape, scrape], plan)["incumbent"].calls
    assert (both.answered, both.timed, both.times[60_000]) == (20, 20, 20)


def test_a_threshold_between_the_bounds_is_refused() -> None:
    assert Figures().slower(123) == 0
    with pytest.raises(KeyError):
        Figures(timed=1, times={100.0: 1}).slower(123)
