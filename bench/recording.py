"""The recorder as a process of its own, and what it costs."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from bench.api import Json
from bench.cluster import NAMESPACE, cluster, token
from bench.process import Metrics, Process, on_cores
from contender.core.audiences import Purpose
from dev.cluster.apiserver import free_port
from dev.paths import CHECKOUT
from tests.recorder.books import SPEC

OWNER: Json = {
    "metadata": {
        "name": "churn",
        "namespace": "shop",
        "uid": "uid-of-churn",
        "generation": 1,
        "resourceVersion": "1",
    },
    "spec": SPEC,
}
"""The ModelDeployment that is captured: rows with an output and a score, two kinds of feedback."""
ROUTER = token(Purpose.STREAM, "shop", "churn")
OPERATOR = token(Purpose.STATISTICS, NAMESPACE)
PATIENCE = 30.0


class Sample(NamedTuple):
    """What a recorder had done at a moment."""

    at: float
    """On the clock of time.monotonic."""
    cpu: float
    """Seconds."""
    took: float
    """Seconds until it told."""
    stored: int
    dropped: int
    other: int
    """Answers that were neither: duplicates, lost, broken, unwanted."""
    waiting: int
    """Bytes."""


class Recorder(Process):
    """A running recorder process."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        log: Path,
        ports: tuple[int, int, int],
        session: aiohttp.ClientSession,
    ) -> None:
        super().__init__(process, log)
        self.stream_port, self.http_port, self._health_port = ports
        self._session = session

    async def ready(self) -> None:
        """Wait until it takes access logs."""
        deadline = time.monotonic() + PATIENCE
        while not await self._is_ready():
            self.check()
            assert time.monotonic() < deadline, self._log.read_text()
            await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get(f"{self._health}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    @property
    def _health(self) -> str:
        return f"http://127.0.0.1:{self._health_port}"

    async def sample(self) -> Sample:
        """Ask it how far it is."""
        asked = time.monotonic()
        async with self._session.get(f"{self._health}/metrics") as answer:
            metrics = Metrics(await answer.text())
        told = time.monotonic()
        name = "contender_recorder_answers_total"
        stored, dropped, *others = (
            int(metrics.total(name, result=result))
            for result in ("stored", "dropped", "duplicates", "lost", "broken", "unwanted")
        )
        waiting = int(metrics.total("contender_recorder_waiting_bytes"))
        at = (asked + told) / 2
        return Sample(at, self.cpu(), told - asked, stored, dropped, sum(others), waiting)

    async def statistics(self, experiment: str) -> bytes:
        """Return its answer about an experiment."""
        async with self._session.post(
            f"http://127.0.0.1:{self.http_port}/v1/statistics",
            json={"experiments": [experiment]},
            headers={"Authorization": f"Bearer {OPERATOR}"},
        ) as answer:
            answer.raise_for_status()
            return await answer.read()


@asynccontextmanager
async def recording(store: str, cores: set[int] | None = None) -> AsyncIterator[Recorder]:
    """Run the recorder as users get it; only the API server is ours.

    Args:
        store: a path, or a DSN.
        cores: those that it may use; None: all that we may.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with cluster(folder, [OWNER]) as kubeconfig, aiohttp.ClientSession() as session:
            ports = (free_port(), free_port(), free_port())
            log = folder / "recorder.log"
            recorder = Recorder(_start(store, kubeconfig, log, ports, cores), log, ports, session)
            try:
                await recorder.ready()
                yield recorder
            finally:
                # In a thread: it may still ask our API server.
                await asyncio.to_thread(recorder.stop)


def _start(
    store: str, kubeconfig: Path, log: Path, ports: tuple[int, int, int], cores: set[int] | None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "contender", "recorder", "--host", "127.0.0.1"]
    for option, port in zip(("--stream-port", "--http-port", "--port"), ports, strict=True):
        command += [option, str(port)]
    with log.open("wb") as output, on_cores(cores or os.sched_getaffinity(0)):
        return subprocess.Popen(
            command,
            env={
                **os.environ,
                "KUBECONFIG": str(kubeconfig),
                "PYTHONPATH": str(CHECKOUT / "operator"),
                "CONTENDER_STORE": store,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
