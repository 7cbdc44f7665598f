"""What was decided once is decided again by the same looks."""

import json
from dataclasses import replace

import pytest

from contender.report.material import Unreadable
from contender.report.replay import Replay, replay
from tests.unit.report import situations
from tests.unit.report.situations import ENDED, Situation, material, played


def again(situation: Situation) -> Replay:
    return replay(material(played(situation)))


@pytest.mark.parametrize("situation", [*ENDED, situations.it_goes_on])
def test_the_same_looks_give_the_same_numbers(situation: Situation) -> None:
    status, found = played(situation).status, again(situation)
    assert list(found.comparisons) == (status.comparisons or [])
    assert (found.leader, found.last) == (status.leader, status.look)
    assert status.undecided in ("", *found.undecided)
    rejected = {one.name for one in status.arms or [] if one.state == "Rejected"}
    assert {*found.missed, *found.gone} == rejected


@pytest.mark.parametrize(
    ("situation", "decisions"),
    [
        (situations.a_better_one_is_promoted, {"v2": "it has reached all objectives"}),
        (situations.a_worse_one_is_rejected, {"v2": "it has missed an objective"}),
        (situations.an_equal_one_is_undecided_at_the_horizon, {"v2": "otherwise"}),
        (
            situations.one_of_two_breaches_a_guardrail,
            {
                "v2": "it has reached all objectives",
                "v3": "it breaches a guardrail, or never gets ready",
            },
        ),
        (
            situations.labels_stop_coming,
            {"v2": "too many pairs or truths are missing at the end"},
        ),
        (
            situations.nothing_is_known_of_one_at_the_end,
            {"v2": "nothing is known at the end, and `onNoData` is Reject"},
        ),
        (
            situations.requests_were_not_drawn_as_weights_say,
            {"v2": "requests were not drawn as the weights say"},
        ),
        (situations.a_person_promotes_without_objectives, {}),
        (situations.it_goes_on, {"v2": "there is time left"}),
    ],
)
def test_it_says_which_line_of_the_table_held(
    situation: Situation, decisions: dict[str, str]
) -> None:
    assert {one.candidate: one.rule.when for one in again(situation).rulings} == decisions


def test_a_curve_has_a_point_for_each_look_and_knows_the_one_at_the_horizon() -> None:
    found = again(situations.a_better_one_is_seen_at_the_horizon)
    (curve,) = found.curves
    spent = [one for one in curve.points if one.spends]
    assert len(spent) == 1
    assert 500 <= spent[0].rows < 530
    assert [one.number for one in curve.points] == sorted(one.number for one in curve.points)
    assert curve.points[-1].number == found.last
    assert all(one.low <= one.difference <= one.high for one in curve.points)


def test_less_loss_is_to_the_left_and_more_reward_to_the_right() -> None:
    (loss,) = again(situations.a_better_one_is_promoted).curves
    (reward,) = again(situations.a_reward_wins_in_a_split).curves
    assert loss.points[-1].high < loss.goal == 0
    assert reward.points[-1].low > reward.goal == -0.05


def test_who_went_for_a_guardrail_is_weighed_no_longer() -> None:
    trial = played(situations.one_of_two_breaches_a_guardrail)
    found = replay(material(trial))
    lengths = {one.candidate: len(one.points) for one in found.curves}
    assert 0 < lengths["v3"] < lengths["v2"]
    assert [*found.gone] == ["v3"]


def test_without_looks_nothing_is_weighed() -> None:
    known = material(played(situations.a_better_one_is_promoted))
    found = replay(replace(known, looks=()))
    assert (found.curves, found.last) == ((), 0)


def test_before_the_start_there_is_nothing_to_weigh() -> None:
    known = material(played(situations.it_goes_on))
    status = known.subject.status.model_copy(update={"plan": None})
    assert replay(replace(known, subject=replace(known.subject, status=status))) == Replay()


@pytest.mark.parametrize("field", ["number", "at", "means", "pairs"])
def test_a_look_that_is_none_is_told(field: str) -> None:
    known = material(played(situations.it_goes_on))
    broken = json.loads(json.dumps(known.looks[0]))
    del broken[field]
    with pytest.raises(Unreadable, match="a look is not as a recorder tells it"):
        replay(replace(known, looks=(broken,)))


def test_one_that_missed_is_told_so_whatever_words_another_version_had_for_it() -> None:
    found = material(played(situations.a_worse_one_is_rejected))
    status = found.subject.status
    arms = [
        one.model_copy(update={"message": one.message and f"because {one.message}"})
        for one in status.arms or []
    ]
    said = replace(found.subject, status=status.model_copy(update={"arms": arms}))
    (ruling,) = replay(replace(found, subject=said)).rulings
    assert ruling.rule.when == "it has missed an objective"
