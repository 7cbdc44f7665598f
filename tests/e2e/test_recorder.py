"""What callers were answered, what the challenger would have said, and the truth: one table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.e2e.experiments import Experiment, candidate, shadow
from tests.e2e.kube import Json
from tests.e2e.load import load
from tests.e2e.models import spec
from tests.e2e.place import Place, condition, is_true
from tests.e2e.truth import (
    CAPTURED,
    PREDICTION,
    ask_recorder,
    inside,
    kill_recorder,
    pairs,
    predict,
    scale_recorder,
    sums,
    table,
    tell,
    token,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "breast-cancer"


def offline(version: str, rows: "np.ndarray[Any, np.dtype[np.float64]]") -> "list[float]":
    """Return what a version of the example model says of rows, worked out here."""
    model = json.loads((EXAMPLE / f"model-{version}.json").read_text())
    logits = rows @ np.array(model["coef"]) + model["intercept"]
    return [float(one) for one in 1 / (1 + np.exp(-logits))]


@pytest.fixture(scope="module")
def data() -> tuple[list[list[float]], list[int]]:
    found: Any = load_breast_cancer()
    return found.data.tolist(), found.target.tolist()


def serve(place: Place, **more: Any) -> None:
    place.apply("model", {**spec("1"), **CAPTURED, **more})
    place.until_serving("model", "1")


def started(place: Place) -> Experiment:
    """Start a shadow of version 2."""
    experiment = Experiment(
        place,
        "v2",
        candidates=[candidate("v2", "2")],
        steps=[shadow(until={"atLeast": "1h"})],
    )
    experiment.until_step("look")
    return experiment


def uid(place: Place) -> str:
    found: str = place.the("Experiment", "v2")["metadata"]["uid"]
    return found


def batches(rows: list[list[float]], size: int) -> Iterator[list[list[float]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@pytest.mark.parametrize("size", [1, 50])
def test_the_joined_table_equals_both_models_worked_out_offline(
    place: Place, data: tuple[list[list[float]], list[int]], size: int
) -> None:
    rows, labels = data
    serve(place)
    started(place)
    answers = predict(place, "model", batches(rows, size))
    ids = [one["headers"][PREDICTION] for one in answers]
    places = [f"{ids[number // size]}/{number % size}" for number in range(len(rows))]
    place.until(lambda: pairs(place, uid(place)).get("rows") == len(rows), "all pairs", seconds=30)
    told = tell(
        place,
        "model",
        [
            {"id": place, "name": "diagnosis", "value": label}
            for place, label in zip(places, labels, strict=True)
        ],
        lines=size == 1,
    )
    assert told == {"status": 200, "joined": 569, "waiting": 0, "refused": 0, "items": []}
    found = {row["id"]: row for row in table(place, "model", "?labelled=diagnosis")}
    assert found.keys() == set(places)
    matrix = np.array(rows)
    first, second = offline("1", matrix), offline("2", matrix)
    for number, where in enumerate(places):
        row = found[where]
        assert row["row"] == rows[number]
        assert row["score"] == pytest.approx(first[number], rel=1e-12)
        assert row["output"] == int(first[number] >= 0.5)
        copy = row["copies"]["v2"]
        assert copy["score"] == pytest.approx(second[number], rel=1e-12)
        assert copy["output"] == int(second[number] >= 0.5)
        assert row["feedback"]["diagnosis"]["value"] == labels[number]
        assert (row["version"], copy["version"], row["arm"]) == ("1", "2", "incumbent")
    _check_sums(place, labels, first, second)


def _check_sums(place: Place, labels: list[int], first: list[float], second: list[float]) -> None:
    """Compare the sufficient statistics with those worked out offline."""
    counted = pairs(place, uid(place))
    agree = sum((one >= 0.5) == (two >= 0.5) for one, two in zip(first, second, strict=True))
    assert counted["complete"] == counted["eligible"] == counted["requests"]
    assert (counted["rows"], counted["agree"]) == (569, agree)
    truth = np.array(labels)
    by_loss = {
        "ZeroOne": [(np.array(one) >= 0.5).astype(int) != truth for one in (first, second)],
        "Brier": [(np.array(one) - truth) ** 2 for one in (first, second)],
    }
    for one in sums(place, uid(place)):
        if one["kind"] != "pair" or one["loss"] not in by_loss:
            continue
        theirs, ours = (np.asarray(loss, dtype=float) for loss in by_loss.pop(one["loss"]))
        numbers = one["numbers"]
        assert numbers["n"] == 569
        assert numbers["incumbent"] == pytest.approx(theirs.sum(), rel=1e-9)
        assert numbers["challenger"] == pytest.approx(ours.sum(), rel=1e-9)
        assert numbers["differenceSquares"] == pytest.approx(((ours - theirs) ** 2).sum(), rel=1e-9)
        assert sum(one["buckets"]["n"]) == 569
        assert sum(one["buckets"]["sum"]) == pytest.approx((ours - theirs).sum(), abs=1e-9)
    assert by_loss == {}


def test_capture_is_told_in_status_and_begins_and_ends_under_load(place: Place) -> None:
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model")):
        place.apply("model", {**spec("1"), "capture": {}})
        status = place.until_status("model", lambda one: is_true(one, "Capturing"), "is captured")
        assert condition(status, "Capturing")["reason"] == "Capturing"
        assert status["router"]["inPath"]
        place.apply("model", spec("1"))
        place.until(lambda: not place.get("Deployment", "model-router"), "no router")


def test_another_tenant_reads_and_writes_nothing(place: Place, kube: Any, kubectl: Any) -> None:
    serve(place)
    (answer,) = predict(place, "model", [[[1.0] * 30]])
    place.until(lambda: table(place, "model"), "the row")
    stranger = Place(kube, kubectl, {})
    try:
        rows = f"/v1/namespaces/{place.namespace}/modeldeployments/model/rows"
        theirs = token(stranger, "rows.contender.dev/model")
        assert ask_recorder(place, rows, theirs)["status"] == 403
        for audience in ("statistics.contender.dev", "erase.contender.dev"):
            bearer = token(stranger, audience)
            assert ask_recorder(place, "/v1/endpoints", bearer)["status"] in (401, 403)
            body = json.dumps({"entity": "x"})
            refused = ask_recorder(place, "/v1/erasures", bearer, "POST", body)
            assert refused["status"] in (401, 403)
        told = {"id": answer["headers"][PREDICTION], "name": "diagnosis", "value": 0}
        bearer = token(stranger, "feedback.contender.dev/model")
        refused = ask_recorder(place, "/v1/feedback", bearer, "POST", json.dumps(told))
        assert refused["status"] == 404
        usual = token(stranger, "https://kubernetes.default.svc.cluster.local")
        assert ask_recorder(place, rows, usual)["status"] == 401
        assert ask_recorder(place, rows, "nonsense")["status"] == 401
    finally:
        stranger.leave()
    (row,) = table(place, "model")
    assert row["feedback"] == {}


def test_what_is_redacted_is_nowhere_and_a_person_can_be_erased(place: Place) -> None:
    """The example model refuses such rows; they are captured all the same."""
    rows: Json = {"request": "/instances", "response": "/predictions", "entity": "/customer"}
    serve(place, rows=rows, capture={"redact": ["/instances/*/ssn"]}, feedback=None)
    url = f"http://{place.address('model')}/predict"
    people = [
        {"customer": f"anna-{place.namespace}", "ssn": "078-05-1120", "age": 40},
        {"customer": "bert", "ssn": "1", "age": 50},
    ]
    inside(
        [
            {
                "url": url,
                "headers": {"Content-Type": "application/json"},
                "body": json.dumps({"instances": [one]}),
            }
            for one in people
        ]
    )
    place.until(lambda: len(table(place, "model")) == 2, "both rows")
    found = table(place, "model")
    text = json.dumps(found)
    assert "078-05-1120" not in text
    assert "anna" not in text
    assert sorted(one["row"]["age"] for one in found) == [40, 50]
    bearer = token(place, "erase.contender.dev", "contender-recorder", "contender-system")
    body = json.dumps({"entity": f"anna-{place.namespace}"})
    answer = ask_recorder(place, "/v1/erasures", bearer, "POST", body)
    assert (answer["status"], json.loads(answer["body"])) == (200, {"predictions": 1})
    assert [one["row"]["age"] for one in table(place, "model")] == [50]


@pytest.mark.alone
def test_callers_notice_nothing_of_a_recorder_that_is_away_and_status_tells(place: Place) -> None:
    serve(place)
    with load(place.address("model"), 40):
        place.until_status("model", lambda one: is_true(one, "Capturing"), "is captured")
        before = len(table(place, "model"))
        scale_recorder(place, 0)
        try:
            place.until_status(
                "model",
                lambda one: condition(one, "Capturing")["reason"] == "RecorderUnavailable",
                "the recorder is away",
            )
        finally:
            scale_recorder(place, 1)
        place.until_status("model", lambda one: is_true(one, "Capturing"), "is captured again")
        place.until(lambda: len(table(place, "model")) > before + 100, "new rows")
    reasons = {one["reason"] for one in place.all_events("model")}
    assert {"CaptureRecorderUnavailable", "Capturing"} <= reasons


@pytest.mark.alone
def test_a_recorder_that_is_killed_loses_no_feedback_and_counts_nothing_twice(
    place: Place, data: tuple[list[list[float]], list[int]]
) -> None:
    rows, labels = data
    serve(place)
    started(place)
    answers = predict(place, "model", batches(rows[:200], 1))
    place.until(lambda: pairs(place, uid(place)).get("rows") == 200, "all pairs", seconds=30)
    told = [
        {"id": one["headers"][PREDICTION], "name": "diagnosis", "value": label}
        for one, label in zip(answers, labels, strict=False)
    ]
    assert tell(place, "model", told[:100])["joined"] == 100
    kill_recorder(place)
    place.until(lambda: tell(place, "model", told)["status"] == 200, "feedback is taken again")
    counted = pairs(place, uid(place))
    assert (counted["rows"], counted["complete"]) == (200, 200)
    losses = [
        one["numbers"]["n"]
        for one in sums(place, uid(place))
        if (one["kind"], one["loss"]) == ("pair", "ZeroOne")
    ]
    assert losses == [200]
    assert len(table(place, "model", "?labelled=diagnosis")) == 200
