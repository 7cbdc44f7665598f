"""Kubernetes Events: told beside the work, never in its way.

As with client-go, an Event that repeats is counted up instead of posted anew, and what happens to
an object all the time is told less and less.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from contender.controller.line import FairLine
from contender.core.events import Event
from contender.core.manifest import Manifest, format_time, name_of
from contender.core.names import OPERATOR
from contender.kube.client import Client, collection
from contender.kube.errors import ApiError

LONGEST_LINE = 1000
"""Events of one namespace that may wait; more are only logged."""
PAUSE_SECONDS = 0.02
BUSY_PAUSE_SECONDS = 0.2
"""Least time between two Events: they must not take the API server from the work in line."""
MESSAGE_LIMIT = 1024
"""The API server's own limit."""
MOST_REMEMBERED = 4096
"""Events whose repetitions are counted, and budgets; the oldest are forgotten first."""
BURST = 25
"""How often the same reason may be told of one object at once ..."""
REFILL_SECONDS = 300.0
"""... and after that once in this time. The numbers are those of client-go's EventCorrelator."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Told:
    """What is told about whom; one that repeats is the same."""

    namespace: str
    uid: str
    event: Event


@dataclass(frozen=True)
class _Posted:
    """An Event that the API server has."""

    name: str
    count: int


class Announcer:
    """Posts Events one after another; namespaces take turns.

    Args:
        client: how to reach the API server.
        busy: tells whether work is in line, which is more urgent.
        clock: seconds, for the limit of each object.
    """

    def __init__(
        self,
        client: Client,
        busy: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._busy = busy
        self._clock = clock
        self._line: FairLine[_Told] = FairLine()
        self._filled = asyncio.Event()
        self._waiting: dict[_Told, Manifest] = {}
        """What is in line, with all that happened of it meanwhile."""
        self._in_line: Counter[str] = Counter()
        self._posted: OrderedDict[_Told, _Posted] = OrderedDict()
        self._budgets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        """By uid and reason: how often it may still be told, and when that was so."""

    def announce(self, owner: Manifest, event: Event) -> None:
        """Put an Event in line; one that is too much is dropped, the log has it."""
        told = _Told(owner["metadata"]["namespace"], owner["metadata"]["uid"], event)
        if not self._may_tell(told):
            return
        waiting = self._waiting.get(told)
        if waiting:
            waiting["count"] += 1
            waiting["lastTimestamp"] = format_time(datetime.now(UTC))
        elif self._in_line[told.namespace] < LONGEST_LINE:
            self._waiting[told] = _manifest(owner, event)
            self._in_line[told.namespace] += 1
            self._line.put(told, told.namespace)
            self._filled.set()
        else:
            log.warning("too many events: dropped %s of %s", event.reason, name_of(owner))

    def _may_tell(self, told: _Told) -> bool:
        """Take from the budget of an object and a reason: a token bucket."""
        key, now = (told.uid, told.event.reason), self._clock()
        left, since = self._budgets.pop(key, (float(BURST), now))
        left = min(float(BURST), left + (now - since) / REFILL_SECONDS)
        allowed = left >= 1.0
        self._budgets[key] = (left - allowed, now)
        if len(self._budgets) > MOST_REMEMBERED:
            self._budgets.popitem(last=False)
        return allowed

    async def run(self) -> None:
        """Post what is in line, for ever."""
        while True:
            await self._filled.wait()
            told = self._line.pop()
            manifest = self._waiting.pop(told)
            self._in_line -= Counter([told.namespace])
            if not self._line:
                self._filled.clear()
            try:
                await self._post(told, manifest)
            except ApiError as error:
                log.warning("event not posted: %s", error)
            await asyncio.sleep(BUSY_PAUSE_SECONDS if self._busy() else PAUSE_SECONDS)

    async def _post(self, told: _Told, manifest: Manifest) -> None:
        """Count an Event up that the API server has, else create it."""
        path = collection("v1", "events", told.namespace)
        posted = self._posted.pop(told, None)
        if posted is None or not await self._count_up(f"{path}/{posted.name}", posted, manifest):
            stored = await self._client.create(path, manifest)
            posted = _Posted(name_of(stored), 0)
        self._posted[told] = _Posted(posted.name, posted.count + manifest["count"])
        if len(self._posted) > MOST_REMEMBERED:
            self._posted.popitem(last=False)

    async def _count_up(self, path: str, posted: _Posted, manifest: Manifest) -> bool:
        """Return False when the Event is gone: the API server forgets them after an hour."""
        change = {
            "count": posted.count + manifest["count"],
            "lastTimestamp": manifest["lastTimestamp"],
        }
        try:
            await self._client.merge_patch(path, change)
        except ApiError as error:
            if not error.not_found:
                raise
            return False
        return True


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
