"""How many rows an Experiment needs: as the statistics say, and as a spec says it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.api.v1alpha1 import ExperimentSpec, ModelDeploymentSpec
from contender.report.hours import NOTHING_SEEN, Seen, seen
from contender.report.material import Unreadable
from contender.report.questions import Said, of_experiment, plain
from contender.report.sizes import Impossible, Question, Size, gains, sizes, suggestion
from contender.report.sizes_text import as_json, forecast
from tests.unit.report.trial import TARGET, spec

PAIRS = Question(share=0.1, discordant=0.03)
"""Two models with about 10 percent of errors that disagree on 3 percent of the rows."""


def size(question: Question, gain: float) -> Size:
    (found,) = sizes(question, [gain])
    return found


def test_a_fixed_test_is_the_one_of_the_statistics() -> None:
    """docs/statistics.md, "How many rows"."""
    (half,) = sizes(Question(share=0.1, split=0.5), [0.01])
    assert half.once
    assert half.once.rows == 26_985
    one = size(PAIRS, 0.01)
    assert one.once
    assert one.once.rows == 2_347
    clustered = size(Question(share=0.1, discordant=0.03, rows_per_request=50, icc=0.2), 0.01)
    assert clustered.once
    assert clustered.once.rows == 25_346
    sold = size(Question(loss="Value", share=0.05, split=0.1), 0.005)
    assert sold.once
    assert sold.once.rows == 179_749


@pytest.mark.parametrize(
    ("question", "gain", "once", "horizon", "always"),
    [
        (Question(share=0.1, split=0.5), 0.01, 26_985, 31_439, 64_159),
        (PAIRS, 0.01, 2_347, 2_684, 4_769),
        (replace(PAIRS, rows_per_request=50, icc=0.2), 0.01, 25_346, 40_989, 73_449),
        (replace(PAIRS, goal="NonInferior", margin=0.01), 0.0, 2_355, 2_692, 4_784),
        (Question(loss="Value", share=0.05, split=0.5), 0.005, 62_462, 72_576, 157_461),
        (Question(loss="Value", share=0.05, split=0.1), 0.005, 179_749, 205_654, 478_849),
    ],
)
def test_the_examples_of_the_documentation(
    question: Question, gain: float, once: int, horizon: int, always: int
) -> None:
    """docs/statistics.md, "How many rows"."""
    found = size(question, gain)
    assert found.once
    assert found.horizon
    assert found.always
    assert (found.once.rows, found.horizon.rows, found.always.rows) == (once, horizon, always)


def test_rows_that_stand_for_themselves_need_fewer_of_them() -> None:
    """Nothing is taken from buckets, and one that was not seen yet is one row."""
    alike = size(replace(PAIRS, rows_per_request=50), 0.01).horizon
    alone = size(replace(PAIRS, rows_per_request=50, by_entity=False), 0.01).horizon
    assert alike
    assert alone
    assert alone.rows < 0.7 * alike.rows


@pytest.mark.parametrize("by_entity", [True, False])
@pytest.mark.parametrize("split", [None, 0.1])
def test_of_a_loss_without_a_bound_more_must_be_seen(split: float | None, by_entity: bool) -> None:
    question = Question(loss="Squared", variance=1.0, split=split, by_entity=by_entity)
    assert question.least == (300 if split else 200)


def test_who_looks_always_needs_most_and_a_horizon_costs_little() -> None:
    one = size(PAIRS, 0.01)
    assert one.once
    assert one.horizon
    assert one.always
    assert one.once.rows < one.horizon.rows < 1.2 * one.once.rows
    assert one.horizon.rows < one.always.rows < 2.2 * one.once.rows


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.4), st.floats(0.1, 0.9), st.floats(1.05, 3.0))
def test_a_larger_effect_needs_fewer_rows(share: float, part: float, times: float) -> None:
    question = Question(share=share, split=part, rate=2.0)
    found = sizes(question, [share * 0.2, share * 0.2 * min(times, 4.5)])
    small, large = (one.horizon for one in found)
    assert small
    assert large
    assert large.rows <= small.rows
    assert large.seconds is not None
    assert small.seconds is not None
    assert large.seconds <= small.seconds


def test_requests_and_time_count_what_is_compared_and_labels_that_come_late() -> None:
    plainly = size(Question(share=0.1, discordant=0.03, rate=10.0), 0.01)
    partly = size(
        Question(share=0.1, discordant=0.03, rate=10.0, part=0.25, labelled=0.5, delay=3600.0),
        0.01,
    )
    assert plainly.horizon
    assert partly.horizon
    assert partly.horizon.rows == plainly.horizon.rows == plainly.horizon.requests
    assert partly.horizon.requests == 8 * plainly.horizon.requests
    assert partly.horizon.seconds == pytest.approx(3600 + partly.horizon.requests / 10)


@pytest.mark.parametrize(
    ("question", "gain", "why"),
    [
        (Question(share=0.1, margin=0.05), 0.05, "not beyond the margin"),
        (Question(share=0.1, discordant=0.03), 0.05, "differ by less"),
        (Question(share=0.1), 0.2, "no share can become so"),
    ],
)
def test_what_cannot_be_says_why(question: Question, gain: float, why: str) -> None:
    found = size(question, gain)
    assert found.horizon is None
    assert why in found.why
    assert found.why in forecast(question, [found], None, [])
    assert suggestion([found], [gain]) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "--share"),
        ({"share": 1.0}, "--share 1 is not between 0 and 1"),
        ({"loss": "Brier", "share": 0.1}, "say --variance"),
        ({"loss": "Value", "share": 0.1}, "say --split"),
        ({"share": 0.1, "goal": "NonInferior"}, "--margin"),
        ({"share": 0.1, "split": 100.0}, "both need a share"),
        ({"share": 0.1, "split": 50.0, "candidates": 2}, "both need a share"),
        ({"share": 0.1, "rate": 0.0}, "--rate 0"),
    ],
)
def test_what_is_lacking_is_told(said: dict[str, Any], why: str) -> None:
    with pytest.raises(Impossible, match=why):
        plain(Said(**said))


def test_the_effect_that_was_asked_for_stands_among_others() -> None:
    question = Question(share=0.1, margin=0.01)
    assert gains(question, [0.03]) == [0.02, 0.025, 0.03, 0.04, 0.05]
    assert gains(question, [0.05, 0.02]) == [0.02, 0.05]
    assert gains(question, [0.001]) == [0.001]
    assert gains(question, []) == [0.015, 0.02, 0.03, 0.04, 0.06]
    inferior = Question(share=0.1, goal="NonInferior", margin=0.02)
    assert gains(inferior, []) == [-0.01, 0.0, 0.01, 0.02, 0.04]


def test_the_suggestion_is_for_what_was_asked() -> None:
    question = Question(share=0.1, discordant=0.03, rate=1.0, delay=168 * 3600.0)
    found = sizes(question, gains(question, [0.01]))
    told = suggestion(found, [0.01])
    assert told
    assert told.gain == 0.01
    assert found[2].horizon
    assert found[2].horizon.rows <= told.rows < 1.1 * found[2].horizon.rows
    assert told.hours is not None
    assert told.hours % 24 == 0
    assert 168 * 1.25 <= told.hours <= 240


def test_without_a_wanted_effect_it_is_the_smallest_that_two_weeks_find() -> None:
    question = Question(share=0.1, discordant=0.03, rate=0.01)
    found = sizes(question, gains(question, []))
    told = suggestion(found, [])
    assert told
    seconds = {one.gain: one.horizon.seconds for one in found if one.horizon}
    fit = [gain for gain, one in seconds.items() if one is not None and one <= 14 * 86400]
    assert told.gain == min(fit)


def test_what_takes_years_is_told() -> None:
    question = Question(share=0.1, rate=1e-5)
    found = sizes(question, gains(question, [0.005]))
    told = suggestion(found, [0.005])
    assert told
    assert told.hours is None
    assert "longer than a year" in forecast(question, found, told, [])


def test_a_horizon_has_at_least_as_many_rows_as_a_spec_may_say() -> None:
    found = sizes(Question(loss="Squared", variance=1.0), [3.0])
    told = suggestion(found, [3.0])
    assert told
    assert told.rows >= 100


# From a spec.


def experiment(*candidates: str, **more: Any) -> ExperimentSpec:
    return ExperimentSpec.model_validate(spec(*candidates, **more))


def target(**more: Any) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate({**TARGET, **more})


LOOK = {"name": "look", "shadow": {"percent": 50}, "until": {"requests": 10}}
CANARY = {"name": "canary", "split": {"weights": {"v2": 10}}, "until": {"requests": 10}}
VERDICT = {**CANARY, "until": {"verdict": True, "atMost": "24h"}}
GAIN = {"name": "gain", "feedback": "gain"}


@pytest.mark.parametrize(
    ("steps", "objective", "split", "part"),
    [
        ([LOOK], None, None, 0.5),
        ([LOOK, CANARY], None, 0.1, 1.0),
        ([LOOK, VERDICT, LOOK], None, 0.1, 1.0),
        ([LOOK, CANARY], GAIN, 0.1, 1.0),
        (
            [{**CANARY, "split": {"weights": {"v2": 10}, "shadowOthers": True}}],
            None,
            None,
            1.0,
        ),
        (
            [{**CANARY, "split": {"weights": {"v2": 10}, "shadowOthers": True}}],
            GAIN,
            0.1,
            1.0,
        ),
    ],
)
def test_the_steps_say_how_rows_are_compared(
    steps: list[Any], objective: dict[str, Any] | None, split: float | None, part: float
) -> None:
    more = {"objectives": [objective]} if objective else {}
    wanted = experiment("v2", steps=steps, **more)
    (found,) = of_experiment(wanted, target(), {}, Said(share=0.1))
    assert (found.question.split, found.question.part) == (split, part)


def test_two_candidates_share_alpha_and_requests() -> None:
    steps = [{**CANARY, "split": {"weights": {"v2": 10, "v3": 30}}}]
    wanted = experiment("v2", "v3", steps=steps, analysis={"alpha": 0.1})
    (found,) = of_experiment(wanted, target(), {}, Said(share=0.1))
    question = found.question
    assert question.split == pytest.approx(1 / 7)
    assert question.part == pytest.approx(0.7)
    assert question.design(0.02).alpha == pytest.approx(0.05)


def test_the_target_says_how_late_truths_come_and_how_many_are_captured() -> None:
    (found,) = of_experiment(experiment("v2"), target(capture={"percent": 20}), {}, Said(share=0.1))
    assert (found.question.delay, found.question.part) == (168 * 3600, 0.2)
    assert "20% of the requests are captured (spec.capture.percent)" in found.assumptions


def test_without_the_target_less_is_known() -> None:
    (found,) = of_experiment(experiment("v2"), None, {}, Said(share=0.1))
    assert "truths come at once (--delay)" in found.assumptions


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"objectives": None}, "no objectives"),
        ({"objectives": [GAIN], "steps": [LOOK]}, "no step is a split"),
        ({"objectives": [{**GAIN, "feedback": "other"}]}, "declares no other"),
        (
            {"steps": [{**LOOK, "shadow": {"percent": 100, "percents": {"v2": 0}}}]},
            "copies nothing",
        ),
        ({"steps": [{**CANARY, "split": {"weights": {"v2": 100}}}]}, "both need a share"),
    ],
)
def test_what_can_never_be_decided_is_told(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Impossible, match=why):
        of_experiment(experiment("v2", **changes), target(), {}, Said(share=0.1))


def test_what_was_counted_stands_in_for_what_nobody_says() -> None:
    known = Seen(100, 2.5, 4.0, mean=0.08, variance=0.08 * 0.92 * 1000 / 999, n=1000, labelled=0.9)
    (found,) = of_experiment(experiment("v2"), target(), {"accuracy": known}, Said())
    question = found.question
    assert (question.share, question.rate) == (0.08, 2.5)
    assert (question.rows_per_request, question.labelled) == (4.0, 0.9)
    assert any("mean is 8.00 %: 1,000 rows" in one for one in found.assumptions)
    assert any(one.startswith("2.5 requests/s come") for one in found.assumptions)
    assert any("(--icc)" in one for one in found.assumptions)
    (said,) = of_experiment(experiment("v2"), target(), {"accuracy": known}, Said(rate=1.0))
    assert said.question.rate == 1.0


def test_of_an_hour_that_goes_on_the_rate_is_the_least_that_it_may_be() -> None:
    known = Seen(0.2, 2.5, 1.0, mean=0.08, variance=0.08 * 0.92, n=1000)
    (found,) = of_experiment(experiment("v2"), target(), {"accuracy": known}, Said())
    assert any(one.startswith("at least 2.5 requests/s come") for one in found.assumptions)


def test_who_captures_a_part_has_more_requests_than_were_captured() -> None:
    known = Seen(100, 2.0, 1.0, mean=0.08, variance=0.08 * 0.92, n=1000)
    captured = target(capture={"percent": 20})
    (found,) = of_experiment(experiment("v2"), captured, {"accuracy": known}, Said())
    assert (found.question.rate, found.question.part) == (10.0, 0.2)


def test_a_variance_that_was_counted_is_taken_twice_for_pairs() -> None:
    known = Seen(100, 2.5, 1.0, mean=3.0, variance=4.0, n=1000)
    loss = {"name": "error", "feedback": "churned", "loss": "Squared"}
    wanted = experiment("v2", objectives=[loss])
    (found,) = of_experiment(wanted, target(), {"error": known}, Said())
    assert (found.question.share, found.question.variance) == (None, 8.0)
    split = experiment("v2", objectives=[loss], steps=[CANARY])
    (found,) = of_experiment(split, target(), {"error": known}, Said())
    assert found.question.variance == 4.0


def test_rows_that_stand_for_themselves_have_nothing_in_common() -> None:
    objective = {"name": "a", "feedback": "churned", "loss": "ZeroOne", "unit": "Row"}
    wanted = experiment("v2", objectives=[objective])
    (found,) = of_experiment(wanted, target(), {}, Said(share=0.1, rows_per_request=50.0, icc=0.3))
    assert found.question.icc == 0.0
    assert not any("--icc" in one for one in found.assumptions)


# What the recorder has counted.

NOW = datetime(2026, 1, 31, 12, 20, tzinfo=UTC)


def hour(ago: int, metric: str, counts: Any, part: str = "", arm: str = "incumbent") -> Any:
    at = (NOW - timedelta(hours=ago)).replace(minute=0).isoformat().replace("+00:00", "Z")
    return {
        "hour": at,
        "version": "1",
        "arm": arm,
        "metric": metric,
        "part": part,
        "counts": counts,
    }


def told(*hours: Any, coverage: Any = ()) -> dict[str, Any]:
    return {"edges": {}, "hours": [*hours], "coverage": [*coverage]}


def test_the_hours_tell_rate_rows_and_losses_of_the_incumbent() -> None:
    covered = {"feedback": "churned", "version": "1", "arm": "incumbent"}
    found = seen(
        told(
            hour(2, "answers", {"ANSWERED": 3000, "ERROR": 600}),
            hour(1, "answers", {"ANSWERED": 3600}),
            hour(0, "answers", {"ANSWERED": 600}),
            hour(0, "rows", [1200.0]),
            hour(1, "answers", {"ANSWERED": 999}, arm="v2"),
            hour(2, "rows", [14400.0]),
            hour(1, "loss", {"n": 100.0, "sum": 10.0, "squares": 10.0}, "churned/ZeroOne/j1"),
            hour(1, "loss", {"n": 900.0, "sum": 70.0, "squares": 70.0}, "churned/ZeroOne/j2"),
            hour(1, "loss", {"n": 5.0, "sum": 5.0, "squares": 5.0}, "churned/Brier/j1"),
            coverage=[{**covered, "rows": 200, "labelled": 150}],
        ),
        "churned",
        "ZeroOne",
        NOW,
    )
    assert (found.hours, found.rate, found.rows_per_request) == (2, 1.0, 2.0)
    assert (found.n, found.mean, found.labelled) == (1000, 0.08, 0.75)
    assert found.variance == pytest.approx(0.08 * 0.92 * 1000 / 999)


def test_of_nothing_nothing_is_known() -> None:
    assert seen(told(), "churned", "ZeroOne", NOW) == NOTHING_SEEN
    begun = NOW.replace(minute=0)
    assert seen(told(hour(0, "answers", {"ANSWERED": 9})), "a", "b", begun).rate is None


def test_of_an_endpoint_that_is_new_the_hour_that_goes_on_tells_what_it_can() -> None:
    loss = {"n": 100.0, "sum": 10.0, "squares": 10.0}
    found = seen(
        told(
            hour(0, "answers", {"ANSWERED": 2400}),
            hour(0, "rows", [4800.0]),
            hour(0, "loss", loss, "churned/ZeroOne/j1"),
        ),
        "churned",
        "ZeroOne",
        NOW,
    )
    assert (found.rate, found.rows_per_request, found.mean) == (2.0, 2.0, 0.1)
    assert found.hours == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "answer",
    [{}, {"hours": [{}], "coverage": []}, {"hours": [], "coverage": [{}]}, {"hours": 1}],
)
def test_an_answer_that_tells_of_no_hours_is_told(answer: Any) -> None:
    with pytest.raises(Unreadable, match="otherwise than a recorder"):
        seen(answer, "churned", "ZeroOne", NOW)


def test_machines_are_told_the_same() -> None:
    question = Question(name="accuracy", share=0.1, discordant=0.03, rate=1.0)
    found = sizes(question, [0.01])
    value = as_json(question, found, suggestion(found, [0.01]), ["one row a request"])
    assert value["objective"] == "accuracy"
    assert value["asked"]["discordant"] == 0.03
    assert found[0].horizon
    assert value["effects"][0]["horizon"]["rows"] == found[0].horizon.rows
    assert value["suggestion"]["rows"] >= found[0].horizon.rows
