"""Asks the recorder how the capture of all endpoints goes on, once for all of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from contender.controller.recorder_client import RecorderClient, Unanswered
from contender.core.capturing import CaptureReport
from contender.kube.copies import Key

LOOK_SECONDS = 15.0
WINDOW_SECONDS = 120.0
"""What is told of the last minutes is told of so long."""
ON_THE_WAY_SECONDS = 5.0
"""Until what a router counts as sent is counted by the recorder, at most."""
STALE_SECONDS = 60.0
"""An answer that is older counts as none."""
_UNREAD = ("requestUnread", "answerUnread")

log = logging.getLogger(__name__)


@dataclass
class _History:
    """Counters at some moments of the last minutes."""

    samples: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)

    def add(self, now: float, counters: Mapping[str, int]) -> None:
        if self.samples and any(
            counters.get(name, 0) < value for name, value in self.samples[-1][1].items()
        ):
            self.samples.clear()  # who counts began anew
        self.samples.append((now, counters))
        while len(self.samples) > 2 and self.samples[1][0] <= now - WINDOW_SECONDS:
            self.samples.popleft()

    def growth(self, until: float = float("inf")) -> dict[str, int]:
        """Return by how much each counter grew within the window, up to a moment."""
        seen = [counters for now, counters in self.samples if now <= until]
        if not seen:
            return {}
        return {name: value - seen[0].get(name, 0) for name, value in seen[-1].items()}


class RecorderReader:
    """Knows what the recorder says of each endpoint.

    Args:
        recorder: how to ask it.
        wake: called with the key of an endpoint of which something else is to be told.
        clock: seconds.
    """

    def __init__(
        self,
        recorder: RecorderClient,
        wake: Callable[[Key], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = recorder
        self._wake = wake
        self._clock = clock
        self._answered_at = float("-inf")
        self._trouble = ""
        self._uids: dict[Key, str] = {}
        self._ever: dict[Key, bool] = {}
        self._recorder: dict[Key, _History] = {}
        self._routers: dict[Key, _History] = {}
        self._told: dict[Key, CaptureReport | None] = {}
        self._looked = asyncio.Event()

    async def run(self) -> None:
        """Ask for ever."""
        while self._client.exists:
            try:
                self.take(await self._client.ask("GET", "/v1/endpoints"))
            except Unanswered as error:
                log.warning("the recorder does not answer: %s", error)
            self._looked.set()
            self.wake_those_concerned()
            await asyncio.sleep(LOOK_SECONDS)

    async def looked(self) -> None:
        """Wait until it is known whether the recorder answers: nothing is to be told before."""
        if self._client.exists:
            await self._looked.wait()

    def take(self, page: Mapping[str, Any]) -> None:
        """Take over an answer of the recorder."""
        now = self._clock()
        self._answered_at = now
        self._trouble = page["trouble"]
        found: set[Key] = set()
        for one in page["endpoints"]:
            key = (one["namespace"], one["name"])
            found.add(key)
            if self._uids.get(key) != one["uid"]:
                self._recorder.pop(key, None)
            self._uids[key] = one["uid"]
            self._ever[key] = one["counters"].get("received", 0) > 0
            self._recorder.setdefault(key, _History()).add(now, one["counters"])
        for key in self._uids.keys() - found:
            del self._uids[key], self._ever[key], self._recorder[key]

    def note_routers(self, key: Key, sent: int, undelivered: int) -> None:
        """Take over what the routers of an endpoint have counted since they started.

        Args:
            key: of the endpoint.
            sent: answers that they sent.
            undelivered: answers that they dropped.
        """
        counters = {"sent": sent, "undelivered": undelivered}
        self._routers.setdefault(key, _History()).add(self._clock(), counters)

    def report(self, key: Key) -> CaptureReport | None:
        """Return what is said of an endpoint; None while the recorder does not answer."""
        found = self._report(key)
        self._told[key] = found
        return found

    def _report(self, key: Key) -> CaptureReport | None:
        if self._clock() - self._answered_at > STALE_SECONDS:
            return None
        grown = self._recorder[key].growth() if key in self._recorder else {}
        # What routers sent just now is not told of by an answer that is older.
        until = self._answered_at - ON_THE_WAY_SECONDS
        routers = self._routers[key].growth(until) if key in self._routers else {}
        unread = {
            name.removeprefix(prefix): number
            for prefix in _UNREAD
            for name, number in grown.items()
            if name.startswith(prefix) and number
        }
        return CaptureReport(
            trouble=self._trouble,
            ever=self._ever.get(key, False),
            received=grown.get("received", 0),
            dropped=grown.get("dropped", 0),
            unread=sum(unread.values()),
            why_unread=max(unread, key=unread.__getitem__, default=""),
            sent=routers.get("sent", 0),
            undelivered=routers.get("undelivered", 0),
        )

    def wake_those_concerned(self) -> None:
        """Wake endpoints of which something else is to be told than was told last."""
        for key, told in [*self._told.items()]:
            if self._kind(told) != self._kind(self._report(key)):
                del self._told[key]  # until the next pass
                self._wake(key)

    @staticmethod
    def _kind(report: CaptureReport | None) -> tuple[object, ...]:
        """Return what matters of a report: not how much, but whether."""
        if report is None:
            return ()
        return (
            report.trouble,
            report.ever,
            report.received > 0,
            report.dropped > 0,
            report.unread > 0,
        )
