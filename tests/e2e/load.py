"""Requests to an endpoint while a test goes on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dev.cluster.node import Node

CALLER = Path(__file__).parent / "caller.py"


@dataclass
class Answers:
    """What the callers saw; filled when the load has ended."""

    asked: int = 0
    versions: dict[str, int] = field(default_factory=lambda: {})
    """Answers by the version that gave them."""
    failures: dict[str, int] = field(default_factory=lambda: {})
    """Failed requests by their error."""


@contextmanager
def load(address: str, rate: float = 20) -> Iterator[Answers]:
    """Ask so many times a second, half over kept-alive connections; none may fail."""
    answers = Answers()
    command = [sys.executable, str(CALLER), f"http://{address}/predict", str(rate)]
    process = subprocess.Popen(
        Node().command_inside(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield answers
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, f"the caller itself failed: {err}"
    seen = json.loads(out)
    answers.asked, answers.versions = seen["asked"], seen["versions"]
    answers.failures = seen["failures"]
    assert answers.failures == {}, f"{answers}"
    assert answers.asked > 0
