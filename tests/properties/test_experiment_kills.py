"""The operator dies after any single write of an Experiment's life; the next one goes on.

Played on plain data: what matters is the order of writes, and what the next operator finds.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from contender.core import names
from contender.core.diff import Write
from contender.core.manifest import annotation, name_of
from contender.router.render import CLUSTERS, COPIES, ROUTES
from tests.golden.world import Effect, World
from tests.properties.test_publish import resources, targets

Act = Callable[[World], None]

MODEL = {"version": "1", "image": "registry/churn:1"}
V2 = {"version": "2", "image": "registry/churn:2"}
STEPS = [
    {"name": "look", "shadow": {}, "until": {"requests": 100}},
    {"name": "canary", "split": {"weights": {"v2": 20}}, "until": {"atLeast": "1m"}},
    {"name": "gate", "pause": {}},
]


class Death(Exception):
    """The operator is killed."""


class Mortal(World):
    """A world whose operator dies after so many writes."""

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        """Writes until its death; below zero: it lives."""
        self.writes = 0

    def _carry_out(self, write: Write) -> Effect:
        effect = super()._carry_out(write)
        self._wrote()
        return effect

    def _remember(self, snapshot: Any, plan: Any) -> Any:
        remembered = super()._remember(snapshot, plan)
        if remembered is not None:
            self._wrote()
        return remembered

    def _wrote(self) -> None:
        self.writes += 1
        self.check()
        if self.left == 0:
            self.left = -1
            raise Death
        self.left -= self.left > 0

    def check(self) -> None:
        """Check what must hold at every moment."""
        endpoint = self.objects.get(("Service", self.name))
        if endpoint is None:
            return
        config = self.objects.get(("ConfigMap", names.router_name(self.name)))
        selector = endpoint["spec"]["selector"]
        if selector.get(names.LABEL_ROLE) == "router":
            assert config, "callers are led to routers that know nothing"
            assert ("Deployment", names.router_name(self.name)) in self.objects
        if config:
            clusters = {str(one["name"]) for one in resources(config["data"][CLUSTERS])}
            for file in (ROUTES, COPIES):
                assert targets(resources(config["data"][file])) <= clusters
            for revision in annotation(config, names.ANNOTATION_NAMED).split(","):
                assert ("Deployment", revision) in self.objects, f"{revision} is asked and gone"

    def live_through(self) -> None:
        """Let operators come until one is at rest."""
        while True:
            try:
                self.settle()
            except Death:
                continue
            return


def created(world: World) -> None:
    world.apply({"model": MODEL, "scaling": {"minReplicas": 2}})
    world.experiment(
        "trial",
        {
            "candidates": [{"name": "v2", "model": V2}],
            "steps": STEPS,
            "guardrails": [{"name": "errors", "metric": "ErrorRate", "maxRatio": 1.5}],
        },
    )


def pods_ready(world: World) -> None:
    for kind, name in list(world.objects):
        if kind == "Deployment" and name != names.router_name(world.name):
            world.pods_ready(name, world.get(kind, name)["spec"]["replicas"])


def routers_ready(world: World) -> None:
    world.routers_ready(2)


def counted(errors: int) -> Act:
    def act(world: World) -> None:
        for prefix in ("mirrored", "arm"):
            world.routers_count({f"{prefix}_{world.revisions[0]}": {"requests": 120}})
        copies = {"requests": 120, "errors": errors}
        world.routers_count({f"shadow_{world.revisions[1]}": copies})

    return act


def time_passes(world: World) -> None:
    world.wait(61)


def ordered(**commands: str) -> Act:
    return lambda world: world.annotate_experiment("trial", **commands)


def deleted(world: World) -> None:
    world.remove("Experiment", "trial")


def winner_followed(world: World) -> None:
    world.apply({"promotion": {"follow": "Winner"}})


def git_follows(world: World) -> None:
    world.apply({"model": V2})


STARTED = (created, pods_ready, pods_ready, routers_ready)
LIVES: dict[str, tuple[Act, ...]] = {
    "spec is followed": (
        *STARTED,
        counted(0),
        time_passes,
        ordered(promote="v2/1"),
        git_follows,
        time_passes,
    ),
    "the winner is followed": (
        *STARTED,
        winner_followed,
        counted(0),
        time_passes,
        ordered(promote="v2/1"),
        pods_ready,
        time_passes,
    ),
    "a bad one": (*STARTED, counted(60), time_passes),
    "an abort": (*STARTED, counted(0), ordered(abort="1"), time_passes),
    "a deletion": (*STARTED, counted(0), deleted, time_passes),
}


def play(acts: tuple[Act, ...], death: tuple[int, int] | None = None) -> tuple[Mortal, list[int]]:
    """Play a life; return the world, and the number of writes that each act was answered with.

    Args:
        acts: what happens.
        death: in which act the operator dies, and after how many writes of it.
    """
    world, counts = Mortal(), list[int]()
    for number, act in enumerate(acts):
        world.wait(1)
        act(world)
        world.writes = 0
        world.left = death[1] if death and death[0] == number else -1
        world.live_through()
        counts.append(world.writes)
    return world, counts


def outcome(world: World) -> dict[str, Any]:
    """Return what a life leaves behind, without what depends on how often one looked."""
    experiment = world.objects.get(("Experiment", "trial"), {"status": {}})
    status = deepcopy(experiment["status"])
    return {
        "objects": sorted(key for key in world.objects if key[0] not in ("Pod", "Experiment")),
        "endpoint": world.get("Service", world.name)["spec"]["selector"],
        "serving": world.status["serving"],
        "phase": status.get("phase"),
        "winner": status.get("winner"),
        "handled": status.get("handled"),
        "arms": [
            {key: arm[key] for key in ("name", "weight", "state", "requests", "errors")}
            for arm in status.get("arms") or []
        ],
    }


def deaths(acts: tuple[Act, ...]) -> Iterator[tuple[int, int]]:
    _, counts = play(acts)
    for act, count in enumerate(counts):
        for write in range(count):
            yield act, write


@pytest.mark.parametrize("life", LIVES)
def test_the_next_operator_goes_on(life: str) -> None:
    acts = LIVES[life]
    undisturbed, counts = play(acts)
    expected = outcome(undisturbed)
    assert sum(counts) > 20
    for death in deaths(acts):
        world, _ = play(acts, death)
        assert outcome(world) == expected, f"killed in act {death[0]} after write {death[1]}"
        assert name_of(world.get("Service", world.name)) == world.name
