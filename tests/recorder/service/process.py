"""The recorder as a process of its own, which tests start, stop and kill."""

import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import requests

from dev.cluster.apiserver import ADDRESS
from dev.paths import CHECKOUT
from tests.contract.server import until

MEBIBYTE = 2**20
_FIRST_PORT, _PORTS = 10_000, 1000
"""Below those that other tests draw: it takes a recorder seconds to listen on its own."""


def _drawn() -> Iterator[int]:
    """Iterate over ports, for ever: each process of pytest-xdist has its own, in its own order."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    ports = [*range(_FIRST_PORT + number * _PORTS, _FIRST_PORT + (number + 1) * _PORTS)]
    random.shuffle(ports)
    yield from itertools.cycle(ports)


_DRAWN = _drawn()


def free_port() -> int:
    """A port that is free."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((ADDRESS, port := next(_DRAWN)))
            return port


class Process:
    """One recorder. It keeps its ports when it is started again.

    Args:
        kubeconfig: how it reaches the API server.
        folder: where its store and its log are.
        store: location of the store; by default a file in the folder.
        room: bytes that may wait to be stored; by default as the command has it.
    """

    def __init__(
        self, kubeconfig: Path, folder: Path, store: str = "", room: int | None = None
    ) -> None:
        self._kubeconfig = kubeconfig
        self._log = folder / "recorder.log"
        self._room = room
        self.store = store or str(folder / "recorder.sqlite")
        self.stream_port, self.http_port, self.health_port = (free_port() for _ in range(3))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it takes what comes."""
        ports = {
            "--stream-port": self.stream_port,
            "--http-port": self.http_port,
            "--port": self.health_port,
        }
        room = [] if self._room is None else ["--room", str(self._room)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # It dies with the test, however that ends.
                    *("setpriv", "--pdeathsig=KILL"),
                    *(sys.executable, "-m", "contender", "recorder", "--host", ADDRESS),
                    *(str(word) for option in ports.items() for word in option),
                    *("--namespace", "contender-system", *room),
                ],
                env={
                    **os.environ,
                    "KUBECONFIG": str(self._kubeconfig),
                    "PYTHONPATH": str(CHECKOUT / "operator"),
                    "CONTENDER_STORE": self.store,  # it may hold a password
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if wait:
            until(lambda: self.says_yes("readyz"), "the recorder is ready")

    def stop(self) -> int:
        """Stop it as Kubernetes does; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended; return its exit code."""
        process = self._running()
        try:
            return process.wait(timeout=60)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process, "it was not started"
        return self._process

    # What it says

    def url(self, path: str) -> str:
        """Return where something is answered."""
        return f"http://{ADDRESS}:{self.http_port}{path}"

    def says_yes(self, endpoint: str) -> bool:
        """Ask the process, which must not have ended, one of its health endpoints."""
        assert self.runs, self.log()
        try:
            return requests.get(f"http://{ADDRESS}:{self.health_port}/{endpoint}", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all of it that has these labels."""
        url = f"http://{ADDRESS}:{self.health_port}/metrics"
        found = re.findall(
            rf"^{name}(?:{{(.*)}})? (\S+)$", requests.get(url, timeout=30).text, re.MULTILINE
        )
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        return sum(float(value) for said, value in found if wanted <= {*said.split(",")})

    @property
    def waiting(self) -> int:
        """Bytes that were received and are not taken to be stored yet."""
        return int(self.metric("contender_recorder_waiting_bytes"))

    @property
    def is_failing(self) -> bool:
        """Whether the store takes nothing."""
        return bool(self.metric("contender_recorder_store_failing"))

    @property
    def memory(self) -> float:
        """How much it has in memory now, in MiB."""
        return self._memory("VmRSS")

    @property
    def most_memory(self) -> float:
        """How much it ever had in memory, in MiB."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        found = next(line for line in lines if line.startswith(f"{field}:"))
        return int(found.split()[1]) * 1024 / MEBIBYTE

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""
