"""The example servers, started for real on a free port of the loopback address."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
PYTHON_EXAMPLE = EXAMPLES / "breast-cancer"
GO_EXAMPLE = EXAMPLES / "breast-cancer-go"

BOUND = 60
"""Seconds after which a test gives up waiting; no test depends on how long a thing takes."""


class RunningServer:
    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        settings = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            "MODEL_FILE": str(PYTHON_EXAMPLE / "model-1.json"),
            "DRAIN_QUIET_SECONDS": "0.3",
            "PYTHONPATH": str(PYTHON_EXAMPLE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = subprocess.Popen(
            command, env=settings | environment, stdout=subprocess.PIPE, text=True
        )
        self.first_line: dict[str, Any] = self.read_log()
        self.port = int(self.first_line.get("port", 0))

    def read_log(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline() or '{"message": "(nothing)"}'
        event: dict[str, Any] = json.loads(line)
        return event

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=BOUND)

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are; return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=BOUND) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ask_to_stop(self) -> None:
        """Send SIGTERM and wait until the server says that it has noticed."""
        self.process.send_signal(signal.SIGTERM)
        assert self.read_log()["message"] == "stopping"

    def exit_code(self) -> int:
        return self.process.wait(BOUND)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on this machine")
    program = tmp_path_factory.mktemp("go") / "breast-cancer-go"
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    subprocess.run([go, "build", "-o", program, "."], cwd=GO_EXAMPLE, env=environment, check=True)
    return program


@pytest.fixture(scope="session", params=["python", "go"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """Starts a server: Python's and Go's in turn."""
    if request.param == "go":
        return [str(request.getfixturevalue("go_program"))]
    return [sys.executable, "-m", "server"]


@pytest.fixture(scope="session")
def server(command: list[str]) -> Iterator[RunningServer]:
    """One server for all the tests that leave it running."""
    running = RunningServer(command, {})
    yield running
    running.end()


@pytest.fixture
def start_server(command: list[str]) -> Iterator[StartServer]:
    """Starts a server of the test's own; keyword arguments are its environment."""
    started: list[RunningServer] = []

    def start(**environment: str) -> RunningServer:
        started.append(RunningServer(command, environment))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES
