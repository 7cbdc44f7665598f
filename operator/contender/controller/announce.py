"""Kubernetes Events: told beside the work, never in its way."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from contender.core.events import Event
from contender.core.manifest import Manifest, format_time, name_of
from contender.core.names import OPERATOR
from contender.kube.client import Client, collection
from contender.kube.errors import ApiError

LONGEST_LINE = 5000
"""Events that may wait; more are only logged."""
PAUSE_SECONDS = 0.02
BUSY_PAUSE_SECONDS = 0.2
"""Least time between two Events: they must not take the API server from the work in line."""
MESSAGE_LIMIT = 1024
"""The API server's own limit."""

log = logging.getLogger(__name__)


class Announcer:
    """Posts Events one after another.

    Args:
        client: how to reach the API server.
        busy: tells whether work is in line, which is more urgent.
    """

    def __init__(self, client: Client, busy: Callable[[], bool] = lambda: False) -> None:
        self._client = client
        self._busy = busy
        self._line: asyncio.Queue[Manifest] = asyncio.Queue(LONGEST_LINE)

    def announce(self, owner: Manifest, event: Event) -> None:
        """Put an Event in line; when the line is full it is dropped, the log has it."""
        try:
            self._line.put_nowait(_manifest(owner, event))
        except asyncio.QueueFull:
            log.warning("too many events: dropped %s of %s", event.reason, name_of(owner))

    async def run(self) -> None:
        """Post what is in line, for ever."""
        while True:
            manifest = await self._line.get()
            path = collection("v1", "events", manifest["metadata"]["namespace"])
            try:
                await self._client.create(path, manifest)
            except ApiError as error:
                log.warning("event not posted: %s", error)
            await asyncio.sleep(BUSY_PAUSE_SECONDS if self._busy() else PAUSE_SECONDS)


def _manifest(owner: Manifest, event: Event) -> Manifest:
    metadata = owner["metadata"]
    now = format_time(datetime.now(UTC))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:MESSAGE_LIMIT],
        "source": {"component": OPERATOR},
        "reportingComponent": OPERATOR,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
