"""The writer: the one thread that changes the store.

A batch is made of what has come, and written whole. Should that fail it is made anew, from what was
received and what is stored by then: whether the store took it after all makes no difference.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic, sleep, time

from contender.recorder.assembling import Assembler
from contender.recorder.feedback import CROWDED, JOINED, KEPT, MICROSECONDS, Truth, Verdict
from contender.recorder.intake import Intake, Message
from contender.recorder.joining.books import Books
from contender.recorder.model import (
    KEY,
    Batch,
    KeyedFeedback,
    Outcome,
    PredictionKey,
    Stored,
    Stratum,
)
from contender.recorder.plans import Plans
from contender.recorder.recording import (
    MOST_ORPHANS,
    Captured,
    Joiner,
    Waiting,
    changes,
    growths,
)
from contender.recorder.store.base import Store, StoreError

MOST_ENTRIES = 2000
"""Answers of one batch, about."""
PAUSE_SECONDS = 0.1
"""How long a batch gathers."""
RETRY_SECONDS = 1.0
SETTLE_SECONDS = 60
"""After this, all answers to requests of a moment have come: only then is it known which one is the
last with a key."""

UNKNOWN = "feedbackWaiting"
"""Counter: truths by id that are kept for predictions that are not known (yet)."""

log = logging.getLogger(__name__)


class NotStored(Exception):
    """Feedback was not stored, and is not acknowledged. Its text says why."""


@dataclass
class Keyed:
    """Truths by key in one batch."""

    found: dict[KeyedFeedback, tuple[bytes, int]] = field(default_factory=lambda: {})
    """Prediction and row."""
    waiting: list[KeyedFeedback] = field(default_factory=lambda: [])
    """Those that have come and have no row yet."""
    settled: list[KeyedFeedback] = field(default_factory=lambda: [])
    """Those that waited, and have one now."""
    again: set[tuple[int, bytes]] = field(default_factory=set)
    """Endpoints and keys for which it is too early to look."""


@dataclass(frozen=True)
class Submission:
    """Truths that somebody sent and waits for."""

    endpoint: int
    truths: Sequence[Truth]
    done: Callable[[list[Verdict] | NotStored], None]
    """Told what became of them, once that is stored; from the writer's thread."""


