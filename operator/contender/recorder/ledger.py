"""The ledger: makes batches of what has come, and knows what is stored. Only the writer's thread
uses it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from contender.recorder.assembling import Assembler
from contender.recorder.feedback import CROWDED, JOINED, KEPT, MICROSECONDS, Truth, Verdict
from contender.recorder.intake import Message
from contender.recorder.joining.books import Books
from contender.recorder.keyed import Keyed, KeyedTruths, place_of
from contender.recorder.model import (
    Batch,
    KeyedFeedback,
    Outcome,
    PredictionKey,
    Stored,
    Stratum,
)
from contender.recorder.plans import Plan, Plans
from contender.recorder.recording import Captured, Joiner, changes, growths
from contender.recorder.store.base import Store

MOST_ORPHANS = 100_000
"""Truths of one endpoint, by id or by key, for rows that are not known (yet)."""
MOST_LATE = 100_000
"""Predictions for which something came late that are looked at again."""
UNKNOWN = "feedbackWaiting"
"""Counter: truths by id that are kept for predictions that are not known (yet)."""


class NotStored(Exception):
    """Feedback was not stored, and is not acknowledged. Its text says why."""


@dataclass(frozen=True)
class Submission:
    """Truths that somebody sent and waits for."""

    endpoint: int
    truths: Sequence[Truth]
    done: Callable[[list[Verdict] | NotStored], None]
    """Told what became of them, once that is stored; from the writer's thread."""


