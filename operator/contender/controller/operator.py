"""The operator process: caches, workers, Kopf and the health endpoints, wired together."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import uuid
from collections.abc import Coroutine
from time import perf_counter
from typing import Any

from prometheus_client import REGISTRY

from contender.controller import metrics
from contender.controller.announce import Announcer
from contender.controller.caches import Caches
from contender.controller.fleet import Fleet
from contender.controller.host import tolerate_leftovers, watch_owners
from contender.controller.looks import LookReader
from contender.controller.queue import WorkQueue
from contender.controller.reconcile import Reconciler
from contender.controller.recorder import RecorderReader
from contender.controller.recorder_client import RecorderClient
from contender.controller.routers import RouterReader
from contender.controller.settings import Settings
from contender.core.names import OPERATOR
from contender.kube.client import Client
from contender.kube.copies import Key
from contender.kube.errors import ApiError
from contender.kube.health import serve_health
from contender.kube.lease import Lease

DRAIN_SECONDS = 10.0
"""How long a stopping operator finishes what is in line."""

log = logging.getLogger(__name__)


async def run_operator(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    tolerate_leftovers(asyncio.get_running_loop())
    for number in (signal.SIGTERM, signal.SIGINT):
        # Kopf puts its own handlers over these, but only once it runs.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Client.connect(OPERATOR) as plain:
        lease = _lease(plain, settings)
        client = plain.guarded(lease.held) if lease else plain
        # Namespaces take turns: none waits for the crowd in another.
        queue: WorkQueue[Key] = WorkQueue(flow_of=lambda key: key[0])
        caches = Caches(client, settings.namespaces, queue.add)
        announcer = Announcer(client, busy=lambda: len(queue) > 0)
        routers = RouterReader()
        asking = RecorderClient(settings.installation.recorder)
        recorder = RecorderReader(asking, lambda key: queue.add(key, urgent=False))
        looks = LookReader(asking, lambda key: queue.add(key, urgent=False))
        reconciler = Reconciler(
            client, caches, announcer, routers, recorder, looks, settings.installation
        )
        # Kopf takes tasks younger than itself for its own and cancels them: ours come first.
        tasks = [
            asyncio.create_task(caches.run()),
            asyncio.create_task(announcer.run()),
            *([asyncio.create_task(one.run()) for one in (recorder, looks) if asking.exists]),
            *(
                asyncio.create_task(_work(queue, caches, recorder, reconciler, lease))
                for _ in range(settings.workers)
            ),
            *([asyncio.create_task(lease.run())] if lease else []),
        ]
        for task in tasks:
            task.add_done_callback(_log_death)
        REGISTRY.register(Fleet(caches, lease.held if lease else lambda: True))
        health = await serve_health(
            settings.host,
            settings.port,
            alive=lambda: not any(task.done() for task in tasks),
            ready=lambda: caches.is_synced,
        )
        try:
            for host, port in health.addresses:
                log.info("health and metrics at http://%s:%d", host, port)
            log.info("watching %s", ", ".join(settings.namespaces) or "all namespaces")
            # Kopf never serves a resource that is unknown when it starts: wait for the CRD.
            await _first_of(caches.synced(), stop.wait())
            # What is there now stays: the garbage collector need not look at it again and again.
            gc.freeze()
            await watch_owners(
                client, settings.namespaces, caches.observe_owner, caches.owners_were_missed, stop
            )
            if lease is None or lease.held():
                await _drain(queue)
        finally:
            await health.cleanup()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await routers.close()
            await asking.close()
            if lease:
                await lease.release()


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of these is over, and end the others."""
    tasks = [asyncio.create_task(one) for one in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _lease(client: Client, settings: Settings) -> Lease | None:
    if settings.lease is None:
        return None
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    return Lease(client, *settings.lease, identity=identity)


def _log_death(task: asyncio.Task[None]) -> None:
    """Say why a task of ours ended: the liveness probe then restarts the process."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("%s died", task.get_coro(), exc_info=error)


async def _drain(queue: WorkQueue[Key]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await queue.idle()


async def _work(
    queue: WorkQueue[Key],
    caches: Caches,
    recorder: RecorderReader,
    reconciler: Reconciler,
    lease: Lease | None,
) -> None:
    """Take keys from the queue for ever. Nothing is decided before everything was listed, or while
    another process leads: keys wait in line until then."""
    await caches.synced()
    await recorder.looked()
    while True:
        if lease:
            await lease.wait()
        key = await queue.get()
        try:
            await _pass(queue, reconciler, key)
        finally:
            queue.done(key)


async def _pass(queue: WorkQueue[Key], reconciler: Reconciler, key: Key) -> None:
    """Do one pass; whatever goes wrong with one key never touches another."""
    start = perf_counter()
    try:
        again = await reconciler.reconcile(key)
    except ApiError as error:
        wait = queue.add_failed(key, error.retry_after)
        conflict = error.is_conflict
        metrics.count_result("conflict" if conflict else "error")
        level = logging.DEBUG if conflict else logging.WARNING
        log.log(level, "%s/%s: again in %.1f s: %s", *key, wait, error)
    except Exception:
        wait = queue.add_failed(key)
        metrics.count_result("error")
        log.exception("%s/%s: again in %.1f s", *key, wait)
    else:
        queue.forget(key)
        metrics.count_result("requeue_after" if again is not None else "success")
        if again is not None:
            queue.add_after(key, again)
    finally:
        metrics.RECONCILE_SECONDS.observe(perf_counter() - start)
