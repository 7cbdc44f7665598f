"""Callers that speak HTTP/2 without TLS, and keep their connections: curl, inside the node."""

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.cluster.node import Node
from tests.e2e.caller import BODY

CALLERS = 4
A_SECOND = 10
"""Requests of each caller."""
PATIENCE = 60


@contextmanager
def h2c_load(address: str, seconds: int) -> Iterator[None]:
    """Ask all the time; none may fail. The block must take less than these seconds.

    Each caller uses one connection for as long as the other side lets it.
    """
    with tempfile.TemporaryDirectory() as folder:
        callers = [_caller(Path(folder) / str(one), address, seconds) for one in range(CALLERS)]
        try:
            yield
            assert all(one.poll() is None for one in callers), "the callers were done before"
        finally:
            told = [_finish(one) for one in callers]
    answers: Counter[str] = Counter(line for text in told for line in text.splitlines())
    assert answers.total() > 0
    assert set(answers) == {"200 2"}, f"status and version of HTTP: {answers}"


def knock_h2c(address: str) -> None:
    """Wait until an endpoint answers: a new one refuses callers until its node has heard of it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        command = ["curl", "--http2-prior-knowledge", "--silent", f"http://{address}/healthz"]
        asked = subprocess.run(Node().command_inside(command), check=False, capture_output=True)
        if asked.returncode == 0:
            return
        assert time.monotonic() < deadline, "the endpoint does not answer"
        time.sleep(0.25)


def _caller(config: Path, address: str, seconds: int) -> subprocess.Popen[str]:
    """Start curl with so many requests, one after another over one connection."""
    one = f'url = "http://{address}/predict"\noutput = "/dev/null"\n'
    config.write_text(one * (seconds * A_SECOND))
    # Standard error is not buffered: nothing of it is lost at the end.
    report = "%{stderr}%{http_code} %{http_version}\\n"
    command = [
        *("curl", "--config", str(config), "--http2-prior-knowledge", "--silent"),
        *("--rate", f"{A_SECOND}/s", "--max-time", "20", "--data-binary", BODY.decode()),
        *("--header", "Content-Type: application/json", "--write-out", report),
    ]
    return subprocess.Popen(Node().command_inside(command), stderr=subprocess.PIPE, text=True)


def _finish(caller: subprocess.Popen[str]) -> str:
    """Stop a caller between two requests, and return what it has seen."""
    caller.terminate()
    _, text = caller.communicate()
    return text
