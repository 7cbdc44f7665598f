"""Callers that ask the endpoint all the time.

They run as a pod, on every cluster alike: through `kubectl port-forward` they would reach a single
pod, and never the routers that an Experiment puts before it.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dev.console import Failure, say
from dev.demo.install import Kubectl
from dev.demo.names import NAMESPACE, PATIENCE
from dev.paths import CHECKOUT

FOLDER = Path(__file__).parent / "callers"
HELD_OUT = CHECKOUT / "examples" / "breast-cancer" / "held-out.csv"
"""Real rows that no version of the model was trained on, with their diagnosis."""
POD = "pod/callers"
_STOP = "import os, signal; os.kill(1, signal.SIGTERM)"


class Seen(NamedTuple):
    """What callers have seen so far."""

    asked: int = 0
    versions: dict[str, int] = {}
    """Answers by the version that gave them."""
    failures: dict[str, int] = {}
    """Requests without a good answer, by what went wrong."""

    @property
    def failed(self) -> int:
        """How many requests had no good answer."""
        return sum(self.failures.values())

    def __str__(self) -> str:
        answers = [f"{count} by version {one}" for one, count in sorted(self.versions.items())]
        return f"{self.asked} requests, {', '.join([*answers, f'{self.failed} failed'])}"


class Callers:
    """The callers, while they ask."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._seen = Seen()

    def start(self) -> None:
        """Start them and wait until they get answers."""
        say("starting callers: a pod that asks the endpoint all the time")
        files = [f"--from-file={one}" for one in (FOLDER / "caller.py", HELD_OUT)]
        dry = ("--dry-run=client", "-o", "yaml")
        program = self._kubectl("-n", NAMESPACE, "create", "configmap", "callers", *files, *dry)
        self._kubectl("-n", NAMESPACE, "apply", "-f", "-", text=program)
        self._kubectl("-n", NAMESPACE, "apply", "-f", FOLDER / "pod.yaml")
        deadline = time.monotonic() + PATIENCE
        while not self.seen().versions:
            if time.monotonic() > deadline:
                raise self._failure(f"the callers got no answer within {PATIENCE} s")
            time.sleep(0.5)

    def seen(self) -> Seen:
        """Return what they saw up to now, at most a second ago."""
        line = self._ask("logs", POD, "--tail=1")
        if line:
            try:
                self._seen = Seen(**json.loads(line))
            except ValueError as error:
                raise self._failure(f"the callers ended with: {line}") from error
        return self._seen

    def finish(self) -> Seen:
        """Let them wait for their last answers, and return what they saw in all."""
        self._ask("exec", POD.removeprefix("pod/"), "--", "python3", "-c", _STOP)
        done = ("--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        if not self._ask("wait", POD, *done):
            raise self._failure("the callers do not stop")
        return self.seen()

    def remove(self) -> None:
        """Delete their pod, whatever it does."""
        gone = ("--ignore-not-found", "--wait=false")
        self._kubectl.ask("-n", NAMESPACE, "delete", POD, "configmap/callers", *gone)

    def _ask(self, *arguments: str) -> str:
        """Run kubectl; return nothing when it fails."""
        answer = self._kubectl.ask("-n", NAMESPACE, *arguments)
        return answer.stdout.strip() if answer.returncode == 0 else ""

    def _failure(self, message: str) -> Failure:
        return Failure(f"{message}\n{self._ask('describe', POD)[-3000:]}")


@contextmanager
def calling(kubectl: Kubectl) -> Iterator[Callers]:
    """Let callers ask meanwhile."""
    callers = Callers(kubectl)
    try:
        callers.start()
        yield callers
    finally:
        callers.remove()
