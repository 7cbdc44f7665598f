"""`contender verify`: 0 when all agrees, 1 when something differs, 2 when it is no such file."""

import json
from pathlib import Path
from typing import Any

import pytest

from contender.cli.main import main
from contender.report.sealing import seal, written
from tests.unit.report import situations
from tests.unit.report.situations import material, played


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "verdict.json"
    found.write_bytes(written(seal(material(played(situations.a_better_one_is_promoted)))))
    return found


def change(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, **changes}))


def test_all_that_was_checked_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(file)]) == 0
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Experiment shop/churn-v2, sealed by contender ")
    assert last == "all agrees"
    assert {one.split()[0] for one in lines} == {"ok"}
    for what in ("digest sha256:", "plan v1:", "looks: ", "comparison accuracy of v2", "verdict: "):
        assert any(what in one for one in lines), what


def test_what_nobody_can_check_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verdict.json"
    trial = played(situations.a_person_promotes_without_objectives)
    file.write_bytes(written(seal(material(trial))))
    assert main(["verify", str(file)]) == 0
    told = capsys.readouterr().out
    assert "note     verdict: Promoted, winner v2: promoted by a person" in told
    assert told.endswith("all agrees, but 1 cannot be checked offline\n")


def test_what_differs_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = json.loads(file.read_text())["status"]
    rows, status["comparisons"][0]["rows"] = status["comparisons"][0]["rows"], 1_000_000
    change(file, status=status)
    assert main(["verify", str(file)]) == 1
    told = capsys.readouterr().out
    assert f"DIFFERS  comparison accuracy of v2: rows\n           expected  {rows}\n" in told
    assert "           found     1000000" in told
    assert "2 of 10 differ" in told


def test_another_version_may_weigh_otherwise(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(file, contender="0.0.9")
    assert main(["verify", str(file)]) == 1
    assert "weighs otherwise than 0.0.9: verify it with that version" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "why"),
    [("", "it is no JSON"), ("[]", "it is no sealed verdict"), ("{}", "report NAME --seal FILE")],
)
def test_what_is_no_sealed_verdict_is_told(
    tmp_path: Path, content: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    assert main(["verify", str(file)]) == 2
    assert why in capsys.readouterr().err


def test_a_newer_one_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(file, format=7, contender="9.1.0")
    assert main(["verify", str(file)]) == 2
    told = capsys.readouterr().err
    assert "it is of format 7, sealed by contender 9.1.0" in told
    assert "verify it with a newer one" in told


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    assert "none.json cannot be read: No such file" in capsys.readouterr().err
    assert main(["verify", str(tmp_path)]) == 2
    assert "cannot be read: Is a directory" in capsys.readouterr().err
