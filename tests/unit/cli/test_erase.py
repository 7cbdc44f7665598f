"""`contender erase` deletes only what somebody has confirmed."""

import io
from pathlib import Path

import pytest
from aiohttp import web

from contender.cli.main import main
from tests.unit.cli.kubectl import Kubectl
from tests.unit.cli.server import Recorder, refusal


async def _erased(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"predictions": 1234})


def _erase(recorder: Recorder, *arguments: str) -> int:
    url = f"{recorder.url}/v1/erasures"
    return main(["erase", "--entity", "customer-7", "--url", url, *arguments])


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def test_it_says_how_many_predictions_are_gone(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("secret")
    recorder.answers = [refusal(503, Retry_After="0"), _erased]
    assert _erase(recorder, "--yes", "--token-file", str(tmp_path / "token")) == 0
    assert capsys.readouterr().out == "deleted 1,234 predictions\n"
    seen = recorder.seen[1]
    assert (seen.method, seen.path) == ("POST", "/v1/erasures")
    assert seen.items == [{"entity": "customer-7"}]
    assert seen.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("reply", "code", "asked"),
    [("y\n", 0, 1), ("YES\n", 0, 1), ("\n", 1, 0), ("n\n", 1, 0), ("", 1, 0)],
)
def test_it_asks_on_a_terminal(
    recorder: Recorder,
    reply: str,
    code: int,
    asked: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorder.usual = _erased
    monkeypatch.setattr("sys.stdin", Terminal(reply))
    assert _erase(recorder) == code
    assert len(recorder.seen) == asked
    told = capsys.readouterr().err
    assert "Delete all predictions about 'customer-7'" in told
    assert ("nothing was deleted" in told) == (code == 1)


def test_where_nobody_can_answer_it_deletes_nothing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert _erase(recorder) == 2
    assert recorder.seen == []
    assert "pass --yes" in capsys.readouterr().err


@pytest.mark.parametrize("status", [401, 403, 200])
def test_what_was_not_erased_is_an_error(
    recorder: Recorder, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers = [refusal(status)]
    assert _erase(recorder, "--yes") == 1
    assert "contender erase: http://" in capsys.readouterr().err


def test_without_a_url_it_goes_through_kubectl(recorder: Recorder, kubectl: Kubectl) -> None:
    recorder.answers = [_erased]
    assert main(["erase", "--entity", "x", "--yes", "--system-namespace", "ml"]) == 0
    assert kubectl.calls[0] == [
        "create",
        "token",
        "contender-recorder",
        "--namespace=ml",
        "--audience=erase.contender.dev",
        "--duration=1h",
    ]
    assert recorder.seen[0].headers["Authorization"] == "Bearer token-of-kubectl"


def test_an_empty_entity_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", "--entity", "", "--yes"]) == 2
    assert "--entity is empty" in capsys.readouterr().err
