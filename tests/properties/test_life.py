"""What holds at every moment of any ModelDeployment's life."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import given

from contender.core.children import CHILDREN
from contender.core.diff import Delete, Update, diff
from contender.core.manifest import name_of
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from contender.core.status import make_status
from tests.golden.world import World
from tests.properties.histories import Step, histories, ready_pods, selected


@given(histories())
def test_the_operator_comes_to_rest_after_everything_that_happens(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.wait(1)
        step.do(world)
        # Settling finds the operator at rest: no write and no news at one more pass.
        world.settle()


@given(histories())
def test_callers_are_never_led_from_ready_pods_to_none(history: list[Step]) -> None:
    world = World()
    serving = ""
    for step in history:
        world.wait(1)
        step.do(world)
        for _ in range(3):
            world.reconcile()
            if selected(world) not in ("", serving):
                assert ready_pods(world, selected(world)) or not ready_pods(world, serving)
                serving = selected(world)
            assert not ready_pods(world, serving) or selected(world) in ("", serving)


@given(histories(deletions=False))
def test_pods_that_serve_are_not_deleted_in_the_pass_that_leads_callers_away(
    history: list[Step],
) -> None:
    world = World()
    for step in history:
        world.wait(1)
        step.do(world)
        before = world.status.get("serving", {}).get("revision")
        for effect in world.reconcile().effects:
            if isinstance(effect.write, Delete) and effect.write.manifest["kind"] == "Deployment":
                assert name_of(effect.write.manifest) not in (before, selected(world))
        world.settle()


@given(histories())
def test_an_autoscalers_replicas_are_written_at_creation_only(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.wait(1)
        step.do(world)
        for one in world.settle():
            automatic = world.owner["spec"].get("scaling", {}).get("metrics")
            for effect in one.effects:
                if automatic and effect.before and effect.after:
                    before = effect.before.get("spec", {}).get("replicas")
                    # An autoscaler does not come back from zero by itself.
                    assert before in (0, effect.after.get("spec", {}).get("replicas"))


@given(histories())
def test_status_is_rebuilt_from_the_children(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.wait(1)
        step.do(world)
        world.settle()
    known = deepcopy(world.status)
    world.lose_status()
    assert world.reconcile().effects == ()
    assert _timeless(world.status) == _timeless(known)


@given(histories())
def test_the_same_snapshot_gives_the_same_bytes(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.wait(1)
        step.do(world)
        snapshot = world.snapshot()
        again = deepcopy(snapshot)
        shuffled = replace(
            snapshot,
            children=snapshot.children[::-1],
            pods=snapshot.pods[::-1],
            runs=snapshot.runs[::-1],
        )
        told = _told(snapshot)
        assert _told(again) == told
        assert sorted(_told(shuffled)) == sorted(told)
        assert again == snapshot, "a pass changed what it was given"
        world.settle()


@given(histories())
def test_what_others_put_on_children_stays(history: list[Step]) -> None:
    world = World()
    note = {"annotations": {"team": "fraud"}, "labels": {"team": "fraud"}}
    for step in history:
        world.wait(1)
        step.do(world)
        for kind, name in list(world.objects):
            world.edit(kind, name, {"metadata": note})
        for effect in world.reconcile().effects:
            if isinstance(effect.write, Update):
                assert effect.after is not None
                assert effect.after["metadata"]["labels"]["team"] == "fraud"
                assert effect.after["metadata"]["annotations"]["team"] == "fraud"


def _timeless(status: dict[str, Any]) -> dict[str, Any]:
    conditions = [{**one, "lastTransitionTime": ""} for one in status["conditions"]]
    return {**status, "conditions": conditions}


def _told(snapshot: Snapshot) -> list[str]:
    plan = make_plan(snapshot)
    writes = diff(snapshot, plan, CHILDREN)
    told = [f"{type(write).__name__} {json.dumps(write.manifest)}" for write in writes]
    return [*told, json.dumps(make_status(snapshot, plan, None))]
