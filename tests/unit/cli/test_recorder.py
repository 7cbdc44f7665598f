"""`contender recorder` runs with the settings of its command line."""

from pathlib import Path

import pytest

from contender.cli import command
from contender.cli.main import main
from contender.recorder import service
from contender.recorder.service import Settings


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    found: list[Settings] = []

    async def run(settings: Settings) -> None:
        found.append(settings)

    monkeypatch.setattr(service, "run_recorder", run)
    monkeypatch.setattr("contender.cli.logs.set_up_logs", lambda *_: None)
    return found


def test_the_defaults_are_those_of_the_recorder(ran: list[Settings]) -> None:
    assert main(["recorder"]) == 0
    assert ran == [Settings("contender-system", "/var/lib/contender/recorder.sqlite")]


def test_all_can_be_set(ran: list[Settings]) -> None:
    where = ["--host", "::1", "--stream-port", "1", "--http-port", "2", "--port", "3"]
    assert main(["recorder", "--store", "x", "--namespace", "ml", "--room", "4", *where]) == 0
    assert ran == [Settings("ml", "x", "::1", 1, 2, 3, 4)]


def test_a_dsn_needs_no_place_in_the_command_line(
    ran: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dsn").write_text("postgresql://a:b@c/d\n")
    assert main(["recorder", "--store-file", str(tmp_path / "dsn")]) == 0
    monkeypatch.setenv("CONTENDER_STORE", "postgresql://e:f@g/h")
    assert main(["recorder"]) == 0
    assert main(["recorder", "--store", "first"]) == 0
    found = [one.store for one in ran]
    assert found == ["postgresql://a:b@c/d", "postgresql://e:f@g/h", "first"]


def test_help_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTENDER_STORE", "postgresql://e:secret@g/h")
    with pytest.raises(SystemExit):
        main(["recorder", "--help"])
    assert "secret" not in capsys.readouterr().out


def test_its_namespace_is_that_of_the_pod(
    ran: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contender.cli.recorder.own_namespace", lambda: "ml")
    assert main(["recorder"]) == 0
    assert ran[0].namespace == "ml"
    assert command.own_namespace() == ""


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_file_without_a_location_is_told(
    ran: list[Settings],
    tmp_path: Path,
    content: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "dsn"
    if content is not None:
        file.write_bytes(content)
    assert main(["recorder", "--store-file", str(file)]) == 1
    assert f"contender recorder: --store-file {file}" in capsys.readouterr().err
    assert ran == []


@pytest.mark.parametrize("arguments", [["--room", "0"], ["--store", "a", "--store-file", "b"]])
def test_wrong_usage_is_told(ran: list[Settings], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["recorder", *arguments])
    assert caught.value.code == 2
    assert ran == []
