"""What the command line loads, and what the operator is run with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contender.cli.main import main
from contender.controller import operator
from contender.controller.settings import Settings
from contender.core.snapshot import ROUTER_IMAGE, Installation

HEAVY = ("aiohttp", "grpc", "kopf", "kubernetes", "numpy", "pyarrow", "pydantic")
PARSE = f"""
import json, sys
from contender.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps([one for one in {HEAVY} if one in sys.modules]))
"""


def _loaded(source: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", source, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: list[str] = json.loads(told.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "command", ["recorder", "simulate", "report", "verify", "feedback", "export", "erase"]
)
def test_help_loads_nothing_that_is_slow(command: str) -> None:
    assert _loaded(PARSE, command, "--help") == []


def test_the_options_of_the_operator_load_no_more_than_its_settings() -> None:
    assert {*_loaded(PARSE, "operator", "--help")} <= {"pydantic"}


def test_the_operator_loads_neither_numpy_nor_grpc() -> None:
    loaded = _loaded(f"import contender.controller.operator\n{PARSE}", "operator", "--help")
    assert "kopf" in loaded
    assert {*loaded} & {"grpc", "numpy", "pyarrow"} == set()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    found: list[Settings] = []

    async def run(settings: Settings) -> None:
        found.append(settings)

    monkeypatch.setattr(operator, "run_operator", run)
    monkeypatch.setattr("contender.cli.logs.set_up_logs", lambda *_: None)
    monkeypatch.delenv("CONTENDER_ROUTER_IMAGE", raising=False)
    return found


def test_the_operator_runs_with_its_options(ran: list[Settings]) -> None:
    assert main(["operator"]) == 0
    more = ["--namespace", "a", "--namespace", "b", "--lease", "ml/one", "--workers", "2"]
    where = ["--host", "::1", "--port", "0", "--router-image", "envoy:1"]
    assert main(["operator", *more, *where]) == 0
    assert ran == [
        Settings(),
        Settings(
            namespaces=("a", "b"),
            lease=("ml", "one"),
            workers=2,
            host="::1",
            port=0,
            installation=Installation("envoy:1"),
        ),
    ]


def test_the_environment_may_name_the_image_of_routers(
    ran: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTENDER_ROUTER_IMAGE", "mirror/envoy:1")
    assert main(["operator"]) == 0
    assert ran[0].installation.router_image == "mirror/envoy:1"
    assert ROUTER_IMAGE != "mirror/envoy:1"


def test_kubectl_finds_it_as_a_plugin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path("/usr/bin/kubectl-contender")), "export", "-h"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.startswith("usage: kubectl contender export ")
