"""Experiments as they end in practice."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from contender.report.material import Material, subject_of, target_of
from tests.unit.report.trial import ERRORS, Trial, spec

Situation = Callable[[], Trial]


def a_better_one_is_promoted() -> Trial:
    trial = Trial(spec("v2", guardrails=[ERRORS])).epoch("look", incumbent=100, v2=100)
    trial.pairs(700, 0.15, v2=0.06).count(incumbent=(700, 3), v2=(700, 2))
    return trial.ends("Promoted", "WinServes", "v2 (version 2) serves", winner="v2")


def a_worse_one_is_rejected() -> Trial:
    trial = Trial(spec("v2")).epoch("look", incumbent=100, v2=100)
    trial.pairs(700, 0.06, v2=0.15).count(incumbent=(700,), v2=(700,))
    why = next(one.message for one in trial.status.arms or [] if one.name == "v2")
    return trial.ends("Rejected", "AllRejected", f"rejected v2: {why}")


def an_equal_one_is_undecided_at_the_horizon() -> Trial:
    trial = Trial(spec("v2", analysis={"horizon": {"rows": 400}}))
    trial.epoch("look", incumbent=100, v2=100).pairs(600, 0.1, v2=0.1)
    trial.count(incumbent=(600,), v2=(600,))
    return trial.ends("Inconclusive", "NoVerdict", f"no verdict: {trial.status.undecided}")


def a_better_one_is_seen_at_the_horizon() -> Trial:
    trial = Trial(spec("v2", analysis={"horizon": {"rows": 500}}), seed=5)
    trial.epoch("look", incumbent=100, v2=100).pairs(700, 0.12, v2=0.07)
    trial.count(incumbent=(700,), v2=(700,))
    return trial.ends("AwaitingSpec", "WinAwaitsSpec", winner="v2")


def one_of_two_breaches_a_guardrail() -> Trial:
    trial = Trial(spec("v2", "v3", guardrails=[ERRORS]))
    trial.epoch("look", incumbent=100, v2=100, v3=100).pairs(300, 0.15, v2=0.06, v3=0.06)
    trial.count(incumbent=(300, 4), v2=(300, 4), v3=(300, 60))
    said = next(one for one in trial.status.guardrails or [] if one.candidate == "v3")
    trial.reject("v3", f"guardrail errors: {said.message}")
    trial.epoch("look", incumbent=100, v2=100).pairs(500, 0.15, v2=0.06)
    trial.count(incumbent=(500, 9), v2=(500, 8))
    return trial.ends("Promoted", "WinServes", "v2 (version 2) serves", winner="v2")


def labels_stop_coming() -> Trial:
    trial = Trial(spec("v2")).epoch("look", incumbent=100, v2=100)
    trial.pairs(150, 0.1, v2=0.05).pairs(350, 0.1, labelled=0.2, v2=0.05)
    return trial.count(incumbent=(500,), v2=(500,)).time_is_over()


def nothing_is_known_of_one_at_the_end() -> Trial:
    trial = Trial(spec("v2", analysis={"onNoData": "Reject"}))
    trial.epoch("look", incumbent=100, v2=100).count(incumbent=(90,), v2=(90,))
    return trial.time_is_over()


def requests_were_not_drawn_as_weights_say() -> Trial:
    split = {"name": "half", "split": {"weights": {"v2": 50}}, "until": {"requests": 500}}
    objective = {"name": "gain", "feedback": "gain"}
    trial = Trial(spec("v2", steps=[split], objectives=[objective]))
    trial.epoch("half", incumbent=50, v2=50).rewards(600, 0.3, incumbent=0.2, v2=0.25)
    trial.count(incumbent=(4200,), v2=(1800,)).rewards(300, 0.3, incumbent=0.2, v2=0.25)
    return trial.ends("Inconclusive", "NoVerdict", f"no verdict: {trial.status.undecided}")


def a_reward_wins_in_a_split() -> Trial:
    steps = [
        {"name": "canary", "split": {"weights": {"v2": 20}}, "until": {"requests": 100}},
        {
            "name": "half",
            "split": {"weights": {"v2": 50}},
            "until": {"verdict": True, "atMost": "240h"},
        },
    ]
    objective = {"name": "gain", "feedback": "gain", "goal": "NonInferior", "margin": 0.05}
    trial = Trial(spec("v2", steps=steps, objectives=[objective], promotion="Manual"))
    trial.epoch("canary", incumbent=80, v2=20).rewards(600, 0.2, incumbent=0.2, v2=0.27)
    trial.count(incumbent=(480, 2), v2=(120, 1))
    trial.epoch("half", incumbent=50, v2=50).rewards(2400, 0.5, incumbent=0.2, v2=0.27)
    return trial.count(incumbent=(1200, 4), v2=(1200, 3)).promoted_by_hand("v2")


def a_person_promotes_without_objectives() -> Trial:
    steps = [{"name": "look", "shadow": {}, "until": {"requests": 500, "atMost": "24h"}}]
    wanted = spec("v2", steps=steps, guardrails=[ERRORS], promotion="Manual")
    del wanted["objectives"]
    trial = Trial(wanted).epoch("look", incumbent=100, v2=100)
    return trial.count(incumbent=(700, 7), v2=(690, 5)).promoted_by_hand("v2")


def it_was_aborted_when_it_ran_again() -> Trial:
    trial = Trial(spec("v2"), attempts=2).epoch("look", incumbent=100, v2=100)
    trial.pairs(60, 0.1, v2=0.1).count(incumbent=(60,), v2=(60,))
    return trial.ends("Aborted", "Abort", "aborted by command")


def it_goes_on() -> Trial:
    trial = Trial(spec("v2")).epoch("look", incumbent=100, v2=100)
    trial.pairs(200, 0.1, v2=0.08).count(incumbent=(200,), v2=(200,))
    return trial.told(message="step look (1 of 1): until a verdict")


ENDED: tuple[Situation, ...] = (
    a_better_one_is_promoted,
    a_worse_one_is_rejected,
    an_equal_one_is_undecided_at_the_horizon,
    a_better_one_is_seen_at_the_horizon,
    one_of_two_breaches_a_guardrail,
    labels_stop_coming,
    nothing_is_known_of_one_at_the_end,
    requests_were_not_drawn_as_weights_say,
    a_reward_wins_in_a_split,
    a_person_promotes_without_objectives,
    it_was_aborted_when_it_ran_again,
)


@cache
def played(situation: Situation) -> Trial:
    """Return a situation; it is not to be changed."""
    return situation()


def material(trial: Trial, **more: Any) -> Material:
    """Return what a report knows of it."""
    last = trial.status.look
    weighed = tuple(one for one in trial.looks if one["number"] <= last)
    target = target_of(trial.target_manifest)
    return replace(Material(subject_of(trial.manifest), target, weighed), **more)
