"""What an Experiment decides by the truth: real models, real rows, real labels."""

import json
from collections.abc import Callable
from time import sleep
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from contender.recorder.callers import UNDER_WAY
from tests.e2e.experiments import Experiment, shadow, split
from tests.e2e.kube import Json
from tests.e2e.models import IMAGE, spec
from tests.e2e.place import Place
from tests.e2e.truth import (
    CAPTURED,
    PREDICTION,
    kill_operator,
    kill_recorder,
    looks,
    predict,
    table,
    tell,
)

ACCURACY: Json = {"name": "accuracy", "feedback": "diagnosis", "loss": "ZeroOne"}
"""Version 1 of the example model is right in 93.8 % of all rows, version 2 in 98.8 %."""
SYMMETRY, ASYMMETRIC = 28, 0.3179
"""A column, and a value from which on a quarter of the rows are."""
REPEATS = 5
UNTIL: Json = {"verdict": True, "atMost": "1h"}

Rows = list[tuple[list[float], int]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    found: Any = load_breast_cancer()
    return list(zip(found.data.tolist(), found.target.tolist(), strict=True))


def model(version: str, name: str) -> Json:
    """Return the model of an image that tells another version."""
    return {**spec(name)["model"], "image": f"{IMAGE}:{version}"}


def serve(place: Place, version: str, **more: Any) -> None:
    """Serve the example model of this version; the winner of an Experiment serves at once."""
    followed = {"promotion": {"follow": "Winner"}}
    place.apply("model", {**CAPTURED, **followed, "model": model(version, version), **more})
    place.until_serving("model", version)


def challenge(place: Place, version: str, **said: Any) -> Experiment:
    """Let this version challenge the one that serves."""
    wanted: Json = {
        "candidates": [{"name": "new", "model": model(version, "new")}],
        "steps": [shadow(until=UNTIL)],
        "objectives": [ACCURACY],
        "promotion": "Automatic",
        **said,
    }
    experiment = Experiment(place, "trial", **wanted)
    experiment.until_step(wanted["steps"][0]["name"])
    return experiment


def ask(place: Place, rows: Rows, labelled: Callable[[int], bool] = lambda _: True) -> None:
    """Have rows predicted, each for a user of its own, and tell the truth about those that are
    chosen by their number."""
    answers = predict(
        place, "model", [[one] for one, _ in rows], lambda user: {"x-user": f"{user}"}
    )
    truths = [
        {"id": answer["headers"][PREDICTION], "name": "diagnosis", "value": label}
        for number, (answer, (_, label)) in enumerate(zip(answers, rows, strict=True))
        if labelled(number)
    ]
    assert tell(place, "model", truths, lines=True)["refused"] == 0


def comparison(status: Json) -> Json:
    (found,) = status["comparisons"]
    return found


def test_a_better_challenger_is_promoted(place: Place, rows: Rows) -> None:
    serve(place, "1")
    experiment = challenge(place, "2")
    ask(place, rows)
    status = experiment.until_phase("Promoted")
    assert status["winner"] == "new"
    found = comparison(status)
    assert found["state"] == "Reached"
    assert float(found["high"]) < 0
    assert float(found["challenger"]) < float(found["incumbent"])
    assert "less" in found["message"]
    place.until_serving("model", "new")
    reasons = {one["reason"] for one in place.all_events("trial", kind="Experiment")}
    assert {"ObjectivesReached", "CandidateWon", "Promoted"} <= reasons


def test_a_worse_challenger_is_rejected(place: Place, rows: Rows) -> None:
    serve(place, "2")
    experiment = challenge(place, "1")
    ask(place, rows)
    status = experiment.until_phase("Rejected")
    assert comparison(status)["state"] == "Missed"
    assert "more" in experiment.arm("new")["message"]
    place.until_serving("model", "2")


def test_a_better_challenger_that_harms_a_segment_is_rejected(place: Place, rows: Rows) -> None:
    """What decides who is in the segment is not kept."""
    segment = {"name": "asymmetric", "at": f"/{SYMMETRY}", "atLeast": ASYMMETRIC}
    declared = {**CAPTURED["rows"], "segments": [segment]}
    serve(place, "1", rows=declared, capture={"keep": []})
    steps = [shadow(until={**UNTIL, "atLeast": "5m"})]
    experiment = challenge(place, "2", steps=steps, analysis={"segments": ["asymmetric"]})
    within = [row[SYMMETRY] >= ASYMMETRIC for row, _ in rows]
    for _ in range(REPEATS):
        answers = predict(place, "model", [[row] for row, _ in rows])
        served = [json.loads(one["body"])["predictions"][0]["label"] for one in answers]
        # Within the segment the incumbent is always right, so that whoever differs is wrong.
        truths = [
            {
                "id": answer["headers"][PREDICTION],
                "name": "diagnosis",
                "value": said if inside else label,
            }
            for answer, said, inside, (_, label) in zip(answers, served, within, rows, strict=True)
        ]
        assert tell(place, "model", truths, lines=True)["refused"] == 0
    status = experiment.until_phase("Rejected")
    found = {one.get("segment", ""): one for one in status["comparisons"]}
    assert found["asymmetric"]["state"] == "Missed"
    assert float(found[""]["difference"]) < 0
    assert experiment.arm("new")["message"].startswith("accuracy in asymmetric: new errs ")
    assert 0 < found["asymmetric"]["rows"] <= REPEATS * sum(within)
    assert found["asymmetric"]["rows"] < found[""]["rows"]
    assert all(one["row"] is None for one in table(place, "model"))
    place.until_serving("model", "1")


def test_the_same_model_is_not_promoted_by_the_horizon(place: Place, rows: Rows) -> None:
    serve(place, "1")
    experiment = challenge(place, "1", analysis={"horizon": {"rows": 500}})
    ask(place, rows)
    status = experiment.until_phase("Inconclusive")
    assert comparison(status)["state"] == "Undecided"
    assert status["reason"] == "NoVerdict"
    place.until_serving("model", "1")


def test_the_same_model_is_not_inferior_by_five_points(place: Place, rows: Rows) -> None:
    serve(place, "1")
    objective = {**ACCURACY, "goal": "NonInferior", "margin": 0.05}
    experiment = challenge(place, "1", objectives=[objective])
    ask(place, rows)
    experiment.until_phase("Promoted")


def test_labels_that_stop_coming_decide_nothing(place: Place, rows: Rows) -> None:
    serve(place, "1")
    steps = [shadow(until={"verdict": True, "atMost": "60s"})]
    experiment = challenge(place, "2", steps=steps)
    ask(place, rows, labelled=lambda number: number < len(rows) // 3)
    status = experiment.until_phase("Inconclusive")
    assert status["reason"] == "TimeIsOver"
    assert "80.0% are needed" in status["message"]
    assert comparison(status)["state"] == "Undecided"


def test_no_label_at_all_is_no_success(place: Place, rows: Rows) -> None:
    serve(place, "1")
    steps = [shadow(until={"verdict": True, "atMost": "30s"})]
    experiment = challenge(place, "2", steps=steps, analysis={"onNoData": "Reject"})
    ask(place, rows[:50], labelled=lambda _: False)
    experiment.until_phase("Rejected")
    place.until_serving("model", "1")


def test_callers_of_both_arms_are_compared_in_a_split(place: Place, rows: Rows) -> None:
    serve(place, "2")
    steps = [split("half", {"new": 50}, until=UNTIL)]
    said = {"stickiness": {"header": "x-user"}, "analysis": {"minFeedbackCoverage": 0.5}}
    experiment = challenge(place, "1", steps=steps, **said)
    # All users come once before anything can be decided; those of the last seconds do not count.
    ask(place, rows, labelled=lambda _: False)
    sleep(UNDER_WAY / 1e6 + 1)
    for _ in range(4):
        ask(place, rows)
    assert comparison(experiment.until_phase("Rejected"))["state"] == "Missed"
    # Users came back, and were drawn once.
    *_, last = looks(place, place.the("Experiment", "trial")["metadata"]["uid"])
    drawn = {one["arm"]: one for one in last["drawn"]}
    assert {arm: one["share"] for arm, one in drawn.items()} == {"incumbent": 50, "new": 50}
    assert sum(one["callers"] for one in drawn.values()) == len(rows)


def test_an_experiment_that_can_never_be_decided_fails_and_says_why(place: Place) -> None:
    serve(place, "1")
    experiment = Experiment(
        place,
        "trial",
        candidates=[{"name": "new", "model": model("2", "new")}],
        steps=[shadow(until=UNTIL)],
        objectives=[{**ACCURACY, "loss": "Squared"}],
    )
    status = experiment.until_phase("Failed")
    assert "Squared does not fit task Binary; fitting: ZeroOne" in status["message"]


@pytest.mark.alone
def test_the_verdict_is_the_same_when_everything_restarts_between_looks(
    place: Place, rows: Rows
) -> None:
    serve(place, "1")
    experiment = challenge(place, "2")
    third = len(rows) // 3
    for start in range(0, len(rows), third):
        ask(place, rows[start : start + third])
        kill_operator(place)
        kill_recorder(place)
    status = experiment.until_phase("Promoted")
    assert comparison(status)["state"] == "Reached"
    place.until_serving("model", "new")
