"""Runs steps side by side, each as soon as the steps that it needs are done."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dev.console import say
from dev.paths import CHECKOUT

SIDE_BY_SIDE = (os.cpu_count() or 1) + 1
"""One more than there are cores: many steps wait for the network now and then."""
TAIL = 6000


@dataclass
class Step:
    """Commands that run one after the other, until one fails."""

    name: str
    commands: Sequence[Sequence[object]]
    after: Sequence[str] = ()
    """Steps that must have gone well."""
    quiet: Sequence[str] = ()
    """Steps that must be over, because the machine should be quiet."""
    lacking: str = ""
    """Why this machine cannot run it; empty: it can."""
    results: Path | None = None
    """Where pytest writes what came of each test."""


@dataclass
class Outcome:
    """What became of a step."""

    step: Step
    result: str = "ok"
    """ok, FAILED, or skipped."""
    why: str = ""
    seconds: float = 0


@dataclass
class Run:
    """All steps of one run."""

    steps: Sequence[Step]
    logs: Path
    environment: Mapping[str, str]
    _voice: threading.Lock = field(default_factory=threading.Lock)
    _over: dict[str, threading.Event] = field(default_factory=dict)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)

    def play(self) -> list[Outcome]:
        """Run everything; return what became of it in the order of the steps."""
        self._over = {step.name: threading.Event() for step in self.steps}
        places = threading.Semaphore(SIDE_BY_SIDE)
        with ThreadPoolExecutor(len(self.steps)) as threads:
            started: list[Future[None]] = [
                threads.submit(self._play, step, places) for step in self.steps
            ]
            for one in started:
                one.result()
        return [self._outcomes[step.name] for step in self.steps]

    def _play(self, step: Step, places: threading.Semaphore) -> None:
        outcome = Outcome(step)
        try:
            for name in (*step.after, *step.quiet):
                if name in self._over:
                    self._over[name].wait()
            bad = [name for name in step.after if self._result(name) not in ("ok", "")]
            if step.lacking or bad:
                outcome.result, outcome.why = "skipped", step.lacking or f"needs: {bad[0]}"
                self._say(f"{step.name}: skipped, {outcome.why}")
                return
            with places:
                self._run(step, outcome)
        finally:
            self._outcomes[step.name] = outcome
            self._over[step.name].set()

    def _say(self, message: str) -> None:
        with self._voice:
            say(message)

    def _result(self, name: str) -> str:
        return self._outcomes[name].result if name in self._outcomes else ""

    def _run(self, step: Step, outcome: Outcome) -> None:
        self._say(f"{step.name} ...")
        started = time.monotonic()
        log = self.logs / f"{step.name.replace(' ', '-')}.log"
        with log.open("w") as output:
            for command in step.commands:
                words = [str(word) for word in command]
                code = subprocess.run(
                    words,
                    cwd=CHECKOUT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                ).returncode
                if code != 0:
                    outcome.result, outcome.why = "FAILED", f"exit code {code}, see {log}"
                    break
        outcome.seconds = time.monotonic() - started
        if outcome.result == "ok":
            self._say(f"{step.name}: ok after {outcome.seconds:.0f} s")
        else:
            text = log.read_text(errors="replace")[-TAIL:]
            self._say(
                f"{step.name}: FAILED after {outcome.seconds:.0f} s\n{text}\n--- all of it: {log}"
            )
