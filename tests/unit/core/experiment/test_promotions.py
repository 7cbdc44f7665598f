"""What a verdict leads to: who serves then, and who is asked before."""

from typing import Any

import pytest

from tests.golden.world import World
from tests.unit.core.experiment.cases import HALF, SHADOW, Json, open_world, status_of

WINNER: Json = {"promotion": {"follow": "Winner"}}
MONTHS: Json = {**SHADOW, "until": {"verdict": True, "atMost": "8760h"}}


def opened(target: Json | None = None, **said: Any) -> World:
    return open_world(target, **{"steps": [MONTHS], **said})


def shown(world: World, worse: int, better: int) -> Json:
    """Let the recorder note a thousand pairs; return the status of the Experiment after it."""
    arms = [("incumbent", 0.1), ("v2", 0.1 + (worse - better) / 1000)]
    means: list[Json] = [
        {
            "arm": "v2",
            "kind": "pair",
            "n": 1000,
            "worse": worse,
            "better": better,
            "incumbent": 0.1,
            "challenger": arms[1][1],
        },
        *({"arm": name, "kind": "arm", "n": 1000, "mean": mean} for name, mean in arms),
        *({"arm": name, "kind": "arm", "loss": "Labelled", "n": 1000} for name, _ in arms),
    ]
    world.wait(1)
    world.recorder_looks("trial", means, v2={"complete": 1000, "rows": 1000})
    world.settle()
    return status_of(world)


def annotated(world: World, **commands: str) -> Json:
    world.wait(1)
    world.annotate_experiment("trial", **commands)
    world.settle()
    return status_of(world)


def serving(world: World) -> str:
    found: str = world.status["serving"]["version"]
    return found


def test_spec_is_followed() -> None:
    world = opened()
    status = shown(world, 10, 60)
    assert (status["phase"], status["winner"], serving(world)) == ("AwaitingSpec", "v2", "1")
    world.apply({"model": {"version": "2", "image": "registry/churn:2"}})
    world.settle()
    assert (status_of(world)["phase"], serving(world)) == ("Promoted", "2")


def test_the_winner_is_followed() -> None:
    world = opened(WINNER)
    status = shown(world, 10, 60)
    assert (status["phase"], status["winner"], serving(world)) == ("Promoted", "v2", "2")


def test_a_person_is_asked_whom_to_promote_where_promotion_is_manual() -> None:
    world = opened(WINNER, promotion="Manual")
    status = shown(world, 10, 60)
    assert (status["phase"], status["leader"], serving(world)) == ("Paused", "v2", "1")
    assert "v2 has reached all objectives: promote it" in status["message"]
    assert annotated(world, promote="v2/1")["phase"] == "Promoted"
    assert serving(world) == "2"


def test_a_winner_that_is_recommended_does_not_serve_by_itself() -> None:
    world = opened(WINNER, promotion="Recommend")
    status = shown(world, 10, 60)
    assert (status["phase"], serving(world)) == ("AwaitingSpec", "1")
    assert status["promotion"]["patch"]
    world.wait(60)
    world.settle()
    assert serving(world) == "1"


def test_a_person_may_promote_before_anything_is_recommended() -> None:
    world = opened(WINNER, promotion="Recommend")
    assert annotated(world, promote="v2/1")["phase"] == "Promoted"
    assert serving(world) == "2"


@pytest.mark.parametrize("promotion", ["Automatic", "Manual", "Recommend"])
def test_whoever_decides_one_that_is_worse_is_rejected(promotion: str) -> None:
    world = opened(WINNER, promotion=promotion)
    assert shown(world, 60, 10)["phase"] == "Rejected"
    assert serving(world) == "1"


def test_a_leader_that_is_rejected_later_does_not_win() -> None:
    world = opened(
        steps=[MONTHS, {**HALF, "until": {"requests": 1000}}],
        guardrails=[{"name": "errors", "metric": "ErrorRate", "max": 0.05}],
    )
    assert shown(world, 10, 60)["leader"] == "v2"
    world.pods_ready(world.revisions[1], 1)
    world.settle()
    counted: dict[str, dict[str, int]] = {
        f"arm_{world.revisions[0]}": {"requests": 500},
        f"arm_{world.revisions[1]}": {"requests": 500, "errors": 300},
    }
    world.wait(3)
    world.settle()
    world.routers_count(counted)
    world.wait(3)
    world.settle()
    status = status_of(world)
    assert (status["phase"], status.get("leader"), status.get("winner")) == ("Rejected", None, None)


def test_status_says_who_has_promoted() -> None:
    world = opened(promotion="Manual", steps=[MONTHS])
    status = annotated(world, promote="v2/1")
    assert (status["phase"], status["byCommand"]) == ("AwaitingSpec", True)
    assert status["message"].startswith("v2 has won, promoted by command: it serves once")
    found = shown(opened(), 10, 60)
    assert (found["phase"], found.get("byCommand")) == ("AwaitingSpec", None)
    assert found["message"].startswith("v2 has won: it serves once")


def test_what_it_was_before_somebody_ended_it_stays_told() -> None:
    world = opened(steps=[SHADOW])
    world.wait(25 * 3600)
    world.settle()
    inconclusive = status_of(world)["verdict"]
    assert (inconclusive["outcome"], inconclusive.get("earlier")) == ("Inconclusive", None)
    status = annotated(world, promote="v2/1")
    assert status["verdict"] == inconclusive
    aborted = annotated(world, abort="1")["verdict"]
    assert (aborted["outcome"], aborted["message"]) == ("Aborted", "aborted by command")
    told = ("outcome", "reason", "message", "decidedAt")
    assert aborted["earlier"] == {one: inconclusive[one] for one in told}


def test_in_another_run_nobody_has_promoted_yet() -> None:
    world = opened(promotion="Manual", steps=[MONTHS])
    annotated(world, promote="v2/1")
    annotated(world, abort="1")
    status = annotated(world, retry="uid-of-trial/1")
    assert (status.get("byCommand"), status.get("verdict")) == (None, None)


def test_a_retry_begins_anew() -> None:
    """Nothing of the first run is weighed again, and nothing of it is lost in the recorder."""
    world = opened()
    assert shown(world, 60, 10)["phase"] == "Rejected"
    status = annotated(world, retry="uid-of-trial/1")
    assert (status["attempts"], status.get("comparisons"), status.get("look")) == (1, None, None)
    world.pods_ready(world.revisions[1], 1)
    world.settle()
    status = shown(world, 10, 60)
    assert (status["phase"], status["winner"], status["look"]) == ("AwaitingSpec", "v2", 1)
    assert {run: len(looks) for run, looks in world.looks.items()} == {
        "uid-of-trial": 1,
        "uid-of-trial.1": 1,
    }
