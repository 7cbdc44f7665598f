"""What callers ask and what arms answer reaches the recorder."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bench.envoy import Envoy
from contender.router import names
from contender.router.capture import LONGEST_CALLER
from contender.router.traffic import HeaderMatch, StickyCookie, StickyHeader
from tests.router.caller import call, until, versions
from tests.router.plans import INCUMBENT, PLAIN, V2, V3, captured, trial
from tests.router.pods import Pods
from tests.router.sink import Logged, Sink
from tests.router.test_split import within

JSON = "application/json"
LARGEST = 65536


async def _echoes(request: web.Request) -> web.Response:
    """Answer with what was asked, in reverse."""
    body = (await request.read())[::-1]
    kind = {"content-type": request.headers["x-answer-type"]}
    return web.Response(body=body, headers=kind)


BODIES = {
    "json": (JSON, b'{"instances": [[1, "\xc3\xa9"]]}'),
    "text": ("Text/Plain; charset=utf-8", b"a\tb\n"),
    "binary": ("application/octet-stream", bytes(range(256)) * 4),
    "a NUL in what is said to be JSON": (JSON, b'{"a": "\0"}'),
    "no UTF-8 in what is said to be JSON": (JSON, b'{"a": "\xff\xfe"}'),
    "empty": (JSON, b""),
    "of the largest size": (JSON, b"x" * LARGEST),
}


async def test_both_answers_of_one_request_arrive_byte_for_byte(
    envoy: Envoy, pods: Pods, sink: Sink
) -> None:
    pods.manners[INCUMBENT.revision] = pods.manners[V2.revision] = _echoes
    ids: dict[str, str] = {}
    plan = captured(trial(shadows={"v2": 100}))
    async with envoy.running(plan), aiohttp.ClientSession() as session:
        for case, (kind, body) in BODIES.items():
            headers = {"content-type": kind, "x-answer-type": kind, "x-request-id": case}
            async with session.post(f"{envoy.url}/a?b", data=body, headers=headers) as answer:
                assert await answer.read() == body[::-1]
                ids[case] = answer.headers[names.PREDICTION_ID]
        await until(lambda: len(sink.logged) == 2 * len(BODIES), "all was told")
    main, copies = sink.of("main"), sink.of("copies")
    for case, (kind, body) in BODIES.items():
        served, copied = main[ids[case]], copies[ids[case]]
        assert (served.asked, served.answered) == (body, body[::-1]), case
        assert (copied.asked, copied.answered) == (b"", body[::-1]), case
        assert (served.code, copied.code) == (200, 200)
        assert served.entry.request.path == b"/a?b"
        sent = served.entry.request.request_headers
        assert sent["content-type"].decode() == kind
        assert sent["x-request-id"].decode() == case
        assert copied.entry.request.request_headers[names.SHADOW] == b"v2"
        assert served.entry.request.request_body_bytes == len(body)
        assert served.entry.response.response_headers["content-type"].decode() == kind
        assert (served.tags["arm"], copied.tags["arm"]) == ("incumbent", "v2")
        assert (served.tags["version"], copied.tags["version"]) == ("1", "2")
        assert served.tags["revision"] == INCUMBENT.revision
        assert copied.tags["revision"] == V2.revision
    assert main[ids["empty"]].keys == set()
    assert main[ids["json"]].keys == {"q", "p"}
    assert main[ids["binary"]].keys == {"q64", "p64"}
    assert sink.nodes == {"shop/churn"}
    assert "error" not in envoy.log()


async def test_an_encoded_body_is_told_as_it_was_sent(envoy: Envoy, pods: Pods, sink: Sink) -> None:
    async def compresses(request: web.Request) -> web.Response:
        answer = web.json_response({"predictions": [1] * 1000})
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    pods.manners[INCUMBENT.revision] = compresses
    body = gzip.compress(json.dumps({"instances": [1] * 1000}).encode())
    headers = {"content-type": JSON, "content-encoding": "gzip", "accept-encoding": "gzip"}
    async with (
        envoy.running(captured(PLAIN)),
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        async with session.post(envoy.url, data=body, headers=headers) as answer:
            answered = await answer.read()
        await until(lambda: bool(sink.logged), "it was told")
    (one,) = sink.logged
    assert (one.asked, one.answered) == (body, answered)
    assert one.keys == {"q64", "p64"}
    assert json.loads(gzip.decompress(one.answered)) == {"predictions": [1] * 1000}
    assert one.entry.response.response_headers["content-encoding"] == b"gzip"


async def test_long_bodies_are_cut_and_marked_and_callers_get_them_whole(
    envoy: Envoy, pods: Pods, sink: Sink
) -> None:
    pods.manners[INCUMBENT.revision] = _echoes
    body = b'{"x": "' + b"0123456789" * 500_000 + b'"}'
    headers = {"content-type": JSON, "x-answer-type": JSON}
    async with envoy.running(captured(PLAIN, most=1000)) as running:
        async with (
            aiohttp.ClientSession() as session,
            session.post(running.url, data=body, headers=headers) as answer,
        ):
            assert await answer.read() == body[::-1]
        await until(lambda: bool(sink.logged), "it was told")
    (one,) = sink.logged
    assert (one.asked, one.answered) == (body[:1000], body[::-1][:1000])
    assert one.keys == {"q", "p", "qt", "pt"}
    assert one.entry.request.request_body_bytes == len(body)


async def test_who_waits_before_it_sends_its_body_is_told_to_go_on(
    envoy: Envoy, sink: Sink
) -> None:
    async with envoy.running(captured(PLAIN)), aiohttp.ClientSession() as session:
        async with session.post(envoy.url, json=[1], expect100=True) as answer:
            assert answer.status == 200
        await until(lambda: bool(sink.logged), "it was told")
    assert sink.logged[0].asked == b"[1]"


async def test_a_caller_that_goes_away_is_told(envoy: Envoy, pods: Pods, sink: Sink) -> None:
    async def hangs(request: web.Request) -> None:
        await asyncio.sleep(3600)

    pods.manners[INCUMBENT.revision] = hangs
    short = aiohttp.ClientTimeout(total=0.3)
    async with envoy.running(captured(PLAIN)), aiohttp.ClientSession(timeout=short) as session:
        with pytest.raises(TimeoutError):
            await session.post(envoy.url, json=[1])
        await until(lambda: bool(sink.logged), "it was told")
    (one,) = sink.logged
    assert one.entry.common_properties.response_flags.downstream_connection_termination
    assert (one.asked, one.code) == (b"[1]", 0)


async def test_a_share_is_captured_with_all_its_copies(envoy: Envoy, sink: Sink) -> None:
    count = 2000
    plan = captured(trial(weights={"v2": 50}, shadow_others=True), percent=30)
    async with envoy.running(plan):
        answers = await call(envoy.url, count)
        await asyncio.sleep(1)
    assert "error" not in envoy.log()
    main = sink.of("main")
    assert within(len(main), 30, count)
    assert len(sink.logged) == 3 * len(main)
    assert {one.id for one in sink.logged} == {*main} <= {one.prediction for one in answers}
    share = sum(one.tags["arm"] == "v2" for one in main.values())
    assert within(share, 50, len(main)), "who is captured does not depend on the arm"


async def test_nothing_is_captured_that_should_not_be(envoy: Envoy, sink: Sink) -> None:
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}
    async with envoy.running(PLAIN), aiohttp.ClientSession() as session:
        (answer,) = await call(envoy.url, 1)
        await envoy.change(captured(PLAIN))
        for path in ("/-/", "/-/x", "/-/feedback?x"):
            async with session.get(envoy.url + path) as found:
                assert found.status == 404
                assert await found.text() == "paths below /-/ belong to the router\n"
        for method, headers in (("POST", upgrade), ("GET", {}), ("HEAD", {}), ("OPTIONS", {})):
            async with session.request(method, envoy.url, headers=headers) as found:
                await found.read()
        (last,) = await call(envoy.url, 1)
        await until(lambda: bool(sink.logged), "the last was told")
        await asyncio.sleep(0.5)
    assert answer.status == last.status == 200
    assert [one.id for one in sink.logged] == [last.prediction]


def stamp(one: Logged) -> dict[str, object]:
    found: dict[str, object] = json.loads(one.tags["trial"])
    return found


async def test_the_trial_is_told_of_requests_that_take_part(envoy: Envoy, sink: Sink) -> None:
    arms = {INCUMBENT.revision: "incumbent", V2.revision: "v2", V3.revision: "v3"}
    match = (HeaderMatch("x-segment", "beta"),)
    plans: dict[str, tuple[dict[str, Any], dict[str, list[str]], bool]] = {
        "split": ({"weights": {"v2": 30}}, {}, True),
        "others": (
            {"weights": {"v2": 30}, "shadow_others": True},
            {
                "incumbent": ["v2", "v3"],
                "v2": ["incumbent", "v3"],
                "v3": ["incumbent", "v2"],
            },
            True,
        ),
        "shadow": ({"shadows": {"v2": 100, "v3": 50}}, {"incumbent": ["v2"]}, True),
    }
    epochs = set()
    async with envoy.running(captured(PLAIN)):
        for name, (step, copies, eligible) in plans.items():
            plan = trial(**step, match=match, experiment="uid")
            await envoy.change(captured(plan))
            sink.logged.clear()
            (taking, other) = await call(
                envoy.url, 2, lambda number: {} if number else {"x-segment": "beta"}
            )
            await until(lambda: len(sink.of("main")) == 2, "both were told")
            told = stamp(sink.of("main")[taking.prediction])
            share = step.get("weights", {}).get("v2", 0)
            epochs.add(told["epoch"])
            assert told == {
                "experiment": "uid",
                "epoch": told["epoch"],
                "arms": arms,
                "shares": {"incumbent": 100 - share, "v2": share, "v3": 0},
                "copies": copies,
                "eligible": eligible,
            }, name
            assert "trial" not in sink.of("main")[other.prediction].tags
            if copies:
                await until(lambda: bool(sink.of("copies")), "the copy was told")
                copied = stamp(sink.of("copies")[taking.prediction])
                assert copied == {"experiment": "uid", "epoch": told["epoch"], "arms": arms}
    assert len(epochs) == len(plans)


async def test_what_is_never_copied_is_told_to_be_so(envoy: Envoy, sink: Sink) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    async with (
        envoy.running(captured(trial(shadows={"v2": 100}))),
        aiohttp.ClientSession() as session,
    ):
        async with session.post(envoy.url, data=chunks()) as answer:
            await answer.read()
        await until(lambda: bool(sink.logged), "it was told")
    (one,) = sink.logged
    assert (stamp(one)["eligible"], stamp(one)["copies"]) == (False, {})


async def test_who_answered_for_an_arm_without_pods_is_told(
    envoy: Envoy, pods: Pods, sink: Sink
) -> None:
    async with envoy.running(captured(trial(weights={"v2": 100}))):
        await pods.stop(V2.revision)
        assert versions(await call(envoy.url, 20)) == {"1": 20}
        await until(lambda: len(sink.logged) == 20, "all were told")
    for one in sink.logged:
        assert one.tags["arm"] == "incumbent"
        assert one.tags["cluster"] == names.arm(V2.revision)


async def test_an_answer_of_nobody_is_told(envoy: Envoy, pods: Pods, sink: Sink) -> None:
    async with envoy.running(captured(PLAIN)):
        await pods.stop(INCUMBENT.revision)
        (answer,) = await call(envoy.url, 1)
        await until(lambda: bool(sink.logged), "it was told")
    (one,) = sink.logged
    assert (answer.status, one.code) == (503, 503)
    assert one.entry.common_properties.response_flags.upstream_connection_failure
    assert json.loads(one.asked) == {"instances": [0]}


async def test_capture_is_switched_on_and_off_while_callers_are_served(
    envoy: Envoy, sink: Sink
) -> None:
    statuses: list[int] = []
    over = asyncio.Event()

    async def caller() -> None:
        async with aiohttp.ClientSession() as session:
            while not over.is_set():
                async with session.post(envoy.url, json={"instances": [1]}) as answer:
                    await answer.read()
                    statuses.append(answer.status)

    step = trial(weights={"v2": 30}, shadow_others=True)
    async with envoy.running(PLAIN):
        callers = [asyncio.create_task(caller()) for _ in range(4)]
        for plan in 2 * (captured(PLAIN), captured(step, percent=50), step, PLAIN):
            before = len(sink.logged)
            await envoy.change(plan)
            enough = len(statuses) + 50
            await until(lambda: len(statuses) >= enough, "callers were answered")  # noqa: B023
            if plan.capture:
                await until(lambda: len(sink.logged) > before, "it is told")  # noqa: B023
        over.set()
        await asyncio.gather(*callers)
    assert {*statuses} == {200}


async def test_who_asks_is_told_where_callers_stay_with_an_arm(envoy: Envoy, sink: Sink) -> None:
    said = ["ann", "\xe4", "", "b" * 1000]
    plan = captured(trial(weights={"v2": 50}, stickiness=StickyHeader("x-user")))
    async with envoy.running(plan):
        headers = [{"x-user": one} if one else {} for one in said]
        answers = await call(envoy.url, len(said), lambda number: headers[number])
        await until(lambda: len(sink.logged) == len(said), "all was told")
    told = [sink.of("main")[one.prediction].caller for one in answers]
    assert told == [b"ann", "\xe4".encode(), None, b"b" * LONGEST_CALLER]


async def test_a_new_caller_is_told_by_the_cookie_that_it_gets(envoy: Envoy, sink: Sink) -> None:
    plan = captured(trial(weights={"v2": 50}, stickiness=StickyCookie("my-arm", 60)))
    async with envoy.running(plan):
        (new,) = await call(envoy.url, 1)
        cookie = new.headers["Set-Cookie"].partition(";")[0]
        sent = [cookie, f"a=b; {cookie}; c=d", "my-arms=x; xmy-arm=y"]
        answers = await call(envoy.url, 3, lambda number: {"cookie": sent[number]})
        await until(lambda: len(sink.logged) == 4, "all was told")
    told = [sink.of("main")[one.prediction].caller for one in (new, *answers)]
    own = cookie.removeprefix("my-arm=").encode()
    assert told == [own, own, own, answers[2].prediction.encode()]


async def test_nobody_is_told_where_each_request_is_assigned_by_itself(
    envoy: Envoy, sink: Sink
) -> None:
    async with envoy.running(captured(trial(weights={"v2": 50}))):
        await call(envoy.url, 1, lambda _: {"x-user": "ann", "cookie": "arm=1"})
        await until(lambda: bool(sink.logged), "it was told")
    assert sink.logged[0].caller is None
