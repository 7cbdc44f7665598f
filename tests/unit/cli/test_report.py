"""`contender report`: what cannot be read is told, and the rest is told all the same."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from contender.cli.main import main
from contender.cli.report_cluster import differ
from tests.unit.cli.kubectl import Kubectl
from tests.unit.cli.rows import row
from tests.unit.cli.server import ROWS, Recorder, refusal, stream
from tests.unit.report import situations
from tests.unit.report.situations import Situation, played
from tests.unit.report.trial import UID

EXPERIMENTS, MODELS = "experiments.contender.dev", "modeldeployments.contender.dev"


def served(recorder: Recorder, looks: list[Any], *rows: Any, portion: int = 7) -> None:
    """Have the recorder know looks and rows."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == ROWS:
            lines = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
            return await stream(lines[:100], lines[100:])(request)
        asked = await request.json()
        ((run, after),) = asked["experiments"].items()
        found = [one for one in looks if one["experiment"] == run and one["number"] > after]
        return web.json_response({"looks": found[:portion], "more": len(found) > portion})

    recorder.usual = answer


@pytest.fixture
def play(kubectl: Kubectl, recorder: Recorder) -> Callable[..., None]:
    """Put a situation into the cluster."""

    def put(situation: Situation, *rows: Any) -> None:
        trial = played(situation)
        kubectl.has(EXPERIMENTS, "churn-v2", trial.manifest)
        kubectl.has(MODELS, "churn", trial.target_manifest)
        served(recorder, trial.looks, *rows)

    return put


Play = Callable[..., None]


