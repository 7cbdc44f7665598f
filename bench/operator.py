"""The operator as a process of its own, and what it costs."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.process import Metrics, Process
from dev.cluster.apiserver import ApiServer
from dev.paths import CHECKOUT

PHASES = ("gather", "plan", "diff", "apply", "status", "write")
_LISTENS = re.compile(r"http://\S+:(\d+)")


class Operator(Process):
    """A running operator process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        super().__init__(process, log)
        self.started = time.monotonic()

    async def ready(self) -> None:
        """Wait until it has listed everything."""
        async with aiohttp.ClientSession() as session:
            while not await self._answers(session):
                self.check()
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

    async def metrics(self) -> "OperatorMetrics":
        """Scrape it once."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return OperatorMetrics(await answer.text())


class OperatorMetrics(Metrics):
    """One scrape of the operator's metrics."""

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
