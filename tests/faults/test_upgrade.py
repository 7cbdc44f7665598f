"""Another version of the operator takes over: what serves goes on serving, no pod is restarted."""

from collections import Counter
from pathlib import Path

import pytest

from contender import __version__
from dev.paths import CHECKOUT
from tests.contract.server import Server
from tests.e2e.kube import Json
from tests.faults.upgrade import stored
from tests.scenarios.world import CHILD_KINDS, GROUP, World, model, serves

LATER = Path(stored.__file__).parent / "newer"
"""Changes the process of the operator into one of a later version."""

Children = dict[tuple[str, str], Json]


@pytest.mark.parametrize("version", stored.versions())
def test_what_an_earlier_version_left_is_taken_over_without_a_rollout(
    apiserver: Server, tmp_path: Path, version: str
) -> None:
    world = World(apiserver, tmp_path / "operator.log")
    owners = stored.load(world, version)
    before, told = _children(world), {name: world.status(name) for name in owners}
    since = world.server.moment()
    world.start_operator()
    world.settle()
    after = _children(world)
    assert _frozen(after) == _frozen(before)
    assert {one.verb for one in world.writes(since)} <= {"update", "patch"}
    assert max(_updates(world, since).values(), default=0) <= 1
    for name in owners:
        assert world.status(name)["serving"] == told[name]["serving"]
    if version == __version__:
        # The owner's uid is another one here, and the hash of what was applied depends on it.
        assert _bodies(after) == _bodies(before)
        assert {name: world.status(name) for name in owners} == told
    rest = world.server.moment()
    for name in owners:
        world.nudge(name)
    world.settle()
    assert [str(one) for one in world.writes(rest)] == []
    world.leave()


def test_a_later_version_restarts_no_pod_and_mends_other_children_once(world: World) -> None:
    first = {name: world.serve(name, model()) for name in ("idle", "fresh", "changed")}
    before = _children(world)
    since = _become(world, later=True)
    after = _children(world)
    assert _frozen(after) == _frozen(before)
    assert [len(world.the("Service", name)["spec"]["ports"]) for name in first] == [2, 2, 2]
    assert max(_updates(world, since).values()) == 1
    world.assert_rest("idle")

    world.annotate("fresh", refresh="monday")
    world.apply("changed", model("2"))
    for name, version in (("fresh", "1"), ("changed", "2")):
        assert _period(world, first[name]) == 10
        revision = _switch(world, name, version, but=first[name])
        assert _period(world, revision) == 20
    world.annotate("changed", rollback=f"{first['changed']}/monday")
    world.until_status("changed", lambda status: serves(status) == first["changed"], "it is back")
    assert _period(world, first["changed"]) == 10
    assert (
        world.the("Deployment", first["idle"])["spec"]
        == (after["Deployment", first["idle"]]["spec"])
    )


def test_an_earlier_version_keeps_what_it_does_not_know_and_goes_on(world: World) -> None:
    first = world.serve("churn", model())
    _become(world, later=True)
    world.apply("churn", model("2"))
    second = _switch(world, "churn", "2", but=first)
    world.apply("churn", model("3"))
    third = world.until_wanted("churn", "3")
    world.settle()
    before = _children(world)

    since = _become(world, later=False)
    after = _children(world)
    assert _frozen(after) == _frozen(before)
    assert len(world.the("Service", "churn")["spec"]["ports"]) == 1
    assert max(_updates(world, since).values()) == 1

    # The switch is noted in the record that the later version made.
    world.ready(third)
    world.until_status("churn", lambda status: serves(status) == third, "it switches")
    for revision in (second, third):
        record = world.the("ControllerRevision", revision)
        assert record["data"]["words"] == "of a later version"
        assert record["data"]["renderer"] == "2"
        assert record["metadata"]["annotations"][f"{GROUP}/later"] == "yes"
    world.assert_rest("churn")


def _become(world: World, *, later: bool) -> int:
    """Let another version take over; return the moment at which it does."""
    world.settle()
    world.stop_operator()
    since = world.server.moment()
    folders = [str(LATER)] if later else []
    world.environment = {"PYTHONPATH": ":".join([*folders, str(CHECKOUT / "operator")])}
    world.start_operator()
    world.settle()
    return since


def _switch(world: World, name: str, version: str, but: str) -> str:
    """Be the controllers until another revision serves; return it."""

    def look() -> str | None:
        candidate = world.status(name).get("candidate") or {}
        found = str(candidate.get("revision", ""))
        there = candidate.get("version") == version and world.get("Deployment", found)
        return found if there and found != but else None

    revision = world.until(look, f"{name}: another revision")
    world.ready(revision)
    world.until_status(name, lambda status: serves(status) == revision, f"{revision} serves")
    return revision


def _period(world: World, revision: str) -> int:
    """Return how often the pods of a revision are probed."""
    pod = world.the("Deployment", revision)["spec"]["template"]["spec"]
    return int(pod["containers"][0]["readinessProbe"]["periodSeconds"])


def _children(world: World) -> Children:
    return {
        (kind, one["metadata"]["name"]): {**one, "kind": kind}
        for kind in CHILD_KINDS
        for one in world.kube.all(kind, world.namespace)
    }


def _frozen(children: Children) -> dict[tuple[str, str], object]:
    """Return what no upgrade may change: identities, pods, and where callers are led."""
    parts = {"Deployment": "template", "Service": "selector", "Job": "template"}
    return {
        key: (one["metadata"]["uid"], one.get("data"), one.get("spec", {}).get(parts.get(key[0])))
        for key, one in children.items()
    }


def _bodies(children: Children) -> dict[tuple[str, str], Json]:
    """Return all but the metadata that each write changes."""
    return {
        key: {
            "labels": one["metadata"]["labels"],
            **{part: one[part] for part in ("spec", "data", "revision") if part in one},
        }
        for key, one in children.items()
    }


def _updates(world: World, since: int) -> Counter[str]:
    """Count the updates of each object."""
    return Counter(str(one) for one in world.writes(since) if one.verb in ("update", "patch"))
