"""From looks to what becomes of each candidate, through all that an operator decides."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contender.api.v1alpha1.experiment_status import ArmCount, Epoch
from contender.core.experiment.advance import advance
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import Look
from contender.core.experiment.verdicts import rejecting, tasks, weigh_looks
from contender.core.manifest import format_time, parse_time
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    HALF,
    SHADOW,
    Json,
    arm,
    arm_of,
    comparison,
    halves,
    labelled,
    look,
    pair,
    started,
    told,
)

HOUR = 3600.0
DAY = 24 * HOUR
WAITS: Json = {**SHADOW, "until": {"atLeast": "23h", "atMost": "24h"}}
"""A step that a verdict does not end."""
TWO: Json = {"names": ("v2", "v3")}

BETTER, WORSE, EQUAL = (10, 100), (100, 10), (30, 30)
"""Of 1,000 rows, those in which the candidate alone is wrong, and the incumbent alone."""


def in_shadow(
    number: int,
    n: int = 1000,
    *,
    at: float = 0.0,
    share: float = 1.0,
    missing: int = 0,
    feedback: Sequence[str] = ("churned",),
    **candidates: tuple[int, int],
) -> Look:
    """Return a look at a shadow in which all arms have answered.

    Args:
        number: of the look.
        n: requests, of one row each.
        at: seconds since the start.
        share: of rows that have a truth.
        missing: copies that were not sent.
        feedback: the truths, all of them alike.
        candidates: of 1,000 rows, those in which it alone is wrong, or the incumbent alone.
    """
    rows = round(n * share)
    means, pairs = [], []
    for name in feedback:
        means += [labelled("incumbent", n, share, feedback=name)]
        means += [arm("incumbent", rows, 0.1, feedback=name)]
        for candidate, (worse, better) in candidates.items():
            counts = rows * worse // 1000, rows * better // 1000
            means += [labelled(candidate, n, share, feedback=name)]
            means += [arm(candidate, rows, 0.1 + (worse - better) / 1000, feedback=name)]
            means += [{**pair(rows, *counts, name=candidate), "feedback": name}]
    for candidate in candidates:
        pairs += [halves(n, name=candidate, rows=n, overflow=missing)]
    return look(number, *means, pairs=pairs, at=_began + at)


_began = parse_time("2026-01-05T09:00:01Z").timestamp()


def state(course: Course, name: str = "v2", objective: str = "accuracy") -> str:
    return comparison(course, name, objective).state


# One candidate.


def test_the_experiment_of_these_tests_began_when_its_looks_say() -> None:
    course, _ = started()
    assert course.status.began_at == format_time(parse_time("2026-01-05T09:00:01Z"))
    assert not told(*started(), []).status.comparisons


def test_one_that_is_better_wins() -> None:
    course = told(*started(), [in_shadow(1, v2=BETTER)])
    assert (state(course), course.status.leader, course.status.winner) == ("Reached", "v2", "v2")
    assert course.phase == "AwaitingSpec"
    assert course.status.promotion is not None


def test_one_that_is_worse_is_rejected() -> None:
    course = told(*started(), [in_shadow(1, v2=WORSE)])
    assert state(course) == "Missed"
    assert course.phase == "Rejected"
    assert arm_of(course).message == f"accuracy: {comparison(course).message}"
    assert "errs 9.00 points more" in arm_of(course).message


def test_one_that_is_as_good_goes_on() -> None:
    course = told(*started(), [in_shadow(1, v2=EQUAL)])
    assert (state(course), course.phase) == ("Undecided", "Running")
    assert "not yet decided" in (course.status.step.message if course.status.step else "")


def test_one_that_is_as_good_is_not_inferior() -> None:
    course = told(*started(objectives=[AS_GOOD]), [in_shadow(1, v2=EQUAL)])
    assert course.status.winner == "v2"


def test_all_objectives_have_to_be_reached() -> None:
    both = [ACCURACY, {**ACCURACY, "name": "churn-again", "margin": 0.2}]
    course = told(*started(objectives=both), [in_shadow(1, v2=BETTER)])
    assert (state(course), state(course, objective="churn-again")) == ("Reached", "Missed")
    assert course.phase == "Rejected"
    assert arm_of(course).message.startswith("churn-again: ")


def test_the_first_of_several_looks_that_decides_decides() -> None:
    course = told(*started(), [in_shadow(1, v2=BETTER), in_shadow(2, v2=WORSE)])
    assert (course.status.winner, course.status.look) == ("v2", 1)


def test_what_is_reached_stays_reached_and_what_is_missed_stays_missed() -> None:
    """The other objective goes on."""
    both = [{**ACCURACY, "name": "first"}, {**ACCURACY, "name": "second", "feedback": "other"}]
    other = {"name": "other", "kind": "Label"}
    course, scene = started(
        {"feedback": [{"name": "churned", "kind": "Label"}, other]}, objectives=both
    )
    course = told(course, scene, [in_shadow(1, v2=BETTER, feedback=("churned",))])
    assert (state(course, objective="first"), course.phase) == ("Reached", "Running")
    course = told(course, scene, [in_shadow(2, v2=EQUAL, n=5000, feedback=("churned", "other"))])
    assert state(course, objective="first") == "Reached"
    assert float(comparison(course, objective="first").difference) == pytest.approx(0.0)
    assert state(course, objective="second") == "Undecided"


def test_evidence_is_the_greatest_of_all_looks() -> None:
    course, scene = started()
    course = told(course, scene, [in_shadow(1, 200, v2=(20, 60))])
    most = comparison(course).evidence
    assert 0 < most < comparison(course).needed
    course = told(course, scene, [in_shadow(2, v2=EQUAL)])
    assert comparison(course).evidence == most
    assert comparison(course).rows == 1000


def test_a_look_is_weighed_once() -> None:
    course, scene = started()
    looks = [in_shadow(1, v2=EQUAL)]
    once = told(course, scene, looks)
    assert told(once, scene, looks) == once
    assert told(once, scene, [in_shadow(1, v2=WORSE)]) == once
    assert once.status.look == 1


def test_of_another_experiment_nothing_is_known() -> None:
    course, scene = started()
    another = {f"{course.run}.1": (in_shadow(1, v2=BETTER),)}
    snapshot = replace(scene.snapshot, looks=another)
    assert not advance(course, replace(scene, snapshot=snapshot)).status.look


# When time is over.


def test_without_looks_it_is_inconclusive_and_never_a_success() -> None:
    """The recorder is away, or there are no truths."""
    course, scene = started()
    assert told(course, scene, [], after=DAY - 1).phase == "Running"
    over = told(course, scene, [], after=DAY)
    assert (over.phase, over.status.winner, over.status.reason) == (
        *("Inconclusive", "", "TimeIsOver"),
    )
    assert over.status.verdict is not None
    assert "no rows with a truth were counted" in over.status.verdict.message


def test_of_whom_nothing_is_known_may_be_rejected_at_the_end() -> None:
    course, scene = started(analysis={"onNoData": "Reject"})
    assert told(course, scene, [], after=DAY - 1).phase == "Running"
    over = told(course, scene, [], after=DAY)
    assert over.phase == "Rejected"
    assert "nothing is known about the objectives" in arm_of(over).message


def test_of_whom_something_is_known_is_not_rejected_at_the_end() -> None:
    over = told(*started(analysis={"onNoData": "Reject"}), [in_shadow(1, v2=EQUAL)], after=DAY)
    assert over.phase == "Inconclusive"
    assert over.status.verdict is not None
    assert "not yet decided" in over.status.verdict.message


def test_of_two_the_one_of_whom_nothing_is_known_is_rejected() -> None:
    over = told(
        *started(analysis={"onNoData": "Reject"}, **TWO), [in_shadow(1, v2=EQUAL)], after=DAY
    )
    assert (arm_of(over, "v2").state, arm_of(over, "v3").state) == ("Active", "Rejected")
    assert over.phase == "Inconclusive"
    assert over.status.verdict is not None
    assert "v2 errs 0.00 points less" in over.status.verdict.message


def test_what_comes_with_the_end_is_weighed_before_it() -> None:
    assert told(*started(), [in_shadow(1, v2=BETTER)], after=DAY).status.winner == "v2"


# The horizon.


def horizon(**said: Any) -> tuple[Course, Scene]:
    return started(analysis={"horizon": said})


def test_at_the_horizon_less_is_needed_and_nothing_comes_after_it() -> None:
    course, scene = horizon(rows=1000)
    assert state(told(course, scene, [in_shadow(1, 990, v2=(20, 40))])) == "Undecided"
    assert state(told(course, scene, [in_shadow(1, 1000, v2=(20, 40))])) == "Reached"


def test_a_horizon_without_evidence_is_inconclusive() -> None:
    course = told(*horizon(rows=1000), [in_shadow(1, v2=EQUAL)])
    assert comparison(course).spent
    assert (course.phase, course.status.reason) == ("Inconclusive", "NoVerdict")
    assert course.status.verdict is not None
    assert course.status.verdict.message.startswith("no verdict: accuracy: v2 errs 0.00 points")


def test_the_look_at_the_horizon_is_spent_once() -> None:
    """Another objective has not come so far, so that it goes on."""
    both = [{**ACCURACY, "name": "first"}, {**ACCURACY, "name": "second", "feedback": "other"}]
    other = {"name": "other", "kind": "Label"}
    course, scene = started(
        {"feedback": [{"name": "churned", "kind": "Label"}, other]},
        objectives=both,
        analysis={"horizon": {"rows": 1000}},
    )
    course = told(course, scene, [in_shadow(1, v2=EQUAL)])
    assert comparison(course, objective="first").spent
    assert (state(course, objective="first"), course.phase) == ("Undecided", "Running")
    course = told(course, scene, [in_shadow(2, 1100, v2=(20, 40))])
    assert state(course, objective="first") == "Undecided"  # at the horizon it had been reached
    course = told(course, scene, [in_shadow(3, 5000, v2=(20, 60))])
    assert state(course, objective="first") == "Reached"  # by what all looks together may spend


@pytest.mark.parametrize(("at", "spent"), [(HOUR - 1, False), (HOUR, True)])
def test_a_horizon_may_be_a_time(at: float, spent: bool) -> None:
    course = told(*horizon(duration="1h"), [in_shadow(1, 300, at=at, v2=EQUAL)])
    assert comparison(course).spent is spent
    assert (course.phase == "Inconclusive") is spent


def test_of_rows_and_time_what_comes_first_is_the_horizon() -> None:
    both = horizon(rows=1000, duration="1h")
    assert comparison(told(*both, [in_shadow(1, 1000, v2=EQUAL)])).spent
    assert comparison(told(*both, [in_shadow(1, 300, at=HOUR, v2=EQUAL)])).spent
    assert not comparison(told(*both, [in_shadow(1, 300, v2=EQUAL)])).spent


def test_a_horizon_waits_for_what_may_decide() -> None:
    """Truths are lacking when it comes; the look is not spent on what may be biased."""
    course, scene = horizon(rows=500)
    course = told(course, scene, [in_shadow(1, 1000, share=0.6, v2=(20, 40))])
    assert (comparison(course).spent, state(course), course.phase) == (
        *(False, "Undecided", "Running"),
    )
    course = told(course, scene, [in_shadow(2, 1000, v2=(20, 40))])
    assert (comparison(course).spent, state(course)) == (True, "Reached")


def test_a_horizon_is_not_spent_before_anything_may_be_decided() -> None:
    """Losses without a bound need 200 rows."""
    squared = {**ACCURACY, "loss": "Squared"}
    numbers = {"rows": {"preset": "V1", "task": "Regression"}}
    course, scene = started(numbers, objectives=[squared], analysis={"horizon": {"rows": 100}})

    def seen(number: int, n: int) -> Look:
        one = {**pair(n, 0, 0), "loss": "Squared", "mean": 0.0, "rowVariance": 1.0 / n}
        arms = [arm(name, n, 1.0, variance=1.0, loss="Squared") for name in ("incumbent", "v2")]
        return look(number, one, *arms, labelled("incumbent", n), labelled("v2", n))

    course = told(course, scene, [seen(1, 150)])
    assert (comparison(course).spent, course.phase) == (False, "Running")
    course = told(course, scene, [seen(2, 200)])
    assert (comparison(course).spent, course.phase) == (True, "Inconclusive")


# When nothing may be concluded.


LACKING: dict[str, Callable[[int, tuple[int, int]], Look]] = {
    "too many pairs lack a half": lambda number, does: in_shadow(number, missing=100, v2=does),
    "too few truths": lambda number, does: in_shadow(number, share=0.7, v2=does),
}


@pytest.mark.parametrize("lacking", LACKING)
@pytest.mark.parametrize("does", [BETTER, WORSE])
def test_what_is_not_valid_decides_nothing(lacking: str, does: tuple[int, int]) -> None:
    course, scene = started()
    course = told(course, scene, [LACKING[lacking](1, does)])
    assert (state(course), course.phase, comparison(course).evidence) == (
        *("Undecided", "Running", 0.0),
    )
    over = told(course, scene, [LACKING[lacking](1, does)], after=DAY)
    assert over.phase == "Inconclusive"
    assert over.status.verdict is not None
    assert "are allowed" in over.status.undecided or "are needed" in over.status.undecided


@pytest.mark.parametrize("lacking", LACKING)
def test_what_becomes_valid_decides(lacking: str) -> None:
    course, scene = started()
    course = told(course, scene, [LACKING[lacking](1, BETTER)])
    assert told(course, scene, [in_shadow(2, v2=BETTER)]).status.winner == "v2"
    assert told(course, scene, [in_shadow(2, v2=WORSE)]).phase == "Rejected"


def test_truths_that_come_unequally_decide_nothing() -> None:
    course, scene = started(steps=[HALF])

    def split(number: int, ours: float) -> Look:
        means = [labelled("incumbent", 5000, 1.0), labelled("v2", 5000, ours)]
        means += [arm("incumbent", 5000, 0.2), arm("v2", round(5000 * ours), 0.05)]
        return look(number, *means)

    course = told(course, scene, [split(1, 0.9)])
    assert (state(course), course.phase) == ("Undecided", "Running")
    assert told(course, scene, [split(2, 1.0)]).status.winner == "v2"


def test_one_that_has_reached_its_objectives_does_not_win_by_what_is_no_longer_valid() -> None:
    course, scene = started(steps=[WAITS])
    course = told(course, scene, [in_shadow(1, v2=BETTER)])
    assert (course.status.leader, course.phase) == ("v2", "Running")
    gone = [in_shadow(2, 5000, share=0.5, v2=BETTER)]
    course = told(course, scene, gone)
    assert course.phase == "Running"
    ended = told(course, scene, gone, after=23 * HOUR)
    assert (ended.phase, ended.status.winner) == ("Inconclusive", "")
    assert "80.0% are needed" in ended.status.undecided
    back = told(course, scene, [in_shadow(3, 5000, v2=BETTER)], after=23 * HOUR)
    assert back.status.winner == "v2"


@pytest.mark.parametrize("does", [BETTER, WORSE])
def test_a_feedback_that_is_not_declared_any_more_decides_nothing(does: tuple[int, int]) -> None:
    """One objective less is not an objective reached."""
    other = {"name": "other", "kind": "Label"}
    both = [ACCURACY, {**ACCURACY, "name": "second", "feedback": "other"}]
    course, scene = started(
        {"feedback": [{"name": "churned", "kind": "Label"}, other]}, objectives=both
    )
    declared = scene.snapshot.spec.feedback or []
    target = scene.snapshot.spec.model_copy(update={"feedback": declared[:1]})
    less = replace(scene, snapshot=replace(scene.snapshot, spec=target))
    assert [one.key for one in tasks(course, target)] == [("accuracy", "v2", "")]
    seen = [in_shadow(1, v2=does, feedback=("churned", "other"))]
    course = told(course, less, seen)
    assert (course.phase, course.status.look) == ("Running", 1)
    ended = told(course, less, seen, after=DAY)
    assert ended.phase == "Inconclusive"
    assert "objective second: the target's spec.feedback declares no other any more" in (
        ended.status.undecided
    )
    # Declared again, it goes on.
    again = told(course, scene, [in_shadow(2, v2=does, feedback=("churned", "other"))])
    assert again.phase == ("AwaitingSpec" if does == BETTER else "Rejected")


# Requests that were not drawn as the weights say.


def drawn(course: Course, ours: int, theirs: int) -> Course:
    """Return the course after ten hours of a split in halves."""
    began = parse_time(course.status.began_at or "")
    one = Epoch(
        step="half",
        since=format_time(began),
        traffic="hash",
        shares={"incumbent": 50, "v2": 50},
        counts=[ArmCount(arm="incumbent", requests=theirs), ArmCount(arm="v2", requests=ours)],
    )
    return course.told(epochs=[one], counted_at=format_time(began + timedelta(hours=10)))


@pytest.mark.parametrize("does", [BETTER, WORSE])
def test_a_mismatch_is_inconclusive_whatever_else_is_known(does: tuple[int, int]) -> None:
    course, scene = started(steps=[HALF])
    course = told(drawn(course, 4000, 6000), scene, [in_shadow(1, v2=does)])
    assert (course.phase, course.status.reason) == ("Inconclusive", "NoVerdict")
    assert course.status.undecided.startswith("sample-ratio mismatch")


def test_a_mismatch_needs_no_look() -> None:
    course, scene = started(steps=[HALF])
    assert told(drawn(course, 5000, 5000), scene, []).phase == "Running"
    assert told(drawn(course, 4000, 6000), scene, []).phase == "Inconclusive"


def test_a_mismatch_that_comes_after_the_objectives_were_reached_is_found() -> None:
    course, scene = started(steps=[WAITS, HALF])
    looks = [in_shadow(1, v2=BETTER)]
    course = told(course, scene, looks)
    assert course.status.leader == "v2"
    course = told(drawn(course, 4000, 6000), scene, looks)
    assert (course.phase, course.status.winner) == ("Inconclusive", "")


def test_without_objectives_nothing_is_compared_and_nothing_can_be_mismatched() -> None:
    plain = {**HALF, "until": {"requests": 10_000, "atMost": "24h"}}
    course, scene = started(steps=[plain], objectives=None)
    course = told(drawn(course, 4000, 6000), scene, [in_shadow(1, v2=WORSE)])
    assert (course.phase, course.status.comparisons) == ("Running", None)


# Several candidates.


def test_candidates_share_alpha() -> None:
    one, two = (
        comparison(told(*started(**said), [in_shadow(1, v2=EQUAL, v3=EQUAL)])).needed
        for said in ({}, TWO)
    )
    assert two == pytest.approx(one + 0.69, abs=0.01)


def test_one_is_rejected_and_another_wins() -> None:
    course = told(*started(**TWO), [in_shadow(1, v2=WORSE, v3=BETTER)])
    assert arm_of(course, "v2").state == "Rejected"
    assert course.status.winner == "v3"


def test_one_that_is_rejected_keeps_its_last_word_and_is_weighed_no_more() -> None:
    course, scene = started(**TWO)
    course = told(course, scene, [in_shadow(1, v2=WORSE, v3=EQUAL)])
    last = comparison(course, "v2")
    assert (last.state, course.phase, [one.name for one in course.left]) == (
        *("Missed", "Running", ["v3"]),
    )
    course = told(course, scene, [in_shadow(2, 2000, v2=BETTER, v3=EQUAL)])
    assert comparison(course, "v2") == last
    assert comparison(course, "v3").rows == 2000


@pytest.mark.parametrize(
    ("v2", "v3", "leader"),
    [
        ((10, 100), (10, 90), "v2"),
        ((10, 90), (10, 100), "v3"),
        ((10, 90), (10, 90), "v2"),
    ],
)
def test_of_two_that_reach_it_at_once_the_surer_one_wins(
    v2: tuple[int, int], v3: tuple[int, int], leader: str
) -> None:
    assert told(*started(**TWO), [in_shadow(1, v2=v2, v3=v3)]).status.winner == leader


def test_who_has_reached_it_first_leads() -> None:
    course, scene = started(steps=[WAITS], **TWO)
    course = told(course, scene, [in_shadow(1, v2=BETTER, v3=EQUAL)])
    assert course.status.leader == "v2"
    course = told(course, scene, [in_shadow(2, 9000, v2=BETTER, v3=(0, 200))], after=23 * HOUR)
    assert (state(course, "v3"), course.status.winner) == ("Reached", "v2")


def test_when_who_leads_is_rejected_the_next_one_leads_without_another_look() -> None:
    course, scene = started(steps=[WAITS], **TWO)
    looks = [in_shadow(1, v2=BETTER, v3=BETTER)]
    course = told(course, scene, looks)
    assert course.status.leader == "v2"
    course = told(course, breaching(scene, course), looks)
    assert (arm_of(course, "v2").state, course.status.leader) == ("Rejected", "v3")


def test_when_all_that_are_left_are_undecided_at_the_horizon_it_is_inconclusive() -> None:
    course, scene = started(analysis={"horizon": {"rows": 1000}}, **TWO)
    course = told(course, scene, [in_shadow(1, v2=EQUAL, v3=EQUAL)])
    assert course.phase == "Inconclusive"
    assert {"v2 errs", "v3 errs"} <= {
        one[:7] for one in course.status.undecided.split("accuracy: ")
    }


def test_when_one_is_rejected_at_the_horizon_and_the_other_undecided_it_is_inconclusive() -> None:
    course, scene = started(analysis={"horizon": {"rows": 1000}}, **TWO)
    course = told(course, scene, [in_shadow(1, v2=WORSE, v3=EQUAL)])
    assert (arm_of(course, "v2").state, course.phase) == ("Rejected", "Inconclusive")
    assert "v3 errs" in course.status.undecided
    assert "v2 errs" not in course.status.undecided


def test_one_that_waits_for_its_horizon_keeps_the_experiment_going() -> None:
    course, scene = started(analysis={"horizon": {"rows": 1000}}, **TWO)
    course = told(course, scene, [in_shadow(1, v2=EQUAL)])
    assert (comparison(course, "v2").spent, course.phase) == (True, "Running")


def test_one_that_has_reached_its_objectives_may_lack_truths_for_a_while() -> None:
    """The horizon of the other one is over; that is no reason to give up."""
    course, scene = started(steps=[WAITS], analysis={"horizon": {"rows": 1000}}, **TWO)
    course = told(course, scene, [in_shadow(1, v2=BETTER, v3=EQUAL)])
    course = told(course, scene, [in_shadow(2, 2000, share=0.7, v2=BETTER, v3=EQUAL)])
    assert (course.phase, course.status.leader) == ("Running", "v2")
    course = told(course, scene, [in_shadow(3, 2000, v2=BETTER, v3=EQUAL)], after=23 * HOUR)
    assert course.status.winner == "v2"


def test_all_are_rejected() -> None:
    course = told(*started(**TWO), [in_shadow(1, v2=WORSE, v3=WORSE)])
    assert course.phase == "Rejected"
    assert course.status.verdict is not None
    assert {"rejected v2", "v3"} <= {
        one.split(":")[0].strip() for one in course.status.verdict.message.split(";")
    }


# Guardrails go before.


GUARDED: Json = {"guardrails": [{"name": "errors", "metric": "ErrorRate", "max": 0.05}]}


def breaching(scene: Scene, course: Course, name: str = "v2") -> Scene:
    """Return what is seen when the API server refuses a candidate its pods."""
    revision = next(one.revision for one in course.left if one.name == name)
    snapshot = replace(scene.snapshot, refused={revision: "its pods are forbidden"})
    return replace(scene, snapshot=snapshot)


def test_one_that_breaches_a_guardrail_is_rejected_whatever_it_has_reached() -> None:
    course, scene = started(**GUARDED)
    began = course.status.began_at or ""
    harmed = Epoch(
        step="look",
        since=began,
        traffic="hash",
        shares={"incumbent": 100, "v2": 100},
        counts=[
            ArmCount(arm="incumbent", requests=500),
            ArmCount(arm="v2", requests=500, errors=400),
        ],
    )
    course = told(course.told(epochs=[harmed]), scene, [in_shadow(1, v2=BETTER)])
    assert (course.phase, course.status.leader, course.status.winner) == ("Rejected", "", "")
    assert arm_of(course).message.startswith("guardrail errors: 400 of 500 requests")
    assert course.status.look == 0  # who is gone is not weighed any more


def test_when_nobody_is_left_no_look_is_weighed() -> None:
    course, scene = started(**TWO)
    course = told(course, breaching(scene, course), [in_shadow(1, v2=BETTER, v3=WORSE)])
    assert (course.phase, course.status.look) == ("Rejected", 1)
    course, scene = started()
    gone = rejecting(course, "v2", "gone")
    looks = {course.run: (in_shadow(1, v2=BETTER), in_shadow(2, v2=BETTER))}
    after, outcomes = weigh_looks(
        gone, replace(scene, snapshot=replace(scene.snapshot, looks=looks))
    )
    assert (after, outcomes) == (gone, {})


# Steps.


def test_a_step_that_waits_for_a_verdict_goes_on_to_the_next_one() -> None:
    course, scene = started(steps=[SHADOW, HALF])
    course = told(course, scene, [in_shadow(1, v2=BETTER)])
    assert course.status.step is not None
    assert (course.status.step.name, course.status.winner) == ("half", "")


def test_after_all_steps_without_a_verdict_it_is_inconclusive() -> None:
    steps = [{**SHADOW, "until": {"atLeast": "1h"}}]
    course, scene = started(steps=steps)
    seen = [in_shadow(1, v2=EQUAL)]
    assert told(course, scene, seen).phase == "Running"
    ended = told(course, scene, seen, after=HOUR)
    assert (ended.phase, ended.status.reason) == ("Inconclusive", "NoVerdict")
    assert ended.status.undecided.startswith(
        "all steps are done, and no candidate has reached the objectives: accuracy: v2 errs"
    )


def test_after_all_steps_without_any_row_it_is_inconclusive() -> None:
    ended = told(*started(steps=[{**SHADOW, "until": {"atLeast": "1h"}}]), [], after=HOUR)
    assert ended.phase == "Inconclusive"
    assert ended.status.undecided.endswith("no rows with a truth were counted")


def test_whom_a_person_has_chosen_stays_chosen() -> None:
    """It is still being made ready when the steps are over, and somebody else leads."""
    follows = {"promotion": {"follow": "Winner"}}
    course, scene = started(follows, steps=[WAITS], **TWO)
    course = course.told(winner="v3", leader="v2")
    course = told(course, scene, [], after=23 * HOUR)
    assert (course.status.winner, course.phase) == ("v3", "Running")
