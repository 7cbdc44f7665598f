"""The writer: the one thread that changes the store.

A batch is made of what has come, and written whole. Should that fail it is made anew, from what was
received and what is stored by then: whether the store took it after all makes no difference.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import monotonic, sleep, time
from typing import TypeVar

from contender.recorder.intake import Intake, Message
from contender.recorder.ledger import Ledger
from contender.recorder.plans import Plans
from contender.recorder.store.base import Store, StoreError
from contender.recorder.submissions import NotStored, Submission

MOST_ENTRIES = 2000
"""Answers of one batch, about."""
PAUSE_SECONDS = 0.1
"""How long a batch gathers."""
RETRY_SECONDS = 1.0

T = TypeVar("T")

log = logging.getLogger(__name__)


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
        self.ledger = Ledger(store, plans, clock)
        """For errands; of its methods only `counters` may be called from other threads."""
        self._intake = intake
        self._submissions: deque[Submission] = deque()
        self._errands: deque[Callable[[], None]] = deque()
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

    def ask(self, question: Callable[[], T]) -> Future[T]:
        """Have something done by the writer's thread, and get its answer; from any thread."""
        answered: Future[T] = Future()

        def errand() -> None:
            if not answered.set_running_or_notify_cancel():
                return
            try:
                answered.set_result(question())
            except Exception as error:  # whoever asks is told
                answered.set_exception(error)

        self.errand(errand)
        return answered

    def stop(self) -> None:
        """Have the thread end once everything that has come is stored."""
        self._stop.set()
        self._wake.set()

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
            try:
                self._run_errands()
                with self.ledger.attempt():
                    told = self.ledger.write(messages, submissions, dropped)
            except StoreError as error:
                self._fail(str(error), [*submissions, *self._take_submissions()])
                submissions = []
            except Exception:
                log.exception("a batch cannot be understood: a defect of the recorder")
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
            self.ledger.count(endpoint, "dropped", number)
        if len(messages) + len(submissions) > 1:
            parts = [*(([one], []) for one in messages), *(([], [one]) for one in submissions)]
            return all(self._persist(*part, give_up) for part in parts)
        for message in messages:
            self.ledger.count(message.endpoint, "broken", message.entries)
        for submission in submissions:
            submission.done(NotStored("a defect of the recorder; its log says which"))
        return True

    def _fail(self, why: str, submissions: Sequence[Submission]) -> None:
        if why != self.trouble:
            log.error("the store takes nothing: %s", why)
        self.trouble = why
        for submission in submissions:
            submission.done(NotStored(why))

    def _run_errands(self) -> None:
        """Run what was asked for; what the store does not do now is tried again with the next
        batch."""
        for _ in range(len(self._errands)):
            try:
                with self.ledger.attempt():
                    self._errands[0]()
            except StoreError:
                raise
            except Exception:
                log.exception("an errand failed: a defect of the recorder")
            self._errands.popleft()