def test_it_tells_what_is_known(
    play: Play, kubectl: Kubectl, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    assert main(["report", "churn-v2", "--system-namespace", "ml", "--context", "prod"]) == 0
    told, complaints = capsys.readouterr()
    assert complaints == ""
    assert told.startswith(
        "Experiment shop/churn-v2 of ModelDeployment churn\nPromoted: v2 (version 2) serves\n"
    )
    assert "Evidence (ln E) over time" in told
    assert "Not read" not in told
    assert kubectl.calls[1][:4] == ["--context=prod", "get", EXPERIMENTS, "churn-v2"]
    token = next(one for one in kubectl.calls if "token" in one)
    assert token[3] == "contender-recorder"
    assert "--audience=statistics.contender.dev" in token
    assert "--namespace=ml" in token
    first, second, *_ = recorder.seen
    assert (first.path, first.items) == ("/v1/looks", [{"experiments": {UID: 0}}])
    assert second.items == [{"experiments": {UID: 7}}]
    assert first.headers["Authorization"] == "Bearer token-of-kubectl"


def test_of_one_that_ran_again_it_asks_for_the_last_run(play: Play, recorder: Recorder) -> None:
    play(situations.it_was_aborted_when_it_ran_again)
    assert main(["report", "churn-v2", "-n", "shop"]) == 0
    assert recorder.seen[0].items == [{"experiments": {f"{UID}.2": 0}}]


@pytest.mark.parametrize(
    ("failing", "lacking", "hint"),
    [
        (
            "create token contender-recorder",
            "evidence over time: kubectl create token contender-recorder",
            "the right to create tokens of service account contender-system/contender-recorder",
        ),
        (
            "port-forward",
            "the recorder: kubectl cannot forward a port",
            "the right to forward ports in contender-system",
        ),
        (f"get {MODELS}", "ModelDeployment churn: kubectl get", "how truths are read"),
    ],
)
def test_what_may_not_be_read_is_told_beside_the_rest(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    lacking: str,
    hint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    play(situations.a_better_one_is_promoted)
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", failing)
    assert main(["report", "churn-v2"]) == 0
    told = capsys.readouterr().out
    assert "Objective accuracy: v2 Reached" in told
    assert "over time, by" not in told
    missing = told[told.index("Not read") :]
    assert lacking in missing
    assert "Forbidden" in missing
    assert hint in missing


def test_without_a_recorder_nobody_is_told_of_rights(
    play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", "port-forward")
    monkeypatch.setenv("FAKE_KUBECTL_SAYS", "error: timed out waiting for the condition")
    assert main(["report", "churn-v2"]) == 0
    missing = capsys.readouterr().out.partition("Not read\n")[2]
    assert "timed out" in missing
    assert "the right" not in missing
    assert "is the recorder running? kubectl -n contender-system get pods" in missing


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (refusal(404), "answers 404"),
        (refusal(403), "answers 403"),
        (refusal(200), "answers otherwise than a recorder"),
    ],
)
def test_a_recorder_that_tells_no_looks_is_told(
    play: Play,
    recorder: Recorder,
    answer: Any,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    play(situations.a_better_one_is_promoted)
    recorder.usual = answer
    assert main(["report", "churn-v2"]) == 0
    assert why in capsys.readouterr().out


def test_a_recorder_that_is_busy_is_asked_again(
    play: Play, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    recorder.answers = [refusal(503, Retry_After="0")]
    assert main(["report", "churn-v2"]) == 0
    assert "Not read" not in capsys.readouterr().out
    recorder.usual = refusal(503)
    assert main(["report", "churn-v2", "--patience", "0"]) == 0
    assert "gave up after 0 s" in capsys.readouterr().out


def test_looks_that_are_not_all_there_are_not_weighed(
    play: Play, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    served(recorder, played(situations.a_better_one_is_promoted).looks[:20])
    assert main(["report", "churn-v2"]) == 0
    assert "has only 20 of the " in capsys.readouterr().out


def test_looks_that_are_none_are_an_error(
    play: Play, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.it_goes_on)
    looks = [{**one, "means": 5} for one in played(situations.it_goes_on).looks]
    served(recorder, looks)
    assert main(["report", "churn-v2"]) == 1
    assert "a look is not as a recorder tells it" in capsys.readouterr().err


def test_without_objectives_the_recorder_is_not_asked(
    play: Play, kubectl: Kubectl, recorder: Recorder
) -> None:
    play(situations.a_person_promotes_without_objectives)
    assert main(["report", "churn-v2"]) == 0
    assert recorder.seen == []
    assert not [one for one in kubectl.calls if "port-forward" in one]


def test_an_experiment_that_is_not_there_is_an_error(
    kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "other"]) == 1
    told = capsys.readouterr().err
    assert 'NotFound): experiments.contender.dev "other" not found' in told
    kubectl.has(EXPERIMENTS, "odd", {"metadata": {"namespace": "shop"}})
    assert main(["report", "odd"]) == 1
    assert "this is no Experiment" in capsys.readouterr().err


def disagreement(number: int, **more: Any) -> dict[str, Any]:
    copies = {"v2": {"version": "2", "outcome": "ANSWERED", "output": 0, "score": None}}
    return row(number, experiment=UID, copies=copies, **more)


def test_the_page_has_rows_to_which_arms_gave_different_answers(
    play: Play, kubectl: Kubectl, recorder: Recorder, tmp_path: Path
) -> None:
    alike = disagreement(77, output=0)
    others = disagreement(88, id="of-another")
    rows = [alike, {**others, "experiment": "another"}, *map(disagreement, range(9))]
    play(situations.a_better_one_is_promoted, *rows)
    target = tmp_path / "page.html"
    assert main(["report", "churn-v2", "--html", str(target), "--rows", "3"]) == 0
    told = target.read_text()
    assert told.startswith("<!doctype html>")
    assert told.count("0f8fad5b-d9cb-469f-a165-70867728950e/") == 3
    assert "of-another" not in told
    shown = re.sub(r"<td>[0-9: -]*</td>", "<td></td>", told, count=3)
    assert "<td>1 \N{BALLOT X}</td><td>0 \N{CHECK MARK}</td><td>true</td>" in shown
    asked = next(one for one in recorder.seen if one.path == ROWS)
    assert asked.query["since"] == "2026-01-31T12:00:00Z"
    assert asked.query["until"] > asked.query["since"]
    assert any("--audience=rows.contender.dev/churn" in one for one in kubectl.calls)


def test_the_page_may_be_without_rows(play: Play, recorder: Recorder, tmp_path: Path) -> None:
    play(situations.a_better_one_is_promoted, disagreement(1))
    target = tmp_path / "page.html"
    assert main(["report", "churn-v2", "--html", str(target), "--rows", "0"]) == 0
    assert "prediction id" not in target.read_text()
    assert ROWS not in {one.path for one in recorder.seen}


def test_rows_that_may_not_be_read_leave_the_rest_of_the_page(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    play(situations.a_better_one_is_promoted)
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", "create token default")
    target = tmp_path / "page.html"
    assert main(["report", "churn-v2", "--html", str(target)]) == 0
    assert "not read: rows with different answers: kubectl" in capsys.readouterr().err
    assert "Evidence for accuracy of v2" in target.read_text()


def test_a_verdict_is_sealed_and_verified(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    target = tmp_path / "verdict.json"
    page = tmp_path / "page.html"
    assert main(["report", "churn-v2", "--seal", str(target), "--html", str(page)]) == 0
    told, notes = capsys.readouterr()
    assert told == json.loads(target.read_text())["digest"] + "\n"
    assert f"sealed: {target}" in notes
    assert page.exists()
    assert main(["verify", str(target)]) == 0


def test_without_all_looks_nothing_is_sealed(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    play(situations.a_better_one_is_promoted)
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", "create token")
    target = tmp_path / "verdict.json"
    assert main(["report", "churn-v2", "--seal", str(target)]) == 1
    assert "follows from looks that could not be read" in capsys.readouterr().err
    assert not target.exists()


def test_a_status_that_does_not_follow_is_not_sealed(
    play: Play, kubectl: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.a_better_one_is_promoted)
    manifest = json.loads(json.dumps(played(situations.a_better_one_is_promoted).manifest))
    manifest["status"]["comparisons"][0]["evidence"] += 1
    kubectl.has(EXPERIMENTS, "churn-v2", manifest)
    target = tmp_path / "verdict.json"
    assert main(["report", "churn-v2", "--seal", str(target)]) == 1
    told = capsys.readouterr().err
    assert "status does not follow from the looks" in told
    assert "DIFFERS  comparison accuracy of v2: evidence" in told
    assert not target.exists()


def test_before_a_verdict_nothing_is_sealed(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(situations.it_goes_on)
    assert main(["report", "churn-v2", "--seal", str(tmp_path / "verdict.json")]) == 1
    assert "there is no verdict to seal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--rows", "-1"], "no number from 0 to 1000"),
        (["--rows", "many"], "no number"),
        (["--html", "a", "--seal", "a"], "name the same file"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(["report", "churn-v2", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (disagreement(1), True),
        (disagreement(1, output=0), False),
        (disagreement(1, outcome="ERROR", output=None), False),
        (row(1), False),
        ({}, False),
    ],
)
def test_answers_differ_when_both_are_answers(found: dict[str, Any], expected: bool) -> None:
    assert differ(found) is expected
