"""Whatever is wanted when, and however late each router is: no route ever leads to nowhere."""

from collections.abc import Mapping
from functools import lru_cache

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.router.publish import Files, following, have, version
from contender.router.render import CLUSTERS, COPIES, ROUTES, SECRETS, render
from contender.router.traffic import Arm, Capture, Traffic, Trial

ARMS = tuple(
    Arm(name, f"churn-{name}", version_, 8080)
    for name, version_ in (("v2", "2"), ("v3", "3"), ("v4", "4"))
)
INCUMBENTS = tuple(Arm("incumbent", f"churn-{one}", "1", 8080) for one in ("old", "new"))
MOST_ROUNDS = 8


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Return any plan."""
    incumbent = draw(st.sampled_from(INCUMBENTS))
    arms = draw(st.lists(st.sampled_from(ARMS), max_size=3, unique=True))
    capture = draw(st.sampled_from([None, Capture("recorder.svc"), Capture("other.svc", 10)]))
    if not arms:
        return Traffic("churn", "shop", incumbent, capture=capture)
    weights = {one.name: draw(st.integers(0, 33)) for one in arms}
    shadows = {one.name: draw(st.integers(0, 100)) for one in arms}
    trial = Trial(tuple(arms), weights=weights, shadows=shadows, shadow_others=draw(st.booleans()))
    return Traffic("churn", "shop", incumbent, trial, capture=capture)


class Router:
    """Works with the files that it has read; reads them when it is told, if it listens."""

    def __init__(self, files: Files) -> None:
        self.files = dict(files)

    def read(self, files: Files) -> None:
        self.files = dict(files)

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(version(text) for text in self.files.values()) - {""}

    def check(self) -> None:
        """Every cluster that a route names is there."""
        clusters = {one["name"] for one in resources(self.files[CLUSTERS])}
        for name in (ROUTES, COPIES):
            missing = targets(resources(self.files[name])) - clusters
            assert not missing, f"{name} leads to {missing}"


@lru_cache(maxsize=1000)
def resources(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.load(
        text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )["resources"]
    return found


def targets(node: object) -> set[str]:
    if isinstance(node, list):
        return {name for one in node for name in targets(one)}
    if not isinstance(node, Mapping):
        return set()
    found = {name for value in node.values() for name in targets(value)}
    if isinstance(node.get("cluster"), str):
        found.add(str(node["cluster"]))
    if isinstance(node.get("weight"), int):
        found.add(str(node["name"]))
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(traffics(), min_size=2, max_size=5),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=30),
)
def test_each_router_can_be_late(plans: list[Traffic], listens: list[tuple[bool, bool]]) -> None:
    published = render(plans[0])
    routers = [Router(published), Router(published)]
    moments = iter(listens)
    for plan in plans[1:]:
        wanted = render(plan)
        for _ in range(3):
            published = following(published, wanted, [one.versions for one in routers])
            for router, hears in zip(routers, next(moments, (True, True)), strict=True):
                if hears:
                    router.read(published)
                router.check()
    wanted = render(plans[-1])
    for _ in range(MOST_ROUNDS):
        published = following(published, wanted, [one.versions for one in routers])
        for router in routers:
            router.read(published)
            router.check()
    assert published == wanted
    assert have([one.versions for one in routers], wanted)


@given(traffics())
def test_taking_all_traffic_back_never_waits(plan: Traffic) -> None:
    published = render(plan)
    back = render(Traffic("churn", "shop", plan.incumbent))
    nobody_answers: list[frozenset[str]] = [frozenset(), frozenset()]
    found = following(published, back, nobody_answers)
    assert found[ROUTES] == back[ROUTES]


def test_what_was_lost_is_published_at_once() -> None:
    wanted = render(Traffic("churn", "shop", INCUMBENTS[0]))
    assert following({}, wanted, []) == wanted


@given(traffics(), traffics())
def test_routers_of_an_older_operator_go_through_all_steps(old: Traffic, new: Traffic) -> None:
    published = render(old)
    older = {name: text for name, text in published.items() if name != SECRETS}
    nobody_answers: list[frozenset[str]] = [frozenset()]
    found = following(older, render(new), nobody_answers)
    assert found == following(published, render(new), nobody_answers)
    assert found[SECRETS] == render(new)[SECRETS]