class Writer:
    """Turns what comes into what is stored.

    Args:
        store: where; only this writer changes it.
        plans: of all endpoints.
        intake: what routers sent.
        clock: seconds since 1970.
    """

    def __init__(
        self, store: Store, plans: Plans, intake: Intake, clock: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._plans = plans
        self._intake = intake
        self._clock = clock
        self._assembler = Assembler(store, plans, clock)
        self._books = Books(store.statistic, store.hour)
        self._submissions: deque[Submission] = deque()
        self._errands: deque[Callable[[], None]] = deque()
        self._marks: list[Captured] = []
        self._waiting = Waiting()
        self._due: set[tuple[int, bytes]] = set()
        self._look_again = False
        self._late: dict[PredictionKey, float] = {}
        self.closed_until = 0
        """Requests before this moment (microseconds since 1970) were looked through for answers
        that are lacking; what comes later for them is noted."""
        self._counters: dict[tuple[int, str], int] = {}
        self._stored: dict[tuple[int, str], int] = {}
        """The counters as they are stored."""
        self._changed = 0
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.trouble = ""
        """Why the store does not take anything; empty: it does."""
        self.beat = monotonic()
        """When the thread last went round."""

    def submit(self, submission: Submission) -> None:
        """Take truths; from any thread."""
        self._submissions.append(submission)
        self._wake.set()

    def errand(self, errand: Callable[[], None]) -> None:
        """Have something done by the writer's thread; from any thread."""
        self._errands.append(errand)
        self._wake.set()

    def ask(self, question: Callable[[], int]) -> Future[int]:
        """Have something done by the writer's thread, and get its answer; from any thread."""
        answered: Future[int] = Future()

        def errand() -> None:
            try:
                answered.set_result(question())
            except StoreError as error:
                answered.set_exception(error)

        self.errand(errand)
        return answered

    def look_again(self) -> None:
        """Look for rows of truths by key with the next batch; from an errand."""
        self._look_again = bool(self._due)

    def mark(self, lost: Iterable[Captured]) -> None:
        """Take answers that are given up; from an errand."""
        self._marks += lost

    def count(self, endpoint: int, name: str, more: int = 1) -> None:
        """Add to a counter of an endpoint; from an errand."""
        if more:
            self._counters[endpoint, name] = self._counters.get((endpoint, name), 0) + more

    def late(self, before: float) -> set[PredictionKey]:
        """Return the predictions for which something came too late, up to a moment (seconds since
        1970), and forget them; from an errand."""
        found = {key for key, came in self._late.items() if came <= before}
        for key in found:
            del self._late[key]
        return found

    def forget_waiting(self, before: int) -> Counter[int]:
        """Forget truths by key that came before a moment (microseconds since 1970); return how many
        by endpoint; from an errand."""
        old = [one for one in self._waiting.of([*self._waiting.by_key]) if one.received < before]
        for one in old:
            self._waiting.remove(one)
        return Counter(one.endpoint for one in old)

    @property
    def strata(self) -> Mapping[int, Stratum]:
        """All strata by number; from an errand."""
        return self._assembler.strata

    def number(self, stratum: Stratum) -> int:
        """Return the number of a stratum; from an errand.

        Raises:
            StoreError: it cannot be stored.
        """
        return self._assembler.number(stratum)

    def counters(self) -> dict[tuple[int, str], int]:
        """Return all counters by endpoint and name."""
        return dict(self._counters)

    def stop(self) -> None:
        """Have the thread end once everything that has come is stored."""
        self._stop.set()
        self._wake.set()

    def open(self) -> None:
        """Read what must be known before anything is written.

        Raises:
            StoreError: it cannot be read.
        """
        self._stored = self._store.counters()
        self._counters = dict(self._stored)
        self._changed = self._store.last_change()
        self._waiting = Waiting()
        for one in self._store.waiting():
            self._waiting.add(one)
            self._due.add((one.endpoint, one.key))

    def run(self, patience: float = 20.0) -> None:
        """Write until stopped.

        Args:
            patience: seconds for which a store that fails is tried again when stopping.
        """
        give_up = float("inf")
        while True:
            self.beat = monotonic()
            if self._stop.is_set():
                give_up = min(give_up, monotonic() + patience)
            messages = self._intake.take(MOST_ENTRIES)
            submissions = self._take_submissions()
            if not (messages or submissions or self._errands):
                if self._stop.is_set():
                    return
                self._wake.wait(PAUSE_SECONDS)
                self._wake.clear()
                continue
            if not self._persist(messages, submissions, give_up):
                return

    def _take_submissions(self) -> list[Submission]:
        taken: list[Submission] = []
        truths = 0
        while self._submissions and truths < MOST_ENTRIES:
            taken.append(self._submissions.popleft())
            truths += len(taken[-1].truths)
        return taken

    def _persist(
        self, messages: list[Message], submissions: list[Submission], give_up: float
    ) -> bool:
        """Write until it is stored; return whether it was before time was up."""
        dropped: Counter[int] = Counter()
        while True:
            dropped.update(self._intake.dropped())
            before = dict(self._counters)
            try:
                self._run_errands()
                before = dict(self._counters)
                told = self._write(messages, submissions, dropped)
            except StoreError as error:
                self._counters = before
                self._fail(str(error), submissions)
                submissions = []
            except Exception:
                log.exception("a batch cannot be understood: a defect of the recorder")
                self._counters = before
                self._forget()
                return self._one_by_one(messages, submissions, dropped, give_up)
            else:
                self.trouble = ""
                for submission, verdicts in told:
                    submission.done(verdicts)
                return True
            if monotonic() >= give_up:
                lost = sum(one.entries for one in messages)
                log.error("%d answers that were received are lost: %s", lost, self.trouble)
                return False
            self.beat = monotonic()
            sleep(RETRY_SECONDS)

    def _one_by_one(
        self,
        messages: list[Message],
        submissions: list[Submission],
        dropped: Counter[int],
        give_up: float,
    ) -> bool:
        """Write each part of a batch by itself; give up the one that cannot be understood."""
        for endpoint, number in dropped.items():
            self.count(endpoint, "dropped", number)
        if len(messages) + len(submissions) > 1:
            parts = [*(([one], []) for one in messages), *(([], [one]) for one in submissions)]
            return all(self._persist(*part, give_up) for part in parts)
        for message in messages:
            self.count(message.endpoint, "broken", message.entries)
        for submission in submissions:
            submission.done(NotStored("a defect of the recorder; its log says which"))
        return True

    def _fail(self, why: str, submissions: Sequence[Submission]) -> None:
        if why != self.trouble:
            log.error("the store takes nothing: %s", why)
        self.trouble = why
        self._forget()
        for submission in submissions:
            submission.done(NotStored(why))

    def _forget(self) -> None:
        """Forget what may not be stored."""
        self._books.forget()
        self._assembler.forget()

    def _run_errands(self) -> None:
        """Run what was asked for; what fails is tried again with the next batch."""
        for _ in range(len(self._errands)):
            self._errands[0]()
            self._errands.popleft()

    def _write(
        self, messages: list[Message], submissions: list[Submission], dropped: Counter[int]
    ) -> list[tuple[Submission, list[Verdict]]]:
        """Make a batch of everything and write it; return what became of the truths."""
        now = int(self._clock() * MICROSECONDS)
        captured = [*self._assembler.answers(messages, self.count), *self._marks]
        keyed = self._look_up(submissions, now)
        judges = {number: plan.judge.digest for number, plan in self._plans}
        joiner = Joiner(self._known(captured, submissions, keyed), judges)
        for one in captured:
            joiner.answer(one)
        told = [(one, self._truths(one, joiner, keyed, now)) for one in submissions]
        for waited, (prediction, row) in keyed.found.items():
            joiner.feedback(waited.on(prediction, row))
        batch = self._batch(joiner, captured, keyed)
        for endpoint, number in dropped.items():
            self.count(endpoint, "dropped", number)
        batch.counters = {
            key: value for key, value in self._counters.items() if self._stored.get(key) != value
        }
        if batch.changes_anything:
            self._store.write(batch)
        self._settle(batch, keyed)
        return told

    def _look_up(self, submissions: Iterable[Submission], now: int) -> Keyed:
        """Look for the rows of truths by key: those that have just come, and those for which it is
        time to look again."""
        sent = [
            truth.keyed(one.endpoint, now)
            for one in submissions
            for truth in one.truths
            if truth.key
        ]
        due = self._waiting.of(self._due) if self._look_again else []
        latest = now - SETTLE_SECONDS * MICROSECONDS
        ready = {(one.endpoint, one.key, one.time) for one in (*sent, *due) if one.time <= latest}
        rows = self._store.latest(ready) if ready else {}
        keyed = Keyed()
        for one in (*sent, *due):
            if place := rows.get((one.endpoint, one.key, one.time)):
                keyed.found[one] = place
        keyed.settled = [one for one in due if one in keyed.found]
        keyed.waiting = [one for one in sent if one not in keyed.found]
        keyed.again = {
            (one.endpoint, one.key) for one in (*keyed.waiting, *due) if one.time > latest
        }
        return keyed

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
            full = self._waiting.count[endpoint] + self._counters.get((endpoint, UNKNOWN), 0)
            if truth.key:
                one = truth.keyed(endpoint, now)
                verdict = JOINED if one in keyed.found else KEPT
                if verdict is KEPT and full >= MOST_ORPHANS:
                    keyed.waiting.remove(one)
                    verdict = CROWDED
            elif full >= MOST_ORPHANS and not joiner.knows(endpoint, truth.prediction):
                verdict = CROWDED
            else:
                verdict = joiner.truth(endpoint, truth, now)
            told.append(verdict)
            self.count(endpoint, "feedbackUnknown", int(verdict is KEPT))
            self.count(endpoint, "feedbackRefused", int(verdict.status >= 400))
        return told

    def _batch(self, joiner: Joiner, captured: Iterable[Captured], keyed: Keyed) -> Batch:
        """Return what is to be written."""
        joined = joiner.joined
        plans, strata = dict(self._plans), self._assembler.strata
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
            waiting=keyed.waiting,
            settled=keyed.settled,
            statistics=self._books.statistics(),
            changed=self._changed + 1,
            hours=self._books.hours(),
        )

    def _settle(self, batch: Batch, keyed: Keyed) -> None:
        """Take over what is stored now."""
        self._changed = batch.changed
        self._late |= {
            (one.endpoint, one.prediction): self._clock()
            for one in batch.answers
            if one.time < self.closed_until and one.outcome != Outcome.LOST
        }
        self._stored |= batch.counters
        self._books.settled()
        self._marks.clear()
        for one in batch.settled:
            self._waiting.remove(one)
        for one in batch.waiting:
            self._waiting.add(one)
        if self._look_again:
            self._due.clear()
            self._look_again = False
        self._due |= keyed.again
        self._due |= {
            key
            for one in batch.handles
            if one.kind == KEY and (key := (one.endpoint, one.handle)) in self._waiting.by_key
        }
