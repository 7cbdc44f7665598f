"""The lives of many ModelDeployments side by side: a first spec, a second, and the way back."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.fleet import side_by_side
from tests.contract.fields import Field, Json
from tests.faults.mutation import Change, change_of, every_field
from tests.faults.mutation_crowd import Crowd
from tests.faults.mutation_look import Look, look, meaning
from tests.scenarios.world import World

NOT_COMPARED = {
    "spec.paused": "nothing is made while it is true: what stands there is what was before",
}
"""Fields whose change does not end as a fresh apply does, and why."""
PATIENCE = 30.0
"""Seconds without any progress after which a wait is given up."""
BETWEEN_LOOKS = 1.0
ACCOUNTS = ("a", "b", "ab")
"""Service accounts that specs name."""


@dataclass(frozen=True)
class Life:
    """One ModelDeployment: applied as `first`, changed to `second`, and back."""

    name: str
    first: Json
    second: Json | None = None
    """None: it stays as it is, for others to be compared with."""


@dataclass(frozen=True)
class Lives:
    """All lives, and what stood there at their three stations."""

    changes: dict[str, Change | None]
    """By path of the field."""
    lives: dict[str, Life]
    fresh: dict[str, Look]
    changed: dict[str, Look]
    back: dict[str, Look]

    def changed_and_peers(self) -> Iterator[tuple[Life, Life]]:
        """Iterate over the lives that had a second spec, each with one that began with it."""
        return ((self.lives[name], self.lives[peer]) for name, peer in peers_of(self.lives).items())

    def has(self, change: Change, life: Life) -> bool:
        """Return whether a change was made in a life."""
        return _edge(change.said, change.other) == _edge(life.first, life.second)


def plan_lives(changes: Iterable[Change]) -> dict[str, Life]:
    """Return lives in which each change is made once, and each spec is the first one of a life."""
    edges = {_edge(one.said, one.other): one for one in changes}
    pairs: list[tuple[Json, Json | None]] = []
    begun: set[str] = set()
    for one in edges.values():
        turned = _key(one.said) in begun and _key(one.other) not in begun
        pairs.append((one.other, one.said) if turned else (one.said, one.other))
        begun.add(_key(pairs[-1][0]))
    for _, second in list(pairs):
        if _key(second) not in begun:
            begun.add(_key(second))
            pairs.append((second or {}, None))
    return {
        name: Life(name, *pair)
        for name, pair in ((f"m{number:04d}", pair) for number, pair in enumerate(pairs))
    }


def peers_of(lives: dict[str, Life]) -> dict[str, str]:
    """Return for each life with a second spec the name of one that began with it."""
    began = {_key(one.first): one.name for one in lives.values()}
    return {one.name: began[_key(one.second)] for one in lives.values() if one.second}


def _edge(one: Json, other: Json | None) -> frozenset[str]:
    return frozenset((_key(one), _key(other)))


def _key(spec: Json | None) -> str:
    return json.dumps(spec, sort_keys=True)


async def live(world: World) -> Lives:
    """Let all live, and return what stood there."""
    async with Crowd.connect(world.server.admin_kubeconfig) as crowd:
        changes = await _changes(crowd)
        lives = plan_lives(one for path, one in changes.items() if one and path not in NOT_COMPARED)
        peers = peers_of(lives)
        changing = [(one, one.second) for one in lives.values() if one.second]
        namespace = world.namespace

        await side_by_side(lambda one: crowd.create(namespace, one.name, one.first), lives.values())
        fresh = await until_settled(
            crowd, world, lambda now: [n for n in lives if not now[n].is_ready]
        )

        def unlike_peers(now: dict[str, Look]) -> list[str]:
            return [
                name
                for name, peer in peers.items()
                if not now[name].current
                or meaning(now[name], name, fresh[name].revision) != meaning(fresh[peer], peer)
            ]

        await side_by_side(lambda one: crowd.replace_spec(namespace, one[0].name, one[1]), changing)
        changed = await until_settled(crowd, world, unlike_peers)

        def unlike_before(now: dict[str, Look]) -> list[str]:
            return [
                name
                for name in peers
                if not now[name].current
                or meaning(now[name], name, changed[name].revision) != meaning(fresh[name], name)
            ]

        await side_by_side(
            lambda one: crowd.replace_spec(namespace, one[0].name, one[0].first), changing
        )
        back = await until_settled(crowd, world, unlike_before)
    return Lives(changes, lives, fresh, changed, back)


async def _changes(crowd: Crowd) -> dict[str, Change | None]:
    """Return a change of every field."""
    answers: dict[str, bool] = {}
    found: dict[str, Change | None] = {str(one.where): None for one in every_field()}

    async def accepts(spec: Json) -> bool:
        if _key(spec) not in answers:
            answers[_key(spec)] = await crowd.accepts(spec)
        return answers[_key(spec)]

    async def find(one: Field) -> None:
        found[one.where] = await change_of(one, accepts)

    await side_by_side(find, every_field())
    return found


async def until_settled(
    crowd: Crowd, world: World, open_ones: Callable[[dict[str, Look]], Sequence[object]]
) -> dict[str, Look]:
    """Be the controllers until nothing is open, or nothing moves any more."""
    before: tuple[int, float] | None = None
    since = time.monotonic()
    while True:
        await crowd.play_controllers(world.namespace)
        now = await look(crowd, world.namespace)
        left = len(open_ones(now)), world.metric("contender_writes_total")
        if left != before:
            before, since = left, time.monotonic()
        if not left[0] or time.monotonic() > since + PATIENCE:
            return now
        await asyncio.sleep(BETWEEN_LOOKS)
