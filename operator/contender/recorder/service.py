"""The recorder process: sink, writer, HTTP and upkeep, wired together."""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client import REGISTRY

from contender.kube.client import Client
from contender.kube.errors import ApiError
from contender.kube.health import serve_health
from contender.recorder.access import Access
from contender.recorder.http.app import Api
from contender.recorder.intake import ROOM, Intake
from contender.recorder.keys import KeyMissing, pseudonym_key
from contender.recorder.metrics import RecorderMetrics
from contender.recorder.plans import Plans, make_pseudonym
from contender.recorder.receipts import Receipts
from contender.recorder.sink import Sink
from contender.recorder.store.base import Store, StoreError
from contender.recorder.store.opening import open_store
from contender.recorder.upkeep import Upkeep
from contender.recorder.watching import Watcher
from contender.recorder.writer import Writer
from contender.router.names import RECORDER_HTTP_PORT, RECORDER_PORT

RETRY_SECONDS = 5.0
GRACE_SECONDS = 2.0
"""For what is under way when it stops: streams, and then requests."""
STUCK_SECONDS = 120.0
"""A writer that does not go round for so long is stuck."""
OFTEN_SECONDS, SOMETIMES_SECONDS, RARELY_SECONDS = 10.0, 60.0, 600.0

GARBAGE = (100_000, 50, 100)
"""Objects until Python looks for cycles, and how often for older ones."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How the process runs."""

    namespace: str
    """Its own."""
    store: str
    """A path, or the DSN of PostgreSQL."""
    host: str = "0.0.0.0"  # noqa: S104 (in a pod)
    stream_port: int = RECORDER_PORT
    http_port: int = RECORDER_HTTP_PORT
    health_port: int = 8081
    room: int = ROOM
    """Bytes that may wait to be stored."""


async def run_recorder(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Client.connect("contender-recorder") as client:
        opened = await _unless(stop, _open(client, settings))
        if opened is not None:
            async with Recorder(client, settings, *opened).running(stop):
                await stop.wait()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do something, and return what came of it; None once it is to stop."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        working.cancel()
    with suppress(asyncio.CancelledError):
        return await working
    return None


async def _open(client: Client, settings: Settings) -> tuple[Store, bytes]:
    """Open the store, and read the key; try again until both are there."""
    while True:
        try:
            secret = await pseudonym_key(client, settings.namespace)
            return await asyncio.to_thread(open_store, settings.store), secret
        except (ApiError, KeyMissing, StoreError) as error:
            log.error("cannot begin yet: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


class Recorder:
    """All parts of the process.

    Args:
        client: how to reach the API server.
        settings: how it runs.
        store: open; closed at the end.
        secret: the key of all pseudonyms.
    """

    def __init__(self, client: Client, settings: Settings, store: Store, secret: bytes) -> None:
        self._settings = settings
        self._store = store
        self._secret = secret
        self.plans = Plans()
        self.intake = Intake(settings.room)
        self.receipts = Receipts()
        self.writer = Writer(store, self.plans, self.intake)
        access = Access(client, settings.namespace)
        self._sink = Sink(access, self.plans, self.intake, self.receipts)
        self._api = Api(
            access, self.plans, store, self.writer, self.receipts, self._erase, self._keep
        )
        self._watcher = Watcher(client, store, self.writer, self.plans, secret)
        self._upkeep = Upkeep(store, self.writer)
        self._ready = False

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator["Recorder"]:
        """Take what comes; at the end, store what has come. It may be stopped before it begins."""
        await asyncio.to_thread(self.writer.ledger.open)
        # What is decoded is forgotten soon, and nothing of it refers to itself: looking for cycles
        # would take a tenth of all time.
        gc.set_threshold(*GARBAGE)
        thread = threading.Thread(target=self.writer.run, name="writer", daemon=True)
        thread.start()
        metrics = RecorderMetrics(self.plans, self.writer, self.intake, self.receipts)
        REGISTRY.register(metrics)
        tasks = [asyncio.create_task(self._watcher.run()), asyncio.create_task(self._keep_up())]
        health = await serve_health(
            self._settings.host,
            self._settings.health_port,
            alive=lambda: thread.is_alive() and monotonic() - self.writer.beat < STUCK_SECONDS,
            ready=lambda: self._ready,
        )
        http = web.AppRunner(self._api.app(), access_log=None, shutdown_timeout=GRACE_SECONDS)
        await http.setup()
        try:
            await _unless(stop, self._begin(http))
            yield self
        finally:
            self._ready = False
            await self._sink.stop(GRACE_SECONDS)
            await http.cleanup()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writer.stop()
            await asyncio.to_thread(thread.join)
            self._api.close()
            await asyncio.to_thread(self._store.close)
            await health.cleanup()
            REGISTRY.unregister(metrics)
            log.info("stored everything that was received")

    async def _begin(self, http: web.AppRunner) -> None:
        """Listen once it is known who captures what: until then routers are not reached, and
        count what they drop."""
        await self._watcher.synced()
        await asyncio.wrap_future(self.writer.ask(lambda: 0))  # all plans are taken over
        host = self._settings.host
        await web.TCPSite(http, host, self._settings.http_port).start()
        port = await self._sink.start(host, self._settings.stream_port)
        log.info("taking access logs at %s:%d", host, port)
        self._ready = True

    async def _keep_up(self) -> None:
        """Have upkeep done from time to time."""
        await asyncio.gather(
            _every(OFTEN_SECONDS, lambda: self.writer.errand(self._often)),
            _every(SOMETIMES_SECONDS, lambda: self.writer.errand(self._upkeep.expire)),
            _every(RARELY_SECONDS, lambda: self.writer.errand(self._upkeep.expire_rarely)),
        )

    def _often(self) -> None:
        self._upkeep.give_up()
        self.writer.ledger.look_again()
        self._upkeep.mature()

    def _erase(self, entity: str) -> int:
        """Delete all predictions about an entity; in the writer's thread."""
        return sum(
            self._store.erase(one.number, make_pseudonym(self._secret, one.uid)(entity))
            for one in self._store.endpoints()
        )

    def _keep(self, experiment: str, verdict: bytes) -> bytes:
        """Keep the verdict of an Experiment, unless there is one; in the writer's thread."""
        strata = self.writer.ledger.strata.values()
        endpoints = {one.endpoint for one in strata if one.experiment == experiment}
        # Whose it is must not depend on a router that merely claims to take part.
        endpoint = endpoints.pop() if len(endpoints) == 1 else None
        return self._store.keep_verdict(experiment, endpoint, int(time()), verdict)


async def _every(seconds: float, do: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        do()
