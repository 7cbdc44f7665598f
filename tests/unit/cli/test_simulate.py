"""`contender simulate`: from options, from a file, and with what the recorder has counted."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from contender.cli.main import main
from tests.unit.cli.kubectl import Kubectl
from tests.unit.cli.server import Recorder, refusal
from tests.unit.report.trial import TARGET, spec

HOURS = "/v1/namespaces/shop/modeldeployments/churn/hours"
MODELS = "modeldeployments.contender.dev"


def experiment(**more: Any) -> dict[str, Any]:
    metadata = {"name": "churn-v2", "namespace": "shop"}
    return {"kind": "Experiment", "metadata": metadata, "spec": spec("v2", **more)}


def target(**more: Any) -> dict[str, Any]:
    metadata = {"name": "churn", "namespace": "shop"}
    return {"kind": "ModelDeployment", "metadata": metadata, "spec": {**TARGET, **more}}


def written(tmp_path: Path, *manifests: dict[str, Any]) -> str:
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    return str(file)


async def hours(request: web.Request) -> web.StreamResponse:
    """Tell of two hours with 7200 requests of two rows."""
    del request
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    base = {"version": "1", "arm": "incumbent", "part": ""}
    told: list[dict[str, Any]] = []
    for ago in (1, 2):
        hour = {**base, "hour": (at - timedelta(hours=ago)).isoformat()}
        told += [
            {**hour, "metric": "answers", "counts": {"ANSWERED": 7200}},
            {**hour, "metric": "rows", "counts": [14400.0]},
            {
                **hour,
                "metric": "loss",
                "part": "churned/ZeroOne/j",
                "counts": {"n": 500.0, "sum": 40.0, "squares": 40.0},
            },
        ]
    coverage = [{**base, "feedback": "churned", "rows": 100, "labelled": 50}]
    return web.json_response({"edges": {}, "hours": told, "coverage": coverage})


def test_options_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--share", "0.08", "--discordant", "0.03", "--effect", "0.01", "--rate", "2"]
    assert main(["simulate", *options, "--delay", "168h"]) == 0
    told = capsys.readouterr().out
    assert "the incumbent errs in 8 % of the rows, arms disagree on 3 % of them" in told
    lines = [one.split() for one in told.splitlines() if one.strip().startswith("1 point ")]
    assert lines[0][:2] == ["1", "point"]
    assert "analysis: {horizon: {rows: 2" in told
    assert "until: {verdict: true, atMost: 216h}" in told


def test_machines_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--share", "0.1", "--split", "20", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["objectives"]
    assert found["asked"]["split"] == 0.2
    assert len(found["effects"]) == 5
    assert found["suggestion"]["hours"] is None


def test_a_file_says_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, experiment(), target())
    assert main(["simulate", "-f", file, "--offline", "--share", "0.1"]) == 0
    told, complaints = capsys.readouterr()
    assert complaints == ""
    assert told.startswith("objective accuracy: ZeroOne loss, better, in pairs")
    assert "after 7 d" in told


def test_standard_input_may_be_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = {"kind": "List", "items": [experiment(), target()]}
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(listed)))
    assert main(["simulate", "-f", "-", "--offline", "--share", "0.1"]) == 0
    assert "after 7 d" in capsys.readouterr().out


def test_the_recorder_tells_what_nobody_says(
    tmp_path: Path, kubectl: Kubectl, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.usual = hours
    kubectl.has(MODELS, "churn", target())
    assert main(["simulate", "-f", written(tmp_path, experiment())]) == 0
    told = capsys.readouterr().out
    assert "the incumbent errs in 8 % of the rows, 2 requests/s, 2 rows a request" in told
    assert "a truth for 50 % of them" in told
    assert recorder.seen[0].path == HOURS
    since = datetime.fromisoformat(recorder.seen[0].query["since"])
    assert timedelta(days=6) < datetime.now(UTC) - since < timedelta(days=8)
    token = next(one for one in kubectl.calls if "token" in one)
    assert "--audience=rows.contender.dev/churn" in token


def test_an_experiment_of_the_cluster_is_read_by_its_name(
    kubectl: Kubectl, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.usual = hours
    kubectl.has("experiments.contender.dev", "churn-v2", experiment())
    kubectl.has(MODELS, "churn", target())
    assert main(["simulate", "churn-v2", "--effect", "0.02"]) == 0
    assert "to find a candidate that is better by 2 points" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("failing", "why"),
    [
        ("create token", "what the recorder has counted is not known: kubectl create token"),
        ("port-forward", "what the recorder has counted is not known: kubectl cannot forward"),
        ("get", "ModelDeployment churn is not known: kubectl get"),
    ],
)
def test_without_the_cluster_options_do(
    tmp_path: Path,
    kubectl: Kubectl,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kubectl.has(MODELS, "churn", target())
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", failing)
    file = written(tmp_path, experiment())
    assert main(["simulate", "-f", file, "--share", "0.1"]) == 0
    told, complaints = capsys.readouterr()
    assert why in complaints
    assert "Suggested" in told


def test_a_recorder_that_knows_nothing_of_hours_is_told(
    tmp_path: Path, kubectl: Kubectl, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.usual = refusal(200)
    kubectl.has(MODELS, "churn", target())
    file = written(tmp_path, experiment())
    assert main(["simulate", "-f", file, "--share", "0.1"]) == 0
    assert "otherwise than a recorder" in capsys.readouterr().err


def test_what_was_not_captured_is_not_asked_for(
    tmp_path: Path, kubectl: Kubectl, recorder: Recorder
) -> None:
    known = target()
    del known["spec"]["capture"], known["spec"]["rows"]
    kubectl.has(MODELS, "churn", known)
    assert main(["simulate", "-f", written(tmp_path, experiment()), "--share", "0.1"]) == 0
    assert recorder.seen == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "say how much rows vary: --share"),
        (["--share", "2"], "'2' is no share: that is a number from 0 to 1"),
        (["--share", "nan"], "is no share"),
        (["--candidates", "0"], "is no number of candidates"),
        (["--delay", "soon"], "is no time: write it like 168h"),
        (["--loss", "Value", "--share", "0.1"], "say --split"),
        (["churn-v2", "-f", "x.yaml"], "name either an Experiment in the cluster, or a file"),
        (["--offline"], "--offline belongs to -f"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(["simulate", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("a: [", 1, "is no YAML"),
        ("kind: Service", 2, "holds 0 Experiments"),
        ("kind: Experiment", 1, "this is no Experiment"),
        ("{kind: Experiment, spec: {target: churn}}", 1, "candidates: Field required"),
    ],
)
def test_a_file_that_is_none_is_told(
    tmp_path: Path, text: str, code: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text)
    assert main(["simulate", "-f", str(file), "--offline"]) == code
    assert what in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "-f", "/none.yaml", "--offline"]) == 1
    assert "/none.yaml cannot be read: No such file" in capsys.readouterr().err
