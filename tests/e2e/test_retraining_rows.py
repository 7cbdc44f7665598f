"""Retraining with what was captured: the example's job, and whose rows a job can read."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kube import Json
from tests.e2e.models import IMAGE, RETRAIN_IMAGE, python_job, spec
from tests.e2e.place import Place
from tests.e2e.truth import CAPTURED, PREDICTION, ask_recorder, predict, table, tell, token

HELD_OUT = Path(__file__).parents[2] / "examples" / "breast-cancer" / "held-out.csv"
DIAGNOSIS: Json = {**CAPTURED, "feedback": [{"name": "diagnosis", "kind": "Label"}]}
SIZE = 20
"""Rows of a request."""

Example = tuple[list[float], int]

SPY = f"""
import json, os, urllib.error, urllib.request

def status(url):
    with open(os.environ["CONTENDER_TOKEN_FILE"]) as file:
        headers = {{"Authorization": "Bearer " + file.read().strip()}}
    try:
        asked = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

own = os.environ["CONTENDER_ROWS_URL"]
others = own.replace("/modeldeployments/spy/", "/modeldeployments/model/")
assert others != own
metrics = {{"own": status(own), "others": status(others)}}
with open("/dev/termination-log", "w") as file:
    json.dump({{"version": "7", "image": "{IMAGE}:2", "metrics": metrics}}, file)
"""
"""Asks for its own rows and for those of another model."""


@pytest.fixture(scope="module")
def examples() -> tuple[list[Example], list[Example]]:
    """What the example trains on, and what it is measured by."""
    data: Any = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    lines = list(csv.reader(HELD_OUT.open()))[1:]
    held_out = [([float(text) for text in line[:-1]], int(line[-1])) for line in lines]
    every = zip(data.data.tolist(), data.target.tolist(), strict=True)
    return [one for one in every if one not in held_out], held_out


def test_the_job_learns_from_captured_rows_with_their_truth(
    place: Place, examples: tuple[list[Example], list[Example]]
) -> None:
    training, held_out = examples
    _serve(place, "model", {"image": RETRAIN_IMAGE})
    # Two portions with their truth, one without, and one of rows that no model may learn from.
    known, unknown, measured = training[: 2 * SIZE], training[-SIZE:], held_out[:SIZE]
    sent = [*known, *unknown, *measured]
    portions = [sent[start : start + SIZE] for start in range(0, len(sent), SIZE)]
    answers = predict(place, "model", [[row for row, _ in portion] for portion in portions])
    place.until(lambda: len(table(place, "model")) == len(sent), "all rows")
    truths = [
        {"id": f"{answer['headers'][PREDICTION]}/{number}", "name": "diagnosis", "value": label}
        for answer, portion in zip(answers, portions, strict=True)
        for number, (_, label) in enumerate(portion)
        if portion[number] not in unknown
    ]
    assert tell(place, "model", truths)["joined"] == len(known) + len(measured)

    trained = _run(place, "model")

    assert trained["version"].startswith("1-")
    metrics = trained["metrics"]
    assert metrics["capturedRows"] == len(known)
    assert metrics["rows"] == len(training) + len(known)
    assert metrics["heldOutRows"] == len(held_out)
    assert metrics["accuracy"] > 0.9


def test_a_job_reads_the_rows_of_its_own_model_only(place: Place) -> None:
    _serve(place, "model", {"image": RETRAIN_IMAGE})
    _serve(place, "spy", python_job(SPY))
    path = f"/v1/namespaces/{place.namespace}/modeldeployments/spy/rows"
    bearer = token(place, "rows.contender.dev/spy")
    place.until(lambda: ask_recorder(place, path, bearer)["status"] == 200, "rows of its own")
    assert _run(place, "spy")["metrics"] == {"own": 200, "others": 403}


def _serve(place: Place, name: str, job: Json) -> None:
    place.apply(name, {**spec("1"), **DIAGNOSIS, "retraining": {"job": job}})
    place.until_serving(name, "1")


def _run(place: Place, name: str) -> Json:
    """Command the first run; return its result."""
    place.annotate(name, retrain="now")

    def is_over(status: Json) -> bool:
        outcome = status.get("retraining", {}).get("lastRun", {}).get("outcome", "Running")
        return bool(outcome != "Running")

    status = place.until_status(name, is_over, "the run is over")
    assert status["retraining"]["lastRun"]["outcome"] == "Succeeded", status["retraining"]
    result: Json = status["retraining"]["lastResult"]
    return result
