"""What is told of a trial, and when one epoch ends and the next one begins."""

import json
from dataclasses import replace

import pytest

from contender.router.stamp import answered_stamp, copied_stamp, epoch
from contender.router.traffic import (
    Arm,
    Capture,
    HeaderMatch,
    StickyCookie,
    StickyHeader,
    Traffic,
    Trial,
)

ONE = Arm("incumbent", "churn-aaaa", "1", 8080)
TWO = Arm("v2", "churn-bbbb", "2", 8080)
THREE = Arm("v3", "churn-cccc", "3", 8080)
TRIAL = Trial((TWO, THREE), experiment="uid", weights={"v2": 10}, salt="uid")
PLAN = Traffic("churn", "shop", ONE, TRIAL, capture=Capture("recorder.svc"))


def test_an_epoch_is_a_short_hash_and_without_a_trial_there_is_none() -> None:
    assert len(epoch(PLAN)) == 12
    assert int(epoch(PLAN), 16) >= 0
    assert epoch(replace(PLAN, trial=None)) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"experiment": "other"},
        {"candidates": (TWO,)},
        {"candidates": (replace(TWO, revision="churn-dddd"), THREE)},
        {"order": ("v3", "v2")},
        {"weights": {"v2": 20}},
        {"shadows": {"v3": 1}},
        {"shadow_others": True},
        {"match": (HeaderMatch("x-segment", "beta"),)},
        {"stickiness": StickyHeader("x-user")},
        {"stickiness": StickyCookie("x-user", 60)},
        {"salt": "other"},
    ],
)
def test_who_is_asked_what_decides_about_the_epoch(change: dict[str, object]) -> None:
    other = replace(PLAN, trial=replace(TRIAL, **change))  # type: ignore[arg-type]
    assert epoch(other) != epoch(PLAN)


def test_another_incumbent_begins_another_epoch() -> None:
    assert epoch(replace(PLAN, incumbent=replace(ONE, revision="churn-dddd"))) != epoch(PLAN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, capture=Capture("recorder.svc", 10)),
        replace(PLAN, capture=None),
        replace(PLAN, token="token"),
        replace(PLAN, trial=replace(TRIAL, copies_in_flight=1, shadow_timeout_seconds=1)),
        replace(PLAN, trial=replace(TRIAL, order=("v2", "v3"))),
        replace(PLAN, trial=replace(TRIAL, weights={"v3": 0, "v2": 10})),
    ],
)
def test_all_else_does_not_decide_about_the_epoch(other: Traffic) -> None:
    assert epoch(other) == epoch(PLAN)


def test_what_is_told_of_a_request_that_takes_part() -> None:
    told = answered_stamp(PLAN, eligible=True)
    assert told == json.dumps(json.loads(told), sort_keys=True, separators=(",", ":"))
    assert json.loads(told) == {
        "experiment": "uid",
        "epoch": epoch(PLAN),
        "arms": {"churn-aaaa": "incumbent", "churn-bbbb": "v2", "churn-cccc": "v3"},
        "shares": {"incumbent": 90, "v2": 10, "v3": 0},
        "copies": {},
        "eligible": True,
    }


def test_only_arms_that_get_a_copy_of_every_request_are_told() -> None:
    plan = replace(PLAN, trial=replace(TRIAL, weights={}, shadows={"v2": 100, "v3": 99}))
    assert json.loads(answered_stamp(plan, eligible=True))["copies"] == {"incumbent": ["v2"]}
    assert json.loads(answered_stamp(plan, eligible=False))["copies"] == {}
    none = replace(PLAN, trial=replace(TRIAL, weights={}, shadows={"v3": 99}))
    assert json.loads(answered_stamp(none, eligible=True))["copies"] == {}


def test_of_a_copy_is_told_what_it_belongs_to() -> None:
    told = json.loads(copied_stamp(PLAN))
    assert told.keys() == {"experiment", "epoch", "arms"}
    assert told["epoch"] == epoch(PLAN)
