"""Reads the recorder's looks at all running Experiments, once for all of them, and has it keep
their verdicts."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from contender.controller.recorder_client import RecorderClient, Unanswered
from contender.core.experiment.looks import Look, read_look
from contender.kube.copies import Key

LOOK_SECONDS = 5.0
FORGET_SECONDS = 900.0
"""After this an Experiment that nobody asked about is no longer followed."""

log = logging.getLogger(__name__)


@dataclass
class _Followed:
    """An Experiment whose looks are read."""

    key: Key
    """Of its ModelDeployment."""
    asked_at: float
    looks: list[Look]
    known: int
    """Number of the last look that its status knows."""

    @property
    def after(self) -> int:
        """Number after which looks are lacking; the last one that is known is needed, too."""
        return self.looks[-1].number if self.looks else max(0, self.known - 1)


class LookReader:
    """Knows what the recorder has noted of each running Experiment.

    Args:
        recorder: how to ask it.
        wake: called with the key of a ModelDeployment of which something new is known.
        clock: seconds.
    """

    def __init__(
        self,
        recorder: RecorderClient,
        wake: Callable[[Key], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._recorder = recorder
        self._wake = wake
        self._clock = clock
        self._followed: dict[str, _Followed] = {}
        self._verdicts: dict[str, dict[str, Any]] = {}
        """By uid: verdicts that the recorder is still to keep."""
        self._kept: set[str] = set()

    async def run(self) -> None:
        """Ask for ever."""
        while self._recorder.exists:
            try:
                await self._read()
                await self._keep()
            except Unanswered as error:
                log.warning("the recorder does not tell of Experiments: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    def of(self, key: Key, uid: str, known: int) -> tuple[Look, ...]:
        """Return what is known of an Experiment, and go on reading about it.

        Args:
            key: of its ModelDeployment.
            uid: its own.
            known: number of the last look that its status knows.
        """
        one = self._followed.setdefault(uid, _Followed(key, 0.0, [], known))
        one.asked_at, one.known = self._clock(), known
        # The last one that is known stays: it is what the end is judged by.
        one.looks = [look for look in one.looks if look.number >= known]
        return tuple(one.looks)

    def keep(self, uid: str, verdict: dict[str, Any]) -> None:
        """Have the recorder keep a verdict for good."""
        if uid not in self._kept and self._recorder.exists:
            self._verdicts[uid] = verdict
        self._followed.pop(uid, None)

    def take(self, page: dict[str, Any]) -> set[str]:
        """Take over an answer of the recorder; return the uids of which it tells something new."""
        news: set[str] = set()
        for told in page["looks"]:
            one, look = self._followed.get(told["experiment"]), read_look(told)
            # A router says for itself of which Experiment its answers are.
            ours = one is not None and one.key == (told["namespace"], told["endpoint"])
            if one is not None and ours and look.number > one.after:
                one.looks.append(look)
                news.add(told["experiment"])
        return news

    async def _read(self) -> None:
        now = self._clock()
        for uid in [
            uid for uid, one in self._followed.items() if now - one.asked_at > FORGET_SECONDS
        ]:
            del self._followed[uid]
        more = bool(self._followed)
        while more:
            asked = {uid: one.after for uid, one in self._followed.items()}
            page = await self._recorder.ask("POST", "/v1/looks", {"experiments": asked})
            try:
                news = self.take(page)
                more = bool(page["more"]) and bool(news)
            except (KeyError, TypeError, ValueError) as error:
                raise Unanswered(f"its answer is not understood: {error!r}") from error
            for uid in news:
                self._wake(self._followed[uid].key)

    async def _keep(self) -> None:
        for uid, verdict in [*self._verdicts.items()]:
            await self._recorder.ask("PUT", f"/v1/verdicts/{uid}", verdict)
            self._kept.add(uid)
            del self._verdicts[uid]
