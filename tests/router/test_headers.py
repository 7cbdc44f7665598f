"""What callers and models see of the router."""

import aiohttp
from aiohttp import web
from yarl import URL

from bench.envoy import Envoy
from contender.router import names
from contender.router.traffic import StickyCookie
from tests.router.caller import call
from tests.router.plans import INCUMBENT, PLAIN, V2, trial
from tests.router.pods import Pods


async def test_each_request_has_an_id_of_its_own_that_nobody_can_forge(
    envoy: Envoy, pods: Pods
) -> None:
    forged = {names.PREDICTION_ID: "forged", names.SHADOW: "v2", names.VERSION: "9"}
    async with envoy.running(PLAIN):
        answers = await call(envoy.url, 50, lambda number: forged)
    asked = [one["headers"] for one in pods.asked[INCUMBENT.revision]]
    told = {answer.prediction for answer in answers}
    assert len(told) == 50
    assert told == {headers[names.PREDICTION_ID] for headers in asked}
    assert "forged" not in told
    assert not any(names.SHADOW in headers for headers in asked)
    assert {answer.version for answer in answers} == {INCUMBENT.version}


async def test_the_callers_request_id_is_passed_on_untouched_and_none_is_made_up(
    envoy: Envoy, pods: Pods
) -> None:
    async with envoy.running(PLAIN):
        await call(envoy.url, 1, lambda number: {"x-request-id": "theirs"})
        await call(envoy.url, 1)
    first, second = (one["headers"] for one in pods.asked[INCUMBENT.revision])
    assert first["x-request-id"] == "theirs"
    assert "x-request-id" not in second


async def test_the_request_reaches_the_model_as_it_was_sent(envoy: Envoy, pods: Pods) -> None:
    path = "/v1//models/../predict%2Fx?a=1&b=%20"
    async with envoy.running(PLAIN), aiohttp.ClientSession() as session:
        url = URL(envoy.url + path, encoded=True)
        async with session.post(url, data=b"x" * 1000, headers={"host": "churn.shop"}) as answer:
            assert answer.status == 200
            assert "server" in answer.headers
            assert not any(key.lower().startswith("x-envoy") for key in answer.headers)
    (asked,) = pods.asked[INCUMBENT.revision]
    assert asked["path"] == path
    assert asked["length"] == 1000
    assert asked["headers"]["host"] == "churn.shop"
    assert not any(key.startswith("x-envoy") for key in asked["headers"])


async def test_paths_of_the_routers_own_do_not_reach_the_model(envoy: Envoy, pods: Pods) -> None:
    async with envoy.running(PLAIN):
        (answer,) = await call(envoy.url, 1, path="/-/feedback")
    assert answer.status == 404
    assert pods.asked == {}


async def test_of_envoys_administration_only_figures_are_reachable(envoy: Envoy) -> None:
    async with envoy.running(PLAIN):
        assert await envoy.reaches("/ready") == 200
        for path in ("/config_dump", "/quitquitquit", "/stats", "/versions/", "/clusters", "/"):
            assert await envoy.reaches(path) == 404, path


async def test_a_models_own_cookies_are_kept_beside_that_of_the_experiment(
    envoy: Envoy, pods: Pods
) -> None:
    async def with_cookie(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({}, headers={"set-cookie": "session=theirs"})

    pods.manners[INCUMBENT.revision] = pods.manners[V2.revision] = with_cookie
    plan = trial(weights={"v2": 50}, stickiness=StickyCookie("arm", 60))
    async with (
        envoy.running(plan),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(envoy.url, json={}) as answer,
    ):
        cookies = answer.headers.getall("set-cookie")
    assert sorted(one.partition("=")[0] for one in cookies) == ["arm", "session"]
