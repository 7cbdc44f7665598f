"""Histories: random specs, and what people and clusters do to a ModelDeployment over time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from contender.core.manifest import name_of
from tests.golden.world import World

VERSIONS = st.sampled_from(["1", "2", "3"])


@dataclass(frozen=True)
class Step:
    """Something that happens; a failing example prints as a readable list of these."""

    what: str
    do: Callable[[World], None]

    def __repr__(self) -> str:
        return self.what


def _scalings() -> st.SearchStrategy[dict[str, Any] | None]:
    fixed = st.integers(1, 4).map(lambda least: {"minReplicas": least})
    automatic = st.tuples(st.integers(1, 3), st.integers(0, 4)).map(
        lambda pair: {
            "minReplicas": pair[0],
            "maxReplicas": pair[0] + pair[1],
            "metrics": [{"type": "CPU", "target": 70}],
        }
    )
    return st.one_of(st.none(), fixed, automatic)


def _models() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"version": VERSIONS},
        optional={
            "port": st.just(9000),
            "protocol": st.just("H2C"),
            "resources": st.sampled_from(["500m", "0.5", 1]).map(
                lambda cpu: {"requests": {"cpu": cpu}}
            ),
            "env": st.just([{"name": "A", "value": "1"}, {"name": "B"}]),
            "probes": st.just({"path": "/healthz", "liveness": {}}),
            "warmup": st.just({"requests": 3, "minReady": "5s"}),
        },
    ).map(lambda model: {**model, "image": f"registry/churn:{model['version']}"})


def _retrainings() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"job": st.just({"image": "registry/train:1"})},
        optional={"schedule": st.just("0 3 * * *"), "suspend": st.booleans()},
    )


def specs() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"model": _models()},
        optional={
            "scaling": _scalings(),
            "transformer": st.just({"image": "registry/features:1"}),
            "pod": st.just({"nodeSelector": {"disk": "ssd"}}),
            "retraining": _retrainings(),
            "paused": st.just(True),
        },
    ).map(lambda spec: {key: value for key, value in spec.items() if value is not None})


def _apply(spec: Mapping[str, Any]) -> Step:
    return Step(f"apply {json.dumps(spec)}", lambda world: world.replace_spec(spec))


def _on_deployment(what: str, number: int, do: Callable[[World, str], None]) -> Step:
    """Do something to one of the Deployments that are there."""

    def act(world: World) -> None:
        there = [name for kind, name in world.objects if kind == "Deployment"]
        if there:
            do(world, there[number % len(there)])

    return Step(f"{what}, Deployment {number}", act)


def _all_ready(world: World, revision: str) -> None:
    world.pods_ready(revision, world.get("Deployment", revision)["spec"].get("replicas", 1))


def _ready(count: int) -> Callable[[World, str], None]:
    return lambda world, revision: world.pods_ready(revision, count)


def _crash(world: World, revision: str) -> None:
    world.pods_stuck(revision, {"restartCount": 2, "state": {"terminated": {"exitCode": 1}}})


def _scale(count: int) -> Callable[[World, str], None]:
    return lambda world, revision: world.autoscaler_sets(revision, count)


def _rollback(number: int, nonce: str) -> Step:
    def act(world: World) -> None:
        if world.revisions:
            target = world.revisions[number % len(world.revisions)]
            world.annotate({"rollback": f"{target}/{nonce}"})

    return Step(f"roll back to {number}, {nonce}", act)


def _command(key: str, token: str | None) -> Step:
    return Step(f"annotate {key}: {token}", lambda world: world.annotate({key: token}))


def _delete(number: int) -> Step:
    def act(world: World) -> None:
        there = [key for key in world.objects if key[0] != "Pod"]
        if there:
            world.remove(*there[number % len(there)])

    return Step(f"delete object {number}", act)


def _end_run(outcome: str, says: str) -> Step:
    def act(world: World) -> None:
        for kind, name in list(world.objects):
            if kind == "Job" and not world.get(kind, name).get("status"):
                world.run_ends(name, outcome, says)
                return

    return Step(f"a run ends: {outcome}, {says}", act)


def _start_run(number: int) -> Step:
    def act(world: World) -> None:
        makers = [world.get(*key) for key in world.objects if key[0] == "CronJob"]
        name = f"{world.name}-retrain-{number}"
        if makers and not makers[0]["spec"]["suspend"] and ("Job", name) not in world.objects:
            world.schedule_starts(name)

    return Step(f"the schedule starts run {number}", act)


def _other_edit(world: World, revision: str) -> None:
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-01-05T10:00:00Z"}
    world.edit("Deployment", revision, {"spec": {"template": {"metadata": {"annotations": stamp}}}})


def steps(*, deletions: bool = True) -> st.SearchStrategy[Step]:
    some = st.integers(0, 3)
    choices: list[st.SearchStrategy[Step]] = [
        specs().map(_apply),
        specs().map(_apply),
        some.map(lambda number: _on_deployment("all pods ready", number, _all_ready)),
        some.map(lambda number: _on_deployment("all pods ready", number, _all_ready)),
        st.builds(
            lambda number, count: _on_deployment(f"{count} pods ready", number, _ready(count)),
            some,
            st.integers(0, 4),
        ),
        some.map(lambda number: _on_deployment("pods crash", number, _crash)),
        some.map(lambda number: _on_deployment("restarted by hand", number, _other_edit)),
        st.builds(
            lambda number, count: _on_deployment(f"scaled to {count}", number, _scale(count)),
            some,
            st.integers(0, 6),
        ),
        st.sampled_from([1, 10, 31, 100000]).map(
            lambda time: Step(f"{time} s pass", lambda world: world.wait(time))
        ),
        st.builds(_rollback, some, st.sampled_from(["a", "b"])),
        st.builds(_command, st.just("refresh"), st.sampled_from(["x", "y", None])),
        st.builds(_command, st.just("retrain"), st.sampled_from(["m", "n", None])),
        st.builds(_command, st.just("paused"), st.sampled_from(["true", None])),
        some.map(_start_run),
        st.just(_end_run("Complete", '{"version": "2", "image": "registry/churn:2"}')),
        st.just(_end_run("Failed", "out of data")),
        st.just(Step("status is lost", World.lose_status)),
    ]
    if deletions:
        choices.append(st.integers(0, 40).map(_delete))
    return st.one_of(choices)


def histories(*, deletions: bool = True) -> st.SearchStrategy[list[Step]]:
    """Random histories; each begins with a spec."""
    return st.builds(
        lambda first, rest: [_apply(first), *rest],
        specs(),
        st.lists(steps(deletions=deletions), max_size=14),
    )


def selected(world: World) -> str:
    """Return the revision that callers reach now."""
    endpoint = world.objects.get(("Service", world.name))
    return endpoint["spec"]["selector"]["contender.dev/revision"] if endpoint else ""


def ready_pods(world: World, revision: str) -> int:
    deployment = world.objects.get(("Deployment", revision), {})
    ready: int = deployment.get("status", {}).get("readyReplicas", 0)
    return ready


def titles(world: World) -> list[str]:
    return [f"{one['kind']} {name_of(one)}" for one in world.objects.values()]
