"""Two operators share a Lease: only one acts, also when the other wakes up after a long stop."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.paths import CHECKOUT
from tests.contract.server import until
from tests.scenarios.world import World, model

WRITE = re.compile(r"\b(?:created|updated|deleted) [A-Z]|Switched:")
PATIENCE = 60


class Operator:
    """One of several operator processes."""

    def __init__(self, world: World, lease: str, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "contender", "operator", "--lease", lease),
                    *("--namespace", world.namespace, "--host", "127.0.0.1", "--port", "0"),
                ],
                env={
                    **os.environ,
                    "KUBECONFIG": str(world.server.admin_kubeconfig),
                    "PYTHONPATH": str(CHECKOUT / "operator"),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def writes(self) -> int:
        """How many writes it says it has made."""
        return len(WRITE.findall(self.log))

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """Stop it as Kubernetes does; return its exit code."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        return self._process.wait(timeout=30)


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Callable[[str], Operator]]:
    """Start operators by name; what is left of them is stopped in the end."""
    world.stop_operator()
    started: list[Operator] = []

    def start_one(name: str) -> Operator:
        lease = f"{world.namespace}/operators"
        started.append(Operator(world, lease, tmp_path / f"{name}.log"))
        return started[-1]

    yield start_one
    for one in started:
        one.end()


@pytest.fixture
def pair(start: Callable[[str], Operator]) -> tuple[Operator, Operator]:
    """An operator that leads, and one that stands by."""
    first = start("first")
    until(lambda: "this process leads" in first.log, "the first operator leads", PATIENCE)
    second = start("second")
    until(lambda: "standing by" in second.log, "the second operator stands by", PATIENCE)
    return first, second


def test_a_standby_takes_over_and_the_former_leader_writes_no_more(
    world: World, pair: tuple[Operator, Operator]
) -> None:
    first, second = pair
    world.apply("one", model())
    world.until_wanted("one", "1")
    assert second.writes == 0

    first.send(signal.SIGSTOP)
    until(lambda: "this process leads" in second.log, "the second operator leads", PATIENCE)
    written = first.writes
    world.apply("two", model())
    world.until_wanted("two", "1")

    first.send(signal.SIGCONT)
    world.apply("one", model("2"))
    world.apply("two", model("2"))
    world.until_wanted("one", "2")
    world.until_wanted("two", "2")
    assert first.writes == written


def test_a_leader_that_is_told_to_stop_hands_over(
    world: World, pair: tuple[Operator, Operator]
) -> None:
    first, second = pair
    first.end()
    until(lambda: "this process leads" in second.log, "the second operator leads", PATIENCE)
    world.apply("one", model())
    world.until_wanted("one", "1")
    assert first.writes == 0
