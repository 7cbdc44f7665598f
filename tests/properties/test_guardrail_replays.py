"""Replays of whole experiments with seeded traffic: who is rejected, and who is let alone."""

import random

import pytest

from tests.golden.world import World
from tests.properties.test_experiment_kills import STARTED, play

LOOKS = 30
A_LOOK = 80
"""Requests between two looks: together 2,400, at a rate of 13 a second for three minutes."""
BASE_RATE = 0.03
SEEDS = range(20)


def outcome(seed: int, ratio: float) -> str:
    """Return the phase after a shadow in which the challenger errs so many times as often."""
    chance = random.Random(seed)
    world, _ = play((_patient, *STARTED[1:]))
    for _ in range(LOOKS):
        world.wait(3)
        world.routers_count(
            {
                f"mirrored_{world.revisions[0]}": _requests(chance, BASE_RATE),
                f"shadow_{world.revisions[1]}": _requests(chance, BASE_RATE * ratio),
            }
        )
        world.settle()
        phase: str = world.get("Experiment", "trial")["status"]["phase"]
        if phase != "Running":
            return phase
    return "Running"


def _requests(chance: random.Random, rate: float) -> dict[str, int]:
    return {"requests": A_LOOK, "errors": sum(chance.random() < rate for _ in range(A_LOOK))}


def _patient(world: World) -> None:
    world.apply({"model": {"version": "1", "image": "registry/churn:1"}})
    world.experiment(
        "trial",
        {
            "candidates": [{"name": "v2", "model": {"version": "2", "image": "registry/churn:2"}}],
            "steps": [{"name": "look", "shadow": {}, "until": {"atLeast": "24h"}}],
            "guardrails": [{"name": "errors", "metric": "ErrorRate", "maxRatio": 1.5}],
        },
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_an_equal_one_and_a_better_one_are_let_alone(seed: int) -> None:
    assert outcome(seed, 1.0) == "Running"
    assert outcome(seed, 0.5) == "Running"


@pytest.mark.parametrize("seed", SEEDS)
def test_one_that_errs_three_times_as_often_is_rejected(seed: int) -> None:
    assert outcome(seed, 3.0) == "Rejected"
