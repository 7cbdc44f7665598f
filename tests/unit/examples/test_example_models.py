"""The committed models, how they are trained, and that every server agrees on them."""

import csv
import importlib.util
import json
import math
import operator
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Other values than on the machine that trained the committed files may come from the number
    # of threads too, so it is fixed.
    settings = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, script, *arguments],
        env=settings | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def rows_of(examples: Path) -> list[list[float]]:
    """All 569 rows where scikit-learn is there, else the committed held-out ones."""
    if importlib.util.find_spec("sklearn") is None:
        lines = list(csv.reader((examples / "breast-cancer/held-out.csv").open()))[1:]
        return [[float(text) for text in line[:-1]] for line in lines]
    rows: list[list[float]] = (
        importlib.import_module("sklearn.datasets").load_breast_cancer().data.tolist()
    )
    return rows


def predictions(server: Any, rows: list[list[float]]) -> list[Any]:
    connection = server.connect()
    connection.request("POST", "/predict", json.dumps({"instances": rows}))
    answers: list[Any] = json.loads(connection.getresponse().read())["predictions"]
    return answers


@pytest.mark.parametrize("version", ["1", "2"])
def test_every_server_computes_the_model_of_the_file(
    start_server: Any, examples: Path, version: str
) -> None:
    """So Python and Go answer alike: both are held to the same definition."""
    path = examples / f"breast-cancer/model-{version}.json"
    model = json.loads(path.read_text())
    rows = rows_of(examples)
    scores = [model["intercept"] + math.fsum(map(operator.mul, model["coef"], row)) for row in rows]

    answers = predictions(start_server(MODEL_FILE=str(path)), rows)

    assert [each["p"] for each in answers] == pytest.approx(
        [1 / (1 + math.exp(-score)) for score in scores], abs=1e-12
    )
    assert [each["label"] for each in answers] == [int(score >= 0) for score in scores]


@pytest.mark.parametrize("version", ["1", "2"])
def test_training_reproduces_the_committed_model(
    examples: Path, tmp_path: Path, version: str
) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    folder = examples / "breast-cancer"
    out, held_out = tmp_path / "model.json", tmp_path / "held-out.csv"
    arguments = ["--version", version, "--out", str(out), "--held-out", str(held_out)]

    result = run(folder / "train.py", *arguments)

    assert result.returncode == 0, result.stderr
    trained = json.loads(out.read_text())
    committed = json.loads((folder / f"model-{version}.json").read_text())
    for key in ("coef", "intercept"):
        assert trained[key] == pytest.approx(committed[key], rel=1e-4), key
    assert (trained["features"], trained["version"]) == (committed["features"], version)
    assert held_out.read_text() == (folder / "held-out.csv").read_text()


def test_version_2_is_better_than_version_1(start_server: Any, examples: Path) -> None:
    folder = examples / "breast-cancer"
    lines = list(csv.reader((folder / "held-out.csv").open()))[1:]
    rows = [[float(text) for text in line[:-1]] for line in lines]
    right = {}
    for version in ("1", "2"):
        answers = predictions(start_server(MODEL_FILE=str(folder / f"model-{version}.json")), rows)
        pairs = zip(answers, lines, strict=True)
        right[version] = sum(each["label"] == int(line[-1]) for each, line in pairs)
    # The figures in the README: 134 and 141 of 143.
    assert right == {"1": 134, "2": 141}


@pytest.mark.parametrize("recipe", ["1", "2"])
def test_retraining_reports_a_model_that_the_server_takes(
    start_server: Any, examples: Path, tmp_path: Path, recipe: str
) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    message = tmp_path / "message"

    result = run(
        examples / "breast-cancer/retrain.py",
        TERMINATION_MESSAGE_PATH=str(message),
        SEED="7",
        RECIPE=recipe,
    )

    assert result.returncode == 0, result.stderr
    assert message.stat().st_size <= 4096
    reported = json.loads(message.read_text())
    assert set(reported) == {"version", "storageUri", "metrics"}
    assert reported["version"].startswith(f"{recipe}-20")
    assert len(reported["storageUri"]) < 2000
    assert reported["metrics"]["accuracy"] > 0.9
    assert all(isinstance(value, int | float) for value in reported["metrics"].values())

    server = start_server(MODEL_URI=reported["storageUri"], MODEL_VERSION=reported["version"])
    lines = list(csv.reader((examples / "breast-cancer/held-out.csv").open()))[1:]
    answers = predictions(server, [[float(text) for text in line[:-1]] for line in lines])
    right = sum(each["label"] == int(line[-1]) for each, line in zip(answers, lines, strict=True))
    assert right / len(lines) == pytest.approx(reported["metrics"]["accuracy"], abs=1e-6)


def test_another_seed_is_another_model(examples: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    reported: list[str] = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        path = tmp_path / name
        run(
            examples / "breast-cancer/retrain.py",
            TERMINATION_MESSAGE_PATH=str(path),
            SEED=seed,
        )
        reported.append(json.loads(path.read_text())["storageUri"])
    assert reported[0] == reported[1] != reported[2]


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        ({"RECIPE": "3"}, 2, "RECIPE is '3'"),
        ({"SEED": "soon"}, 2, "SEED is 'soon'"),
        ({"CONTENDER_ROWS_URL": "shop/rows"}, 2, "CONTENDER_ROWS_URL is 'shop/rows'"),
        ({"CONTENDER_ROWS_URL": "http://x/rows"}, 2, "CONTENDER_TOKEN_FILE is not set"),
        (
            {"CONTENDER_ROWS_URL": "http://x", "CONTENDER_TOKEN_FILE": "/x", "FEEDBACK": "a,b"},
            2,
            "FEEDBACK is 'a,b'",
        ),
        (
            {"CONTENDER_ROWS_URL": "http://x", "CONTENDER_TOKEN_FILE": "/does/not/exist"},
            1,
            "/does/not/exist",
        ),
    ],
)
def test_retraining_with_a_wrong_setting_fails_and_says_so(
    examples: Path, tmp_path: Path, environment: dict[str, str], code: int, says: str
) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    message = tmp_path / "message"
    result = run(
        examples / "breast-cancer/retrain.py", TERMINATION_MESSAGE_PATH=str(message), **environment
    )
    assert result.returncode == code
    assert says in message.read_text()


def test_retraining_that_cannot_report_has_failed(examples: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    result = run(
        examples / "breast-cancer/retrain.py", TERMINATION_MESSAGE_PATH=str(tmp_path), SEED="1"
    )
    assert result.returncode == 1
