"""The retraining job beside a recorder: what it learns from captured rows, and what it reports."""

import base64
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples.rows_server import RowsServer, answering, as_lines, chunked, refusal

Result = subprocess.CompletedProcess[str]
Row = tuple[list[float], int]


@pytest.fixture(scope="module")
def held_out(examples: Path) -> list[Row]:
    lines = list(csv.reader((examples / "breast-cancer/held-out.csv").open()))[1:]
    return [([float(text) for text in line[:-1]], int(line[-1])) for line in lines]


@pytest.fixture(scope="module")
def training(held_out: list[Row]) -> list[Row]:
    datasets: Any = pytest.importorskip("sklearn.datasets", reason="training needs scikit-learn")
    data = datasets.load_breast_cancer()
    every = zip(data.data.tolist(), data.target.tolist(), strict=True)
    return [one for one in every if one not in held_out]


@pytest.fixture
def retrain(examples: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs the job with a server of rows; its message is the file `message`."""
    (tmp_path / "token").write_text("secret")

    def run(server: RowsServer, **environment: str) -> Result:
        settings = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "TERMINATION_MESSAGE_PATH": str(tmp_path / "message"),
            "CONTENDER_ROWS_URL": server.url,
            "CONTENDER_TOKEN_FILE": str(tmp_path / "token"),
        }
        command = [sys.executable, str(examples / "breast-cancer/retrain.py")]
        return subprocess.run(
            command, env=settings | environment, capture_output=True, text=True, check=False
        )

    return run


def message(folder: Path) -> Any:
    return json.loads((folder / "message").read_text())


def captured(rows: list[Row], name: str = "diagnosis") -> bytes:
    return as_lines(
        {"id": f"a/{number}", "row": row, "feedback": {name: {"value": label}}}
        for number, (row, label) in enumerate(rows)
    )


def test_captured_rows_count_once_and_held_out_ones_never(
    retrain: Callable[..., Result], training: list[Row], held_out: list[Row], tmp_path: Path
) -> None:
    portions = [
        captured(training[:40]),
        captured(training[:10]),  # asked again
        captured(held_out[:7]),
        as_lines([{"id": "b/0", "row": training[0][0], "feedback": {}}]),
        captured([(training[0][0][:29], 1)]),
    ]
    with answering(chunked(*portions)) as server:
        result = retrain(server)
    assert result.returncode == 0, result.stderr
    metrics = message(tmp_path)["metrics"]
    assert metrics["capturedRows"] == 50
    assert metrics["rows"] == len(training) + 50 == 476
    assert metrics["heldOutRows"] == 143
    assert metrics["accuracy"] > 0.9
    assert "left out 7 captured rows: held out, to measure with" in result.stdout
    assert "left out 1 captured rows: no diagnosis of 0 or 1" in result.stdout
    assert "left out 1 captured rows: not 30 finite numbers" in result.stdout
    assert b"?labelled=diagnosis " in server.seen[0]


def test_it_learns_from_what_was_captured(
    retrain: Callable[..., Result], training: list[Row], tmp_path: Path
) -> None:
    """Three times as many rows say the contrary: so does the model."""
    contrary = [(row, 1 - label) for row, label in training] * 3
    with answering(chunked(captured(contrary, "wrong"))) as server:
        result = retrain(server, FEEDBACK="wrong")
    assert result.returncode == 0, result.stderr
    assert message(tmp_path)["metrics"]["capturedRows"] == len(contrary)
    assert message(tmp_path)["metrics"]["accuracy"] < 0.1


@pytest.mark.parametrize(
    "answer", [chunked(), refusal(b"404 Not Found", "NotCaptured", "keeps no answers")]
)
def test_without_captured_rows_it_learns_from_the_training_rows(
    retrain: Callable[..., Result],
    training: list[Row],
    examples: Path,
    tmp_path: Path,
    answer: bytes,
) -> None:
    """Which is how version 1 was trained."""
    with answering(answer) as server:
        result = retrain(server)
    assert result.returncode == 0, result.stderr
    metrics = message(tmp_path)["metrics"]
    assert (metrics["rows"], metrics["capturedRows"]) == (len(training), 0)
    model = json.loads(base64.b64decode(message(tmp_path)["storageUri"].partition(",")[2]))
    committed = json.loads((examples / "breast-cancer/model-1.json").read_text())
    assert model["coef"] == pytest.approx(committed["coef"], rel=1e-4)
    if b"404" in answer:
        assert "training without captured rows: keeps no answers" in result.stdout


def test_rows_that_cannot_be_read_fail_the_run(
    retrain: Callable[..., Result], tmp_path: Path
) -> None:
    with answering(refusal(b"403 Forbidden", "Forbidden", "not yours")) as server:
        result = retrain(server)
    assert result.returncode == 1
    assert "answers 403: not yours" in (tmp_path / "message").read_text()
