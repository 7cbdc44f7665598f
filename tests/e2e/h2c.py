"""Callers that speak HTTP/2 without TLS: curl, inside the node, a connection for each request.

What happens to those that keep their connections is tested with gRPC beside a real Envoy.
"""

import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from dev.cluster.node import Node
from tests.e2e.caller import BODY

CALLERS = 3
PAUSE_SECONDS = 0.1
PATIENCE = 60
_CURL = ("curl", "--http2-prior-knowledge", "--silent", "--max-time", "20")


@contextmanager
def h2c_load(address: str) -> Iterator[None]:
    """Ask all the time; none may fail."""
    _knock(address)
    callers = [_caller(address) for _ in range(CALLERS)]
    try:
        yield
    finally:
        told = [_finish(one) for one in callers]
    answers: Counter[str] = Counter(line for text in told for line in text.splitlines())
    assert set(answers) == {"200 2"}, f"status and version of HTTP: {answers}"


def _knock(address: str) -> None:
    """Wait until an endpoint answers: a new one refuses callers until its node has heard of it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        command = Node().command_inside([*_CURL, f"http://{address}/healthz"])
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return
        assert time.monotonic() < deadline, "the endpoint does not answer"
        time.sleep(0.25)


def _caller(address: str) -> subprocess.Popen[str]:
    """Start a loop of requests that ends with its standard input."""
    curl = [
        *(*_CURL, f"http://{address}/predict", "--data-binary", BODY.decode()),
        *("--header", "Content-Type: application/json", "--output", "/dev/null"),
        *("--write-out", "%{http_code} %{http_version}\\n"),
    ]
    loop = f"until read -t {PAUSE_SECONDS} _; do {shlex.join(curl)}; done"
    return subprocess.Popen(
        Node().command_inside(["bash", "-c", loop]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _finish(caller: subprocess.Popen[str]) -> str:
    """Stop a caller between two requests, and return what it has seen."""
    text, _ = caller.communicate("\n")
    return text
