"""`contender export`: whole files or none, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from contender.cli.main import main
from tests.contract.server import until
from tests.unit.cli.kubectl import Kubectl
from tests.unit.cli.rows import row
from tests.unit.cli.server import ROWS, Recorder, hang_up, refusal, stream

LINES = b"".join(json.dumps(row(number)).encode() + b"\n" for number in range(3))


def _export(recorder: Recorder, *arguments: object) -> int:
    return main(["export", "--url", recorder.rows, *map(str, arguments)])


def test_rows_go_to_standard_output(
    recorder: Recorder, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    recorder.answers = [stream(LINES[:50], LINES[50:])]
    assert _export(recorder) == 0
    found, told = capfdbinary.readouterr()
    assert found == LINES
    assert told.decode() == f"3 rows, {len(LINES) / 1000:.1f} kB of JSON: standard output\n"


def test_rows_go_to_a_file_that_appears_as_a_whole(recorder: Recorder, tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("former")
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    recorder.answers = [stream(LINES)]
    assert _export(recorder, "-o", link) == 0
    assert target.read_bytes() == LINES
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, target]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    "answer",
    [stream(LINES[:-5], breaks=True), stream(LINES, breaks=True), stream(LINES[:-5])],
    ids=["within a row", "between rows", "half a row at the end"],
)
def test_a_stream_that_breaks_leaves_nothing(
    recorder: Recorder,
    tmp_path: Path,
    answer: Any,
    suffix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / f"rows.{suffix}"
    target.write_text("former")
    recorder.answers = [answer]
    assert _export(recorder, "-o", target) == 1
    assert len(recorder.seen) == 1
    assert "broke off after" in capsys.readouterr().err
    assert target.read_text() == "former"
    assert [*tmp_path.iterdir()] == [target]


def test_it_says_how_many_rows_had_come(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [stream(LINES, breaks=True)]
    assert _export(recorder) == 1
    assert "broke off after 3 rows" in capsys.readouterr().err


def test_what_hinders_before_the_first_row_is_tried_again(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.answers = [refusal(503, Retry_After="0"), hang_up, refusal(429), stream(LINES)]
    assert _export(recorder, "-o", tmp_path / "rows.jsonl") == 0
    assert len(recorder.seen) == 4
    assert (tmp_path / "rows.jsonl").read_bytes() == LINES


def test_no_rows_are_an_empty_file(recorder: Recorder, tmp_path: Path) -> None:
    recorder.usual = stream()
    assert _export(recorder, "-o", tmp_path / "rows.jsonl") == 0
    assert (tmp_path / "rows.jsonl").read_bytes() == b""
    assert _export(recorder, "-o", tmp_path / "rows.parquet") == 0
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_told(
    recorder: Recorder, tmp_path: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [refusal(status, "for a reason")]
    assert _export(recorder, "-o", tmp_path / "rows.jsonl") == 1
    assert f"answers {status}: for a reason" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_an_answer_that_holds_no_rows_is_refused(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [refusal(200)]
    assert _export(recorder) == 1
    assert "answers application/json, not rows" in capsys.readouterr().err


def test_it_asks_for_what_was_chosen(recorder: Recorder, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    recorder.usual = stream()
    chosen = ["--version", "1,2", "--version", "3", "--labelled", "churned"]
    bounds = ["--since", "24h", "--until", "2126-01-31T13:00:00+01:00"]
    assert _export(recorder, *chosen, *bounds, "--token-file", token) == 0
    seen = recorder.seen[0]
    since = datetime.fromisoformat(seen.query.pop("since"))
    assert abs(since - (datetime.now(UTC) - timedelta(hours=24))) < timedelta(minutes=1)
    assert seen.query == {
        "until": "2126-01-31T12:00:00Z",
        "version": "1,2,3",
        "labelled": "churned",
    }
    assert seen.headers["Authorization"] == "Bearer secret"


def test_the_environment_says_where_rows_and_token_are(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("secret")
    monkeypatch.setenv("CONTENDER_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("CONTENDER_ROWS_URL", recorder.rows)
    recorder.usual = stream()
    assert main(["export"]) == 0
    assert recorder.seen[0].path == ROWS
    assert recorder.seen[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "name either a ModelDeployment, or its rows by --url"),
        (["churn", "--url", "http://x"], "name either"),
        (["churn", "-o", "rows.txt"], "--format"),
        (["churn", "--format", "parquet"], "name a file by -o"),
        (["churn", "--since", "1h", "--until", "2h"], "--since is not before --until"),
        (["churn", "--since", "yesterday"], "no moment"),
        (["churn", "--since", "2026-01-31"], "no time zone"),
        (["churn", "--patience", "-1"], "no number of seconds"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(["export", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert what in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.usual = stream(LINES)
    assert _export(recorder, "-o", tmp_path / "none" / "rows.jsonl") == 1
    assert "cannot be written: No such file" in capsys.readouterr().err
    assert _export(recorder, "--format", "jsonl", "-o", tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_device_is_not_replaced(recorder: Recorder) -> None:
    recorder.usual = stream(LINES)
    assert _export(recorder, "--format", "jsonl", "-o", "/dev/null") == 0
    assert Path("/dev/null").is_char_device()


def test_without_pyarrow_it_says_how_to_get_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert _export(recorder, "-o", "rows.parquet") == 1
    assert "pip install 'contender[parquet]'" in capsys.readouterr().err
    assert recorder.seen == []


def test_a_reader_that_goes_away_is_told(recorder: Recorder) -> None:
    recorder.usual = stream(*[LINES * 1000] * 20)
    command = [sys.executable, "-m", "contender", "export", "--url", recorder.rows]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.wait(30) == 1
    told = process.stderr.read()
    process.stderr.close()
    assert told.splitlines() == ["contender export: nobody reads standard output any more"]


def test_without_a_url_it_goes_through_kubectl(
    recorder: Recorder, kubectl: Kubectl, tmp_path: Path
) -> None:
    recorder.usual = stream(LINES)
    target = tmp_path / "rows.jsonl"
    place = ["-n", "shop", "--context", "prod", "--system-namespace", "ml"]
    assert main(["export", "churn", *place, "-o", str(target)]) == 0
    assert target.read_bytes() == LINES
    assert kubectl.calls == [
        [
            "--context=prod",
            "create",
            "token",
            "default",
            "--namespace=shop",
            "--audience=rows.contender.dev/churn",
            "--duration=1h",
        ],
        [
            "--context=prod",
            "port-forward",
            "--namespace=ml",
            "--address=127.0.0.1",
            "--pod-running-timeout=15s",
            "service/contender-recorder",
            ":8080",
        ],
    ]
    seen = recorder.seen[0]
    assert seen.path == ROWS
    assert seen.headers["Authorization"] == "Bearer token-of-kubectl"
    assert not any(_lives(one) for one in kubectl.processes)


def test_kubectl_knows_the_namespace(recorder: Recorder, kubectl: Kubectl) -> None:
    recorder.usual = stream()
    assert main(["export", "churn"]) == 0
    assert recorder.seen[0].path == ROWS
    assert kubectl.calls[0][:2] == ["config", "view"]


@pytest.mark.parametrize("word", ["create", "port-forward"])
def test_what_kubectl_complains_of_is_told(
    recorder: Recorder,
    kubectl: Kubectl,
    word: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAKE_KUBECTL_FAILS", word)
    assert main(["export", "churn", "-n", "shop"]) == 1
    assert "Error from server (Forbidden): you may not" in capsys.readouterr().err
    assert recorder.seen == []
    assert not any(_lives(one) for one in kubectl.processes)


def test_a_kubectl_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECTL", "/nowhere/kubectl")
    assert main(["export", "churn", "-n", "shop"]) == 1
    assert "/nowhere/kubectl cannot be run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_whoever_stops_it_leaves_neither_file_nor_child(
    recorder: Recorder, kubectl: Kubectl, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    recorder.usual = stream(LINES, hangs=True)
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "contender", "export", "churn", "-n", "shop"]
    process = subprocess.Popen([*command, "-o", str(folder / "rows.jsonl")])
    try:
        until(lambda: recorder.seen, "it has asked")
        time.sleep(0.2)
        assert [*folder.iterdir()]
        process.send_signal(number)
        assert process.wait(20) == code
    finally:
        process.kill()
        process.wait()
    assert [*folder.iterdir()] == []
    assert not any(_lives(one) for one in kubectl.processes)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
