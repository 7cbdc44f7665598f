"""The clock of the operator's machine is put forward or back in mid-life."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.server import Server
from tests.faults.clock import Clock
from tests.scenarios.world import World, condition, model, serves

DAY = 86400.0


@pytest.fixture
def world(apiserver: Server, tmp_path: Path) -> Iterator[World]:
    """An operator whose clock can be put."""
    world = World(apiserver, tmp_path / "operator.log")
    yield world
    world.leave()


@pytest.fixture
def clock(world: World, tmp_path: Path) -> Clock:
    clock = Clock(world, tmp_path / "clock")
    world.start_operator()
    return clock


SPEC = {**model("1"), "retraining": {"job": {"image": "train:1"}, "schedule": "@daily"}}


@pytest.mark.parametrize("shift", [DAY, -DAY], ids=["forward", "back"])
def test_a_clock_that_jumps_changes_nothing_but_what_time_changes(
    world: World, clock: Clock, shift: float
) -> None:
    world.serve("churn", SPEC)
    world.settle()
    before = world.status("churn")
    clock.put(shift)
    world.nudge("churn")
    world.assert_rest("churn")
    after = world.status("churn")
    assert after["conditions"] == before["conditions"]
    assert after["retraining"]["nextRun"] != before["retraining"]["nextRun"]
    world.serve("churn", model("2"))
    world.assert_rest("churn")


def test_the_newest_switch_holds_although_the_clock_went_back(world: World, clock: Clock) -> None:
    """When a revision began to serve is a time; which one serves must not follow the clock."""
    clock.put(DAY)
    first = world.serve("churn", model("1"))
    clock.put(0)
    second = world.serve("churn", model("2"))
    world.assert_rest("churn")
    assert world.selected("churn") == second
    assert world.get("Deployment", first), "connections still go there"
    world.annotate("churn", rollback=f"{first}/now")
    world.until_status("churn", lambda status: serves(status) == first, "the rollback")
    world.assert_rest("churn")
    assert condition(world.status("churn"), "Ready") == "True"