class Ledger:
    """All that has to be known to make a batch.

    Args:
        store: where batches go.
        plans: of all endpoints.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, plans: Plans, clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = plans
        self._clock = clock
        self._assembler = Assembler(store, plans, clock)
        self._books = Books(store.statistic, store.hour)
        self._keyed = KeyedTruths(store)
        self._marks: list[Captured] = []
        self._late: dict[PredictionKey, float] = {}
        self.closed_until = 0
        """Requests before this moment (microseconds since 1970) were looked through for answers
        that are lacking; what comes later for them is noted."""
        self._counters: dict[tuple[int, str], int] = {}
        self._stored: dict[tuple[int, str], int] = {}
        """The counters as they are stored."""
        self._changed = 0

    def open(self) -> None:
        """Read what must be known before anything is written.

        Raises:
            StoreError: it cannot be read.
        """
        self._stored = self._store.counters()
        self._counters = dict(self._stored)
        self._changed = self._store.last_change()
        self._keyed.open()

    def look_again(self) -> None:
        """Look for rows of truths by key with the next batch."""
        self._keyed.look_again()

    def mark(self, lost: Iterable[Captured]) -> None:
        """Take answers that are given up."""
        self._marks += lost

    def count(self, endpoint: int, name: str, more: int = 1) -> None:
        """Add to a counter of an endpoint."""
        if more:
            self._counters[endpoint, name] = self._counters.get((endpoint, name), 0) + more

    def counters(self) -> dict[tuple[int, str], int]:
        """Return all counters by endpoint and name, as they are stored; from any thread."""
        return dict(self._stored)

    def counted(self) -> dict[tuple[int, str], int]:
        """Return all counters with what is not stored yet, for `forget`."""
        return dict(self._counters)

    def late(self, before: float) -> set[PredictionKey]:
        """Return the predictions for which something came too late, up to a moment (seconds since
        1970), and forget them."""
        found = {key for key, came in self._late.items() if came <= before}
        for key in found:
            del self._late[key]
        return found

    def forget_waiting(self, before: int) -> Counter[int]:
        """Forget truths by key that came before a moment (microseconds since 1970); return how many
        by endpoint."""
        return self._keyed.forget(before)

    @property
    def strata(self) -> Mapping[int, Stratum]:
        """All strata by number."""
        return self._assembler.strata

    def number(self, stratum: Stratum) -> int:
        """Return the number of a stratum.

        Raises:
            StoreError: it cannot be stored.
        """
        return self._assembler.number(stratum)

    def forget(self, counters: dict[tuple[int, str], int]) -> None:
        """Forget what may not be stored.

        Args:
            counters: as they were before.
        """
        self._counters = counters
        self._books.forget()
        self._assembler.forget()

    def write(
        self, messages: list[Message], submissions: list[Submission], dropped: Mapping[int, int]
    ) -> list[tuple[Submission, list[Verdict]]]:
        """Make a batch of everything and write it; return what became of the truths.

        Raises:
            StoreError: it is not stored; `forget`, and write it again.
        """
        now = int(self._clock() * MICROSECONDS)
        captured = [*self._assembler.answers(messages, self.count), *self._marks]
        keyed = self._keyed.look_up(_by_key(submissions, now), now)
        plans = dict(self._plans)
        joiner = Joiner(self._known(captured, submissions, keyed), plans)
        for one in captured:
            joiner.answer(one)
        told = [(one, self._truths(one, joiner, keyed, now)) for one in submissions]
        for waited, (prediction, row) in keyed.found.items():
            joiner.feedback(waited.on(prediction, row))
        batch = self._batch(joiner, plans, captured, keyed)
        for endpoint, number in dropped.items():
            self.count(endpoint, "dropped", number)
        batch.counters = {
            key: value for key, value in self._counters.items() if self._stored.get(key) != value
        }
        if batch.changes_anything:
            self._store.write(batch)
        self._settle(batch, keyed)
        return told

    def _known(
        self, captured: Iterable[Captured], submissions: Iterable[Submission], keyed: Keyed
    ) -> dict[PredictionKey, Stored]:
        keys = {(one.answer.endpoint, one.answer.prediction) for one in captured}
        keys |= {
            (one.endpoint, truth.prediction)
            for one in submissions
            for truth in one.truths
            if truth.prediction
        }
        keys |= {(one.endpoint, prediction) for one, (prediction, _) in keyed.found.items()}
        return self._store.stored(keys)

    def _truths(
        self, submission: Submission, joiner: Joiner, keyed: Keyed, now: int
    ) -> list[Verdict]:
        """Take truths; return what becomes of each."""
        endpoint = submission.endpoint
        told: list[Verdict] = []
        for truth in submission.truths:
            full = self._keyed.count(endpoint) + self._counters.get((endpoint, UNKNOWN), 0)
            if truth.key:
                one = truth.keyed(endpoint, now)
                verdict = JOINED if one in keyed.found else KEPT
                if verdict is KEPT and full >= MOST_ORPHANS:
                    keyed.waiting.pop(place_of(one), None)
                    verdict = CROWDED
            elif full >= MOST_ORPHANS and not joiner.knows(endpoint, truth.prediction):
                verdict = CROWDED
            else:
                verdict = joiner.truth(endpoint, truth, now)
            told.append(verdict)
            self.count(endpoint, "feedbackUnknown", int(verdict is KEPT))
            self.count(endpoint, "feedbackRefused", int(verdict.status >= 400))
        return told

    def _batch(
        self,
        joiner: Joiner,
        plans: Mapping[int, Plan],
        captured: Iterable[Captured],
        keyed: Keyed,
    ) -> Batch:
        """Return what is to be written."""
        joined, strata = joiner.joined, self._assembler.strata
        self._books.apply(changes(joined, plans, strata))
        self._books.grow(growths(joined.answers, plans, strata))
        new = {(one.answer.endpoint, one.answer.prediction) for one in joined.answers}
        handles = [one for each in captured for one in each.handles]
        for answer in (one.answer for one in joined.answers):
            lost = answer.outcome == Outcome.LOST
            self.count(answer.endpoint, "lost" if lost else "stored")
        for endpoint, number in joined.duplicates.items():
            self.count(endpoint, "duplicates", number)
        for (endpoint, _), (before, after) in joined.touched.items():
            self.count(endpoint, "feedback", len(after.feedback) - len(before.feedback))
            was = 0 if before.answers else len(before.feedback)
            self.count(endpoint, UNKNOWN, (0 if after.answers else len(after.feedback)) - was)
        return Batch(
            answers=[one.answer for one in joined.answers],
            handles=[one for one in handles if (one.endpoint, one.prediction) in new],
            feedback=[*joined.feedback.values()],
            waiting=[*keyed.waiting.values()],
            settled=keyed.settled,
            statistics=self._books.statistics(),
            changed=self._changed + 1,
            hours=self._books.hours(),
        )

    def _settle(self, batch: Batch, keyed: Keyed) -> None:
        """Take over what is stored now."""
        self._changed = batch.changed
        if len(self._late) < MOST_LATE:
            self._late |= {
                (one.endpoint, one.prediction): self._clock()
                for one in batch.answers
                if one.time < self.closed_until and one.outcome != Outcome.LOST
            }
        self._stored |= batch.counters
        self._books.settled()
        self._marks.clear()
        self._keyed.settle(batch, keyed)


def _by_key(submissions: Iterable[Submission], now: int) -> list[KeyedFeedback]:
    """Return the truths that name their row by key."""
    return [
        truth.keyed(one.endpoint, now) for one in submissions for truth in one.truths if truth.key
    ]
