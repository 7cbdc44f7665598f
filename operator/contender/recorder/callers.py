"""Callers: who was drawn for which arm, where callers stay with theirs.

There callers are drawn and not requests, so that it is they who have to be as many as weights say.
Each is kept once for each stretch with constant weights, as a keyed hash.
"""

from collections.abc import Iterable, Iterator, Mapping

from contender.recorder.model import Caller, Drawn, Stratum
from contender.recorder.recording import Captured
from contender.recorder.store.base import Store

MOST = 100_000
"""Callers of one stretch that are kept: so many show every mismatch that matters."""
MOST_KNOWN = 100_000
"""Callers that stay in memory, so that they are not written again with each request of theirs."""
UNDER_WAY = 10_000_000
"""Microseconds: requests are known when they are answered, those of a slow arm later than others.
Callers whose first request came so recently are not counted yet."""

Stretch = tuple[int, str, str]
"""Number of the endpoint, uid of the Experiment, and epoch."""


class Callers:
    """Notes who was drawn.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[tuple[Stretch, bytes]] = set()
        self._full: set[Stretch] = set()

    def new(self, captured: Iterable[Captured], strata: Mapping[int, Stratum]) -> Iterator[Caller]:
        """Iterate over the callers of new answers that are not known to be there."""
        for one in captured:
            if one.caller is None:
                continue
            stratum = strata[one.answer.stratum]
            stretch = (stratum.endpoint, stratum.experiment, stratum.epoch)
            if stratum.copy or not stratum.experiment or stretch in self._full:
                continue
            if (stretch, one.caller) not in self._known:
                self._known.add((stretch, one.caller))
                yield Caller(*stretch, one.caller, stratum.arm, stratum.share, one.answer.time)

    def drawn(self, endpoint: int, experiment: str, now: int) -> list[Drawn]:
        """Return how many callers were drawn for each arm, as far as they are stored.

        Args:
            endpoint: number of the endpoint.
            experiment: uid of the Experiment.
            now: microseconds since 1970.

        Raises:
            StoreError: it cannot be read.
        """
        found = self._store.drawn(endpoint, experiment, now - UNDER_WAY)
        for epoch in {one.epoch for one in found}:
            if sum(one.callers for one in found if one.epoch == epoch) >= MOST:
                self._full.add((endpoint, experiment, epoch))
        return found

    def settled(self) -> None:
        """Say that all callers are stored."""
        if len(self._known) > MOST_KNOWN:
            self.forget()

    def forget(self) -> None:
        """Forget everything: what is stored counts."""
        self._known.clear()
        self._full.clear()
