"""A share of the callers goes to challengers."""

from collections import defaultdict
from dataclasses import replace

from bench.envoy import Envoy
from contender.router.traffic import HeaderMatch, StickyCookie, StickyHeader, Traffic
from tests.router.caller import Answer, call, versions
from tests.router.plans import INCUMBENT, V2, V3, trial
from tests.router.pods import Pods

REQUESTS = 4000


def within(count: int, percent: int, of: int = REQUESTS) -> bool:
    """Return whether a count is in the 99.99 % interval of a binomial with this percentage (normal
    approximation): one run in 10,000 fails by chance."""
    share = percent / 100
    return abs(count - of * share) <= 3.9 * (of * share * (1 - share)) ** 0.5


async def test_each_arm_answers_its_share(envoy: Envoy, pods: Pods) -> None:
    async with envoy.running(trial(weights={"v2": 10, "v3": 25})):
        found = versions(await call(envoy.url, REQUESTS))
    assert within(found["1"], 65)
    assert within(found["2"], 10)
    assert within(found["3"], 25)
    assert len(pods.asked[V2.revision]) == found["2"]
    assert len(pods.asked[V3.revision]) == found["3"]


async def test_nobody_and_everybody(envoy: Envoy) -> None:
    async with envoy.running(trial(weights={"v2": 0})):
        assert versions(await call(envoy.url, 200)) == {"1": 200}
        await envoy.change(trial(weights={"v2": 100}))
        assert versions(await call(envoy.url, 200)) == {"2": 200}


async def test_the_same_key_goes_to_the_same_arm_and_few_move_when_weights_grow(
    envoy: Envoy,
) -> None:
    users = 500

    async def arms() -> dict[str, str]:
        found = defaultdict(set)
        for number, answer in enumerate(
            await call(envoy.url, 2 * users, lambda number: {"x-user": f"u{number % users}"})
        ):
            found[f"u{number % users}"].add(answer.version)
        assert all(len(one) == 1 for one in found.values())
        return {user: one.pop() for user, one in found.items()}

    def plan(first: int, second: int) -> Traffic:
        return trial(weights={"v2": first, "v3": second}, stickiness=StickyHeader("x-user"))

    async with envoy.running(plan(10, 10)):
        before = await arms()
        await envoy.change(plan(20, 10))
        after = await arms()
    moved = {(before[user], after[user]) for user in before if before[user] != after[user]}
    assert moved == {("1", "2")}
    assert within(sum(one == "2" for one in after.values()), 20, users)


async def test_who_does_not_say_who_they_are_are_split_too(envoy: Envoy) -> None:
    plan = trial(weights={"v2": 30}, stickiness=StickyHeader("x-user"))
    async with envoy.running(plan):
        assert within(versions(await call(envoy.url, REQUESTS))["2"], 30)


async def test_a_cookie_is_given_once_and_sticks_from_the_first_request(envoy: Envoy) -> None:
    plan = trial(weights={"v2": 50}, stickiness=StickyCookie("arm", 3600), shadow_others=True)
    async with envoy.running(plan):
        first = await call(envoy.url, 60)
        given = [_cookie(answer) for answer in first]
        again = await call(
            envoy.url, 60, lambda number: {"cookie": f"a=1; {given[number]}; arms=x"}
        )
    assert len({*given}) == 60
    assert [one.version for one in again] == [one.version for one in first]
    assert {one.version for one in first} == {"1", "2"}
    assert not any("set-cookie" in one.headers or "Set-Cookie" in one.headers for one in again)


def _cookie(answer: Answer) -> str:
    value = next(value for key, value in answer.headers.items() if key.lower() == "set-cookie")
    assert value.endswith("; Path=/; Max-Age=3600; HttpOnly")
    return value.partition(";")[0]


async def test_another_experiment_chooses_other_callers(envoy: Envoy) -> None:
    users = 400

    async def chosen() -> set[int]:
        answers = await call(envoy.url, users, lambda number: {"x-user": f"u{number}"})
        return {number for number, answer in enumerate(answers) if answer.version == "2"}

    def plan(salt: str) -> Traffic:
        found = trial(weights={"v2": 50}, stickiness=StickyHeader("x-user"))
        assert found.trial
        return replace(found, trial=replace(found.trial, salt=salt))

    async with envoy.running(plan("one")):
        first = await chosen()
        await envoy.change(plan("two"))
        second = await chosen()
    assert within(len(first & second), 25, users)


async def test_only_who_matches_takes_part(envoy: Envoy, pods: Pods) -> None:
    plan = trial(weights={"v2": 100}, match=(HeaderMatch("x-segment", "beta"),))
    async with envoy.running(plan):
        found = await call(
            envoy.url, 40, lambda number: {"x-segment": "beta" if number % 2 else "betatron"}
        )
        assert versions(await call(envoy.url, 10)) == {"1": 10}
    assert [one.version for one in found] == ["1", "2"] * 20
    assert INCUMBENT.revision in pods.asked


async def test_an_arm_without_pods_is_answered_for_by_the_incumbent(
    envoy: Envoy, pods: Pods
) -> None:
    async with envoy.running(trial(weights={"v2": 50})):
        await pods.stop(V2.revision)
        assert versions(await call(envoy.url, 400)) == {"1": 400}
        arm, taken = f"arm_{V2.revision}", f"live_{V2.revision}"
        answered = await envoy.count("cluster_upstream_rq_xx", cluster_name=arm)
        assert answered > 0
        # What the arm could not take is known: it is no merit of the arm.
        assert await envoy.count("cluster_upstream_rq_total", cluster_name=taken) == 0
