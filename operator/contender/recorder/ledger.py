"""The ledger: makes batches of what has come, and knows what is stored. Only the writer's thread
uses it."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager

from contender.recorder.assembling import Assembler
from contender.recorder.callers import Callers
from contender.recorder.counters import Counters
from contender.recorder.feedback import CROWDED, JOINED, KEPT, MICROSECONDS, Verdict
from contender.recorder.intake import Message
from contender.recorder.joining.books import Books
from contender.recorder.joining.marks import Marks
from contender.recorder.keyed import Keyed, KeyedTruths, place_of
from contender.recorder.looks import Looks
from contender.recorder.maturity import Maturity, Sweep
from contender.recorder.model import (
    LOST,
    Answer,
    Batch,
    Handle,
    PredictionKey,
    Stored,
    Stratum,
)
from contender.recorder.plans import Plan, Plans
from contender.recorder.recording import Captured, Joiner, changes, growths
from contender.recorder.store.base import Store
from contender.recorder.submissions import Submission, by_key

MOST_ORPHANS = 100_000
"""Truths of one endpoint, by id or by key, for rows that are not known (yet)."""
MOST_LATE = 100_000
"""Predictions for which something came late that are looked at again."""
UNKNOWN = "feedbackWaiting"
"""Counter: truths by id that are kept for predictions that are not known (yet)."""


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
        self._maturity = Maturity(store)
        self._callers = Callers(store)
        self._looks = Looks(store, self._books, self._callers)
        self._keyed = KeyedTruths(store)
        self._marks: list[Captured] = []
        self._late: dict[PredictionKey, float] = {}
        self.closed_until = 0
        """Requests before this moment (microseconds since 1970) were looked through for answers
        that are lacking; what comes later for them is noted."""
        self._counters = Counters()
        self._changed = 0

    def open(self) -> None:
        """Read what must be known before anything is written.

        Raises:
            StoreError: it cannot be read.
        """
        self._counters.open(self._store.counters())
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
        self._counters.add(endpoint, name, more)

    def counters(self) -> dict[tuple[int, str], int]:
        """Return all counters by endpoint and name, as they are stored; from any thread."""
        return self._counters.stored()

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

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do something; should it fail, forget what may not be stored."""
        before = self._counters.present()
        try:
            yield
        except BaseException:
            self._counters.restore(before)
            keepers = (self._books, self._assembler, self._maturity, self._looks, self._callers)
            for one in keepers:
                one.forget()
            raise

    def due(self, limit: int, without: Container[int]) -> Sweep:
        """Return what has become old enough to count, of about `limit` answers at a time; without
        some endpoints.

        Raises:
            StoreError: what is stored cannot be read.
        """
        plans = [one for one in self._plans if one[0] not in without]
        sweep = self._maturity.due(plans, self._now(), limit)
        if not sweep.predictions:
            self._maturity.move(sweep)
        return sweep

    def write(
        self,
        messages: list[Message],
        submissions: list[Submission],
        dropped: Mapping[int, int],
        sweep: Sweep | None = None,
    ) -> list[tuple[Submission, list[Verdict]]]:
        """Make a batch of everything and write it, as an `attempt`; return what became of the
        truths.

        Args:
            messages: of routers.
            submissions: truths.
            dropped: how many answers were, by endpoint.
            sweep: what has become old enough, as `due` has it.

        Raises:
            StoreError: it is not stored; write it again.
        """
        now, sweep = self._now(), sweep or Sweep()
        captured = [*self._assembler.answers(messages, self.count), *self._marks]
        keyed = self._keyed.look_up(by_key(submissions, now), now)
        plans = dict(self._plans)
        joiner = Joiner(self._known(captured, submissions, keyed, sweep), plans)
        for one in captured:
            joiner.answer(one)
        told = [(one, self._truths(one, joiner, keyed, now)) for one in submissions]
        for waited, (prediction, row) in keyed.found.items():
            joiner.feedback(waited.on(prediction, row))
        for key in sweep.predictions:
            joiner.again(key)
        batch = self._batch(joiner, plans, captured, keyed, sweep, now)
        for endpoint, number in dropped.items():
            self.count(endpoint, "dropped", number)
        batch.counters = self._counters.changed()
        if batch.changes_anything:
            self._store.write(batch)
            self._maturity.settled()
        self._settle(batch, keyed)
        return told

    def _now(self) -> int:
        return int(self._clock() * MICROSECONDS)

    def _known(
        self,
        captured: Iterable[Captured],
        submissions: Iterable[Submission],
        keyed: Keyed,
        sweep: Sweep,
    ) -> dict[PredictionKey, Stored]:
        keys = {(one.answer.endpoint, one.answer.prediction) for one in captured}
        keys |= sweep.predictions.keys()
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
            full = self._keyed.count(endpoint) + self._counters.get(endpoint, UNKNOWN)
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
        sweep: Sweep,
        now: int,
    ) -> Batch:
        """Return what is to be written."""
        joined, strata = joiner.joined, self._assembler.strata

        def judge(endpoint: int) -> str:
            return plans[endpoint].judge.digest

        def marks(endpoint: int) -> tuple[Marks, Marks]:
            found = self._maturity.marks(endpoint, plans[endpoint].judge, now)
            return found, found.moved(sweep.until.get(endpoint, {}))

        self._books.apply(changes(joined, plans, strata, marks))
        self._maturity.move(sweep)
        self._books.grow(growths(joined.answers, plans, strata))
        answers = [one.answer for one in joined.answers]
        became = Counter((one.endpoint, one.outcome == LOST) for one in answers)
        for (endpoint, lost), number in became.items():
            self.count(endpoint, "lost" if lost else "stored", number)
        for endpoint, number in joined.duplicates.items():
            self.count(endpoint, "duplicates", number)
        for (endpoint, _), (before, after) in joined.touched.items():
            self.count(endpoint, "feedback", len(after.feedback) - len(before.feedback))
            was = 0 if before.answers else len(before.feedback)
            self.count(endpoint, UNKNOWN, (0 if after.answers else len(after.feedback)) - was)
        statistics = self._books.statistics()
        return Batch(
            answers=answers,
            replaces=joined.replaces,
            handles=_handles_of(answers, captured),
            feedback=[*joined.feedback.values()],
            waiting=[*keyed.waiting.values()],
            settled=keyed.settled,
            statistics=statistics,
            changed=self._changed + 1,
            hours=self._books.hours(),
            notes=self._maturity.changed(),
            looks=[*self._looks.take(statistics, judge, now)],
            callers=[*self._callers.new(joined.answers, strata)],
        )

    def _settle(self, batch: Batch, keyed: Keyed) -> None:
        """Take over what is stored now."""
        self._changed = batch.changed
        if len(self._late) < MOST_LATE:
            self._late |= {
                (one.endpoint, one.prediction): self._clock()
                for one in batch.answers
                if one.time < self.closed_until and one.outcome != LOST
            }
        self._counters.settled(batch.counters)
        self._books.settled()
        self._looks.settled()
        self._callers.settled()
        self._marks.clear()
        self._keyed.settle(batch, keyed)


def _handles_of(new: Iterable[Answer], captured: Iterable[Captured]) -> list[Handle]:
    """Return the handles of answers that are new."""
    handles = [one for each in captured for one in each.handles]
    predictions = {(one.endpoint, one.prediction) for one in new} if handles else {}
    return [one for one in handles if (one.endpoint, one.prediction) in predictions]
