"""Challengers get copies; callers do not notice."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bench.envoy import Envoy
from contender.router import names
from contender.router.traffic import LARGEST_MIRRORED_BODY
from tests.router.caller import call, until, versions
from tests.router.plans import INCUMBENT, REVISIONS, V2, V3, trial
from tests.router.pods import Manner, Pods
from tests.router.test_split import within


def ids(pods: Pods, revision: str) -> set[str]:
    return {one["headers"][names.PREDICTION_ID] for one in pods.asked.get(revision, [])}


async def test_copies_carry_the_same_id_and_the_name_of_who_gets_them(
    envoy: Envoy, pods: Pods
) -> None:
    async with envoy.running(trial(shadows={"v2": 100})):
        answers = await call(envoy.url, 100)
        await until(lambda: len(pods.asked.get(V2.revision, [])) == 100, "all copies came")
    assert versions(answers) == {"1": 100}
    assert ids(pods, V2.revision) == ids(pods, INCUMBENT.revision)
    assert {one["headers"][names.SHADOW] for one in pods.asked[V2.revision]} == {"v2"}
    assert pods.copies(INCUMBENT.revision) == []
    assert {one["path"] for one in pods.asked[V2.revision]} == {"/v1/predict?a=1"}
    assert V3.revision not in pods.asked


async def test_a_smaller_sample_lies_inside_of_a_larger_one(envoy: Envoy, pods: Pods) -> None:
    count = 2000
    async with envoy.running(trial(shadows={"v2": 60, "v3": 25})):
        await call(envoy.url, count)
        await asyncio.sleep(0.5)
    assert within(len(ids(pods, V2.revision)), 60, count)
    assert within(len(ids(pods, V3.revision)), 25, count)
    assert ids(pods, V3.revision) < ids(pods, V2.revision) < ids(pods, INCUMBENT.revision)


async def test_in_a_split_every_request_is_scored_by_all_arms(envoy: Envoy, pods: Pods) -> None:
    count = 500
    async with envoy.running(trial(weights={"v2": 30, "v3": 20}, shadow_others=True)):
        found = versions(await call(envoy.url, count))
        await until(
            lambda: all(len(pods.asked.get(one, [])) == count for one in REVISIONS), "all scored"
        )
    assert ids(pods, V2.revision) == ids(pods, V3.revision) == ids(pods, INCUMBENT.revision)
    for arm in (INCUMBENT, V2, V3):
        assert len(pods.copies(arm.revision)) == count - found[arm.version]


async def _hangs(request: web.Request) -> None:
    await asyncio.sleep(3600)


async def _crashes(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def _fails(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({}, status=500)


@pytest.mark.parametrize("manner", [_hangs, _crashes, _fails])
async def test_a_bad_challenger_changes_nothing_for_callers(
    envoy: Envoy, pods: Pods, manner: Manner
) -> None:
    pods.manners[V2.revision] = manner
    plan = trial(shadows={"v2": 100, "v3": 100}, shadow_timeout_seconds=1, copies_in_flight=32)
    async with envoy.running(plan):
        assert versions(await call(envoy.url, 300)) == {"1": 300}
        shadow = f"shadow_{V2.revision}"

        async def failed() -> int:
            return await envoy.count(
                "cluster_upstream_rq_xx", cluster_name=shadow, response_code_class="5"
            )

        for _ in range(200):
            if await failed() == 300:
                break
            await asyncio.sleep(0.05)
        overflow = await envoy.count("cluster_upstream_rq_pending_overflow", cluster_name=shadow)
        assert await failed() == 300, "each copy is accounted for"
        # Where it hangs, only what was in flight is its fault.
        assert overflow == 0 if manner is not _hangs else 0 < overflow < 300
        # The other challenger misses nothing.
        await until(lambda: len(pods.asked.get(V3.revision, [])) == 300, "v3 got all")


async def test_a_challenger_that_does_not_read_does_not_stall_uploads(
    envoy: Envoy, pods: Pods
) -> None:
    pods.manners[V2.revision] = _hangs
    async with envoy.running(trial(shadows={"v2": 100})), aiohttp.ClientSession() as session:
        for size in (LARGEST_MIRRORED_BODY, 8 * 1024 * 1024):
            async with session.post(envoy.url, data=b"x" * size) as answer:
                assert answer.status == 200
    assert [one["length"] for one in pods.asked[INCUMBENT.revision]] == [
        LARGEST_MIRRORED_BODY,
        8 * 1024 * 1024,
    ]


async def test_what_is_copied_and_what_is_not(envoy: Envoy, pods: Pods) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 10

    async with envoy.running(trial(shadows={"v2": 100})), aiohttp.ClientSession() as session:
        url = envoy.url
        await (await session.get(f"{url}/get")).read()
        await (await session.post(f"{url}/small", data=b"x" * LARGEST_MIRRORED_BODY)).read()
        await (await session.post(f"{url}/empty")).read()
        await (await session.post(f"{url}/large", data=b"x" * (LARGEST_MIRRORED_BODY + 1))).read()
        await (await session.post(f"{url}/chunked", data=chunks())).read()
        upgrade = {"connection": "upgrade", "upgrade": "websocket"}
        await (await session.get(f"{url}/upgrade", headers=upgrade)).read()
        await until(lambda: len(pods.asked.get(V2.revision, [])) >= 3, "the copies came")
        await asyncio.sleep(0.2)
    assert sorted(one["path"] for one in pods.asked[V2.revision]) == ["/empty", "/get", "/small"]
    assert len(pods.asked[INCUMBENT.revision]) == 6
