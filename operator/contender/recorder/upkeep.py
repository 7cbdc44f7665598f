"""Upkeep: what has to be done from time to time, in the writer's thread."""

import logging
from collections.abc import Callable, Iterator
from time import time

from contender.recorder.feedback import MICROSECONDS
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR, UNKNOWN_ARM
from contender.recorder.ledger import MOST_ORPHANS, UNKNOWN
from contender.recorder.maturity import Sweep
from contender.recorder.model import Answer, Outcome, PredictionKey, Stored, Stratum, Unread
from contender.recorder.recording import Captured
from contender.recorder.store.base import Store, StoreError
from contender.recorder.writer import Writer

LOST_SECONDS = 90
"""After this an answer that has not come is given up: challengers have 30 s, routers and we some
more."""
LOOK_BACK_SECONDS = 3600
"""So far back is looked for what was lost while no recorder ran."""
ORPHAN_SECONDS = 24 * 3600
"""How long feedback waits for a prediction that is not known."""
HOURS_KEPT = 24 * 400
"""How long hourly counts are kept."""
PORTION = 2000
"""Rows that are deleted, or counted anew, at a time, so that answers need not wait for long."""

log = logging.getLogger(__name__)


class Upkeep:
    """Work that nobody asks for.

    Args:
        store: of the writer.
        writer: runs all this in its thread.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, writer: Writer, clock: Callable[[], float] = time) -> None:
        self._store = store
        self._writer = writer
        self._ledger = writer.ledger
        self._clock = clock
        self._maturing = False
        self._at_fault: set[int] = set()
        self._ledger.closed_until = int((clock() - LOOK_BACK_SECONDS) * MICROSECONDS)

    def give_up(self) -> None:
        """Mark what was expected and has not come."""
        patience = self._clock() - LOST_SECONDS
        since, until = self._ledger.closed_until, int(patience * MICROSECONDS)
        keys = {*self._store.lacking(since, until), *self._ledger.late(patience)}
        for key, stored in self._store.stored(keys).items():
            self._ledger.mark(self._lost(key, stored))
        self._ledger.closed_until = max(since, until)

    def _lost(self, key: PredictionKey, stored: Stored) -> Iterator[Captured]:
        """Iterate over the marks of one prediction."""
        strata = self._ledger.strata
        known = {
            name: strata[answer.stratum]
            for name, answer in stored.answers.items()
            if name != UNKNOWN_ARM
        }
        served = next((one for one in known.values() if not one.copy), None)
        example = next(iter(known.values()), None)
        if example is None or not example.experiment:
            return
        if served is None:
            if UNKNOWN_ARM not in stored.answers:
                yield self._mark(key, stored, example, UNKNOWN_ARM, copy=False)
            return
        for arm in served.expects:
            if arm not in known:
                yield self._mark(key, stored, served, arm, copy=True)

    def _mark(
        self, key: PredictionKey, stored: Stored, like: Stratum, arm: str, *, copy: bool
    ) -> Captured:
        time_of = min(answer.time for answer in stored.answers.values())
        stratum = Stratum(like.endpoint, like.experiment, like.epoch, arm, copy, "", "", 0)
        number = self._ledger.number(stratum)
        return Captured(
            Answer(
                *key,
                arm,
                number,
                time_of,
                code=0,
                outcome=Outcome.LOST,
                latency=-1,
                rows=0,
                unread=Unread.NONE,
                outputs=None,
                entities=None,
                segments=None,
                request=None,
                response=None,
            )
        )

    def mature(self) -> None:
        """Count what has become old enough, unless that is under way."""
        if not self._maturing:
            self._mature_on()

    def _mature_on(self) -> None:
        """Count a portion, and come back for more."""
        self._maturing = False  # should this fail
        sweep = self._ledger.due(PORTION, self._at_fault)
        if sweep.predictions:
            self._count(sweep)
        if sweep.more:
            self._maturing = True
            self._writer.errand(self._mature_on)

    def _count(self, sweep: Sweep) -> None:
        """Count what has become old enough, as a batch of its own; what cannot be understood holds
        up no other endpoint."""
        try:
            with self._ledger.attempt():
                self._ledger.write([], [], {}, sweep)
        except StoreError:
            raise
        except Exception:
            for endpoint in sweep.until:
                if len(sweep.until) > 1:
                    self._count(sweep.of(endpoint))
                    continue
                log.exception("endpoint %d matures no more: a defect of the recorder", endpoint)
                self._at_fault.add(endpoint)

    def expire(self) -> None:
        """Delete what is older than is kept, or more."""
        used = self._store.bytes_used()
        now = self._clock()
        for endpoint in self._store.endpoints():
            if endpoint.gone_at is not None and now > endpoint.gone_at + endpoint.retention_seconds:
                if self._store.remove(endpoint.number, PORTION):
                    log.info("%s/%s is forgotten", endpoint.namespace, endpoint.name)
                else:
                    self._writer.errand(self.expire)
                continue
            before = int((now - endpoint.retention_seconds) * MICROSECONDS)
            gone, _ = self._store.expire(endpoint.number, before, PORTION)
            excess = used.get(endpoint.number, 0) - endpoint.retention_bytes
            freed = 0
            if excess > 0:
                freed, _ = self._store.expire_bytes(endpoint.number, excess, PORTION)
            self._ledger.count(endpoint.number, "expired", gone + freed)
            self._ledger.count(endpoint.number, "expiredBySize", freed)
            if max(gone, freed) >= PORTION:
                self._writer.errand(self.expire)

    def expire_rarely(self) -> None:
        """Delete feedback that found no prediction, old hours and old callers."""
        now = self._clock()
        before = int((now - ORPHAN_SECONDS) * MICROSECONDS)
        by_key = self._ledger.forget_waiting(before)
        for endpoint, number in self._store.expire_orphans(before, MOST_ORPHANS).items():
            self._ledger.count(endpoint, "feedbackUnmatched", number)
            self._ledger.count(endpoint, UNKNOWN, by_key[endpoint] - number)
        hour = int(now * MICROSECONDS) // MICROSECONDS_PER_HOUR - HOURS_KEPT
        for one in self._store.endpoints():
            self._store.expire_hours(one.number, hour)
            kept_since = int((now - one.retention_seconds) * MICROSECONDS)
            self._store.expire_callers(one.number, kept_since)
