"""The operator as a process of its own, and what it costs."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from dev.cluster.apiserver import ApiServer
from dev.paths import CHECKOUT

PHASES = ("gather", "plan", "diff", "apply", "status", "write")
_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENS = re.compile(r"http://\S+:(\d+)")


class Operator:
    """A running operator process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self.started = time.monotonic()

    async def ready(self) -> None:
        """Wait until it has listed everything."""
        async with aiohttp.ClientSession() as session:
            while not await self._answers(session):
                if self._process.poll() is not None:
                    raise RuntimeError(self._log.read_text())
                await asyncio.sleep(0.02)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, LookupError):
            return False

    @property
    def port(self) -> int:
        """The port of its metrics; LookupError until it is known."""
        found = _LISTENS.search(self._log.read_text())
        if not found:
            raise LookupError
        return int(found[1])

    def cpu(self) -> float:
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024 / 1e6

    async def metrics(self) -> "Metrics":
        """Scrape it once."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return Metrics(await answer.text())

    def stop(self) -> None:
        """End it as Kubernetes does."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        finally:
            self._process.kill()


class Metrics:
    """One scrape of the operator's metrics."""

    def __init__(self, text: str) -> None:
        self._text = text

    def total(self, name: str, **labels: str) -> float:
        """Return a metric summed over the labels that are not named."""
        total = 0.0
        for found in re.finditer(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self._text, re.MULTILINE):
            told = dict(re.findall(r'(\w+)="([^"]*)"', found[1] or ""))
            if labels.items() <= told.items():
                total += float(found[2])
        return total

    @property
    def passes(self) -> int:
        """How many passes there were."""
        return int(self.total("controller_runtime_reconcile_total"))

    def phases(self) -> dict[str, float]:
        """Return the seconds spent in each phase of a pass so far."""
        name = "contender_reconcile_phase_seconds_total"
        return {phase: self.total(name, phase=phase) for phase in PHASES}


@asynccontextmanager
async def running(server: ApiServer, *options: str, wait: bool = True) -> AsyncIterator[Operator]:
    """Start the operator as users get it, with these options."""
    log = server.kubeconfig.parent / f"operator-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "contender", "operator", *options),
                *("--host", "127.0.0.1", "--port", "0"),
            ],
            env={
                **os.environ,
                "KUBECONFIG": str(server.kubeconfig),
                "PYTHONPATH": str(CHECKOUT / "operator"),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    operator = Operator(process, log)
    try:
        if wait:
            await operator.ready()
        yield operator
    finally:
        operator.stop()
