"""`contender feedback` against a recorder that takes, refuses, or is away for a while."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contender.cli.main import main
from tests.unit.cli.server import Recorder, hang_up, joined, refusal, told

HEADING = "id,name,value\n"


def _csv(folder: Path, rows: int, name: str = "truth.csv") -> Path:
    file = folder / name
    file.write_text(HEADING + "".join(f"id-{one},churned,{one}\n" for one in range(rows)))
    return file


def _send(recorder: Recorder, *arguments: object) -> int:
    return main(["feedback", "--url", recorder.feedback, *map(str, arguments)])


def test_all_items_are_sent_in_portions_and_the_sums_are_told(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _send(recorder, _csv(tmp_path, 2500)) == 0
    assert [len(one.items) for one in recorder.seen] == [1000, 1000, 500]
    assert recorder.sent == [
        {"id": f"id-{one}", "name": "churned", "value": one} for one in range(2500)
    ]
    first = recorder.seen[0]
    assert (first.method, first.path) == ("POST", "/v1/feedback")
    assert first.headers["Content-Type"] == "application/x-ndjson"
    assert "Authorization" not in first.headers
    told, complaints = capsys.readouterr()
    assert told == "joined 2,500, waiting 0, refused 0\n"
    assert complaints == ""


def test_a_portion_is_bounded_in_bytes_too(recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    item = {"id": "x", "name": "churned", "value": "v" * 60_000}
    file.write_text(f"{json.dumps(item)}\n" * 40)
    assert _send(recorder, file) == 0
    assert len(recorder.sent) == 40
    assert all(len(one.body) <= 2**20 for one in recorder.seen)


@pytest.mark.parametrize(
    "hindrance",
    [
        refusal(503, Retry_After="0"),
        refusal(429),
        refusal(502),
        hang_up,
        told(429, 429, 429, 429),
    ],
    ids=["503", "429", "502", "hung up", "crowded"],
)
def test_what_may_pass_is_tried_again(
    recorder: Recorder, tmp_path: Path, hindrance: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [hindrance, hindrance, joined]
    assert _send(recorder, _csv(tmp_path, 3)) == 0
    assert [len(one.items) for one in recorder.seen] == [3, 3, 3]
    told_, complaints = capsys.readouterr()
    assert told_ == "joined 3, waiting 0, refused 0\n"
    assert "trying again" in complaints


def test_the_recorder_says_when_to_come_again(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [refusal(503, "the store is away", Retry_After="60")]
    assert _send(recorder, _csv(tmp_path, 3), "--patience", "20") == 1
    assert len(recorder.seen) == 1
    told_, complaints = capsys.readouterr()
    assert told_ == "joined 0, waiting 0, refused 0\n"
    assert "answers 503: the store is away; gave up after 20 s (--patience)" in complaints


def test_nobody_there_is_an_error_once_patience_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://127.0.0.1:9/-/feedback"
    assert main(["feedback", "--url", url, "--patience", "0.05", str(_csv(tmp_path, 1))]) == 1
    assert "contender feedback: http://127.0.0.1:9/-/feedback does not answer" in (
        capsys.readouterr().err
    )


def test_refused_items_are_told_with_file_and_line(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [told(207, 200, 404, 202), told(400, 422)]
    one, two = _csv(tmp_path, 3), _csv(tmp_path, 1, "two.csv")
    refused = tmp_path / "refused.jsonl"
    assert _send(recorder, one, two, "--refused", refused) == 1
    told_, complaints = capsys.readouterr()
    assert told_ == "joined 1, waiting 1, refused 2\n"
    assert complaints.splitlines() == [f"{one}:3: verdict 404", f"{two}:2: verdict 422"]
    assert [json.loads(line) for line in refused.read_text().splitlines()] == [
        {
            "file": str(one),
            "line": 3,
            "reason": "verdict 404",
            "item": {"id": "id-1", "name": "churned", "value": 1},
        },
        {
            "file": str(two),
            "line": 2,
            "reason": "verdict 422",
            "item": {"id": "id-0", "name": "churned", "value": 0},
        },
    ]


def test_only_the_first_refused_items_are_shown(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [told(404, *[404] * 25)]
    assert _send(recorder, _csv(tmp_path, 25)) == 1
    complaints = capsys.readouterr().err.splitlines()
    assert len(complaints) == 21
    assert complaints[-1] == "... and 5 more: --refused FILE keeps all"


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (401, "the token has expired", "kubectl create token"),
        (403, "the token is for rows", "--audience"),
        (404, "spec.capture is not set", "is the URL right?"),
        (413, "too large", "413: too large"),
    ],
)
def test_what_will_not_pass_ends_it_and_says_what_was_sent(
    recorder: Recorder,
    tmp_path: Path,
    status: int,
    message: str,
    hint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorder.answers = [joined, refusal(status, message)]
    assert _send(recorder, _csv(tmp_path, 1500)) == 1
    assert len(recorder.seen) == 2
    told_, complaints = capsys.readouterr()
    assert told_ == "joined 1,000, waiting 0, refused 0\n"
    assert f"answers {status}: {message}" in complaints
    assert hint in complaints


def test_an_answer_of_somebody_else_is_no_success(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [refusal(200)]
    assert _send(recorder, _csv(tmp_path, 1)) == 1
    assert "is this the path of feedback?" in capsys.readouterr().err


def test_the_token_is_read_anew_for_each_request(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    monkeypatch.setenv("CONTENDER_TOKEN_FILE", str(token))

    async def rotate(request: Any) -> Any:
        token.write_text("new\n")
        return await refusal(503, Retry_After="0")(request)

    recorder.answers = [rotate]
    assert _send(recorder, _csv(tmp_path, 1)) == 0
    assert [one.headers["Authorization"] for one in recorder.seen] == ["Bearer old", "Bearer new"]


def test_json_lines_are_sent_as_they_are_and_broken_ones_are_refused_here(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "truth.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"id": "a", "name": "churned", "value": true}\n'
        b"\n"
        b'{"id": "b", "value": 0.5, "at": "2026-01-31T12:00:00Z"}\r\n'
        b"{broken\n"
        b"[1]\n" + b'{"id": "' + b"x" * 200_000 + b'"}\n'
        b'{"id": "c", "name": "own", "value": "last"}'
    )
    assert _send(recorder, file, "--name", "usual") == 1
    assert recorder.sent == [
        {"id": "a", "name": "churned", "value": True},
        {"id": "b", "value": 0.5, "at": "2026-01-31T12:00:00Z", "name": "usual"},
        {"id": "c", "name": "own", "value": "last"},
    ]
    told_, complaints = capsys.readouterr()
    assert told_ == "joined 3, waiting 0, refused 3\n"
    lines = complaints.splitlines()
    assert lines[0].startswith(f"{file}:4: the line is no JSON")
    assert lines[1] == f"{file}:5: the line is no JSON object"
    assert lines[2] == f"{file}:6: the item is longer than 65536 bytes"


def test_standard_input_is_read_when_its_format_is_said(recorder: Recorder) -> None:
    command = [sys.executable, "-m", "contender", "feedback", "--url", recorder.feedback, "-"]
    known = subprocess.run(
        [*command, "--format", "csv"],
        input=HEADING + "a,churned,1\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert known.stdout == "joined 1, waiting 0, refused 0\n"
    unknown = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    assert "--format" in unknown.stderr


def test_wrong_usage_is_told_before_anything_is_sent(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _csv(tmp_path, 1)
    other = tmp_path / "truth.txt"
    other.write_text(HEADING)
    for arguments, code, what in (
        ((file, other), 2, "--format csv"),
        ((file, tmp_path / "missing.csv"), 1, "missing.csv cannot be read"),
        ((file, "--refused", file), 2, "would overwrite"),
        ((file, "--refused", tmp_path), 1, "cannot be written"),
        ((file, "--token-file", tmp_path / "none"), 1, "--token-file"),
    ):
        assert _send(recorder, *arguments) == code
        assert what in capsys.readouterr().err
    assert recorder.seen == []
    assert file.read_text().startswith(HEADING)
    assert main(["feedback", "--url", "churn.shop.svc/-/feedback", str(file)]) == 2
    assert "begins with http://" in capsys.readouterr().err
