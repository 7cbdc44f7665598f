"""Kopf hosts the operator: it watches the ModelDeployments and wakes the queue.

Handlers only enqueue. Kopf then writes nothing into users' objects: no annotations, no finalizers.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any

import kopf

from contender.api.v1alpha1 import GROUP, VERSION
from contender.controller.caches import OWNERS
from contender.core.manifest import Manifest
from contender.kube.client import Client

LOGIN_PAUSE_SECONDS = 5.0
"""Kopf logs in again at once after a 401: without a pause 200 times a second."""
RESTART_SECONDS = 5.0
KOPF_IDLE_SECONDS = 0.1
"""How long Kopf keeps a task for each object after its last event; the handlers only enqueue."""

log = logging.getLogger(__name__)

Observe = Callable[[str | None, Manifest], None]


def _registry(client: Client, observe: Observe, ended: asyncio.Event) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def enqueue(event: Any, **_: Any) -> None:
        observe(event["type"], event["object"])

    kopf.on.event(GROUP, VERSION, OWNERS.plural, registry=registry)(enqueue)

    pauses = itertools.chain([0.0], itertools.repeat(LOGIN_PAUSE_SECONDS))

    async def login(**_: Any) -> kopf.AiohttpSession:
        await asyncio.sleep(next(pauses))
        # A session of Kopf's own: it closes it when it is done.
        return kopf.AiohttpSession(server=client.server, aiohttp_session=client.new_session())

    kopf.on.login(registry=registry)(login)

    async def end(**_: Any) -> None:
        # Kopf's own waiter for the flag would hold up its end for five seconds.
        ended.set()

    kopf.on.cleanup(registry=registry)(end)
    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.request_timeout = 10
    settings.networking.error_backoffs = _Backoffs()
    settings.queueing.idle_timeout = KOPF_IDLE_SECONDS
    settings.persistence.finalizer = f"{GROUP}/never-set"
    settings.persistence.diffbase_storage = _NoDiffBase()
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing: we compare states ourselves, and Kopf's copies cost a quarter of our CPU.

    Handlers of plain events never look at it.
    """

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        del body, extra_fields
        return {}

    def fetch(self, *, body: Any) -> None:
        del body

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        del body, patch, essence


class _Backoffs:
    """Never ends: when these run out Kopf's watcher dies, and the operator with it."""

    def __iter__(self) -> Any:
        return itertools.chain([0.1, 0.5, 1, 2, 5, 10], itertools.repeat(15))


def tolerate_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    """Have a generator that fails while the loop is being closed told as what it is: Kopf leaves
    its watches to be closed then, and one that is in the middle of an answer cannot be."""

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "asyncgen" in context:
            log.debug("%s: %r", context["message"], context.get("exception"))
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(tell)


async def watch_owners(
    client: Client,
    namespaces: tuple[str, ...],
    observe: Observe,
    missed: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    """Run Kopf until SIGTERM, SIGINT or `stop`; start it anew if it dies of a watch error.

    Args:
        client: how to reach the API server.
        namespaces: which to watch; none means all.
        observe: called with every watch event.
        missed: called when events may have been lost: Kopf does not notice what was deleted while
            it did not watch.
        stop: ends it.
    """
    while not stop.is_set():
        ended = asyncio.Event()
        relay = asyncio.create_task(_relay(stop, ended))
        try:
            await kopf.operator(
                registry=_registry(client, observe, ended),
                settings=_settings(),
                namespaces=namespaces,
                clusterwide=not namespaces,
                standalone=True,
                stop_flag=ended,
            )
            return
        except Exception as error:
            foreseen = type(error).__module__.startswith(("kopf.", "aiohttp."))
            log.warning(
                "the watch of ModelDeployments died and is started anew: %s",
                error,
                exc_info=not foreseen,
            )
            await asyncio.sleep(RESTART_SECONDS)
            # By then it has listed them, and watches again.
            asyncio.get_running_loop().call_later(RESTART_SECONDS, missed)
        finally:
            relay.cancel()


async def _relay(stop: asyncio.Event, ended: asyncio.Event) -> None:
    await stop.wait()
    ended.set()
