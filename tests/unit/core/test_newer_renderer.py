"""An upgrade of the operator whose renderer makes other pods."""

from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.template import render_workload
from tests.golden.world import World, merged

SPEC = {"model": {"version": "1", "image": "registry/churn:1"}, "scaling": {"minReplicas": 2}}


def _upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(owner: str, revision: str, spec: ModelDeploymentSpec) -> dict[str, Any]:
        pods = {"template": {"spec": {"hostUsers": False}}}
        return merged(render_workload(owner, revision, spec), pods)

    monkeypatch.setattr("contender.core.revisions.render_workload", newer)


def _serving() -> World:
    world = World()
    world.apply(SPEC)
    world.settle()
    world.pods_ready(world.revisions[0], 2)
    world.settle()
    return world


def _titles(world: World) -> list[str]:
    return [effect.title for one in world.settle() for effect in one.effects]


def test_an_upgrade_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = _serving()
    _upgrade(monkeypatch)
    assert _titles(world) == []


def test_a_child_is_mended_with_the_pods_that_it_was_born_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = _serving()
    (revision,) = world.revisions
    born = world.get("Deployment", revision)["spec"]["template"]
    _upgrade(monkeypatch)
    world.remove("Deployment", revision)
    assert _titles(world) == [f"create Deployment {revision}"]
    assert world.get("Deployment", revision)["spec"]["template"] == born


@pytest.mark.parametrize("how", ["refresh", "a new version"])
def test_only_a_new_revision_gets_the_new_pods(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = _serving()
    _upgrade(monkeypatch)
    if how == "refresh":
        world.annotate({"refresh": "2026-01"})
    else:
        world.apply({"model": {"version": "2"}})
    world.settle()
    old, new = (world.get("Deployment", name)["spec"]["template"] for name in world.revisions)
    assert "hostUsers" not in old["spec"]
    assert new["spec"]["hostUsers"] is False
