"""Requests to an endpoint while a test goes on."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.cluster.node import Node

CALLER = Path(__file__).parent / "caller.py"
PATIENCE = 60


class Load:
    """Callers that ask all the time."""

    def __init__(self, address: str, rate: float) -> None:
        command = [sys.executable, str(CALLER), f"http://{address}/predict", str(rate)]
        self._process = subprocess.Popen(
            Node().command_inside(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.versions: set[str] = set()
        """Versions that have answered so far."""
        threading.Thread(target=self._listen, daemon=True).start()

    def until_answered(self) -> None:
        """Wait for the first answer of all."""
        while not self.versions:
            self._hear()

    def until_answered_by(self, version: str) -> None:
        """Wait until callers get answers of a version: every node has to hear of a switch first."""
        while version not in self.versions:
            self._hear()

    def finish(self) -> dict[str, Any]:
        """Stop asking; return how many requests there were, and how those failed that did."""
        assert self._process.stdin
        self._process.stdin.close()
        while "asked" not in (line := self._hear()):
            pass
        return line

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _hear(self) -> dict[str, Any]:
        line = self._lines.get(timeout=PATIENCE)
        if "version" in line:
            self.versions.add(line["version"])
        return line

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(json.loads(line))


@contextmanager
def load(address: str, rate: float = 20) -> Iterator[Load]:
    """Ask so many times a second, half over kept-alive connections; none may fail."""
    callers = Load(address, rate)
    try:
        callers.until_answered()
        yield callers
        seen = callers.finish()
    finally:
        callers.kill()
    assert seen["failures"] == {}, f"of {seen['asked']} requests failed: {seen['failures']}"
    assert seen["asked"] > 0


def knock(address: str) -> None:
    """Wait until an endpoint answers: a new one refuses callers until its node has heard of it."""
    with load(address):
        pass
