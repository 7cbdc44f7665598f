"""Recording: what one batch of answers and truths becomes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contender.recorder.feedback import JOINED, KEPT, Truth, Verdict
from contender.recorder.joining.books import Change
from contender.recorder.joining.hours import Growth, Hour
from contender.recorder.joining.marks import EVERYTHING, Marks
from contender.recorder.joining.measure import MICROSECONDS_PER_HOUR, difference, measure, wins
from contender.recorder.model import (
    LOST,
    Answer,
    Feedback,
    Handle,
    HourKey,
    PredictionKey,
    Stored,
    Stratum,
)
from contender.recorder.plans import Plan


class Captured(NamedTuple):
    """An answer as it was captured, with what is not part of its row in the store."""

    answer: Answer
    handles: Sequence[Handle] = ()
    outputs: Sequence[tuple[Any, float | None]] = ()
    """Output and score of each row, of an arm that answered."""
    features: Sequence[Any] = ()
    """The rows, of a request that a caller sent; as `compact` returns them."""
    caller: bytes | None = None
    """The keyed hash of who asked, where callers stay with an arm."""


@dataclass
class Joined:
    """What one batch changes."""

    answers: list[Captured] = field(default_factory=lambda: [])
    """Those that are new."""
    feedback: dict[tuple[PredictionKey, int, str], Feedback] = field(default_factory=lambda: {})
    """Those that are new, or count in place of others."""
    duplicates: Counter[int] = field(default_factory=Counter)
    """By endpoint: answers that were there already."""
    replaces: bool = False
    """Whether some answers take the place of LOST ones."""
    touched: dict[PredictionKey, tuple[Stored, Stored]] = field(default_factory=lambda: {})
    """Before and after."""


_NOTHING = Stored()


class Joiner:
    """Joins new answers and truths with what is known.

    Args:
        known: what is stored of all predictions that this batch touches.
        plans: of all endpoints: by whom truths are counted now.
    """

    def __init__(self, known: Mapping[PredictionKey, Stored], plans: Mapping[int, Plan]) -> None:
        self._known = known
        self._plans = plans
        self.joined = Joined()

    def answer(self, captured: Captured) -> None:
        """Take an answer, unless it is there; a real one takes the place of one that was lost."""
        new = captured.answer
        after = self._after((new.endpoint, new.prediction))
        old = after.answers.get(new.arm)
        if old is not None and (old.outcome != LOST or new.outcome == LOST):
            self.joined.duplicates[new.endpoint] += 1
            return
        self.joined.replaces |= old is not None
        after.answers[new.arm] = new
        self.joined.answers.append(captured)

    def again(self, key: PredictionKey) -> None:
        """Have a prediction measured anew, and its truths by the present judge."""
        self._after(key)

    def knows(self, endpoint: int, prediction: bytes) -> bool:
        """Return whether an answer of a prediction is known."""
        return bool(self._touched((endpoint, prediction)).answers)

    def truth(self, endpoint: int, truth: Truth, received: int) -> Verdict:
        """Take a truth about a prediction that is named by id."""
        key = (endpoint, truth.prediction)
        known = self._touched(key)
        rows = next((one.rows for one in known.answers.values() if one.rows), 0)
        row = truth.row if truth.row >= 0 or rows != 1 else 0
        if rows and row >= rows:
            return Verdict(422, f"row {row}: the prediction has rows 0 to {rows - 1}")
        if rows > 1 and truth.row < 0:
            return Verdict(
                422, f"the prediction has {rows} rows: name one, as <prediction id>/<row>"
            )
        self.feedback(truth.of(endpoint, truth.prediction, row, received))
        return JOINED if known.answers else KEPT

    def feedback(self, new: Feedback) -> None:
        """Take a truth about a row, unless a later one is known."""
        key = (new.endpoint, new.prediction)
        old = self._touched(key).feedback.get((new.row, new.name))
        if old is not None and not wins(new, old):
            return
        self._count_anew(self._after(key), key, new)

    def _touched(self, key: PredictionKey) -> Stored:
        touched = self.joined.touched.get(key)
        return touched[1] if touched else self._known.get(key, _NOTHING)

    def _after(self, key: PredictionKey) -> Stored:
        """Return what is known of a prediction after this batch, to be changed."""
        if key not in self.joined.touched:
            before = self._known.get(key, _NOTHING)
            after = Stored(dict(before.answers), dict(before.feedback))
            self.joined.touched[key] = (before, after)
            for one in before.feedback.values():
                if one.judge != self._judge(key):
                    self._count_anew(after, key, one)
        return self.joined.touched[key][1]

    def _judge(self, key: PredictionKey) -> str:
        plan = self._plans.get(key[0])
        return plan.judge.digest if plan else ""

    def _count_anew(self, after: Stored, key: PredictionKey, one: Feedback) -> None:
        """Have a truth counted by the present judge."""
        counted = one._replace(judge=self._judge(key))
        after.feedback[one.row, one.name] = counted
        self.joined.feedback[key, one.row, one.name] = counted


def changes(
    joined: Joined,
    plans: Mapping[int, Plan],
    strata: Mapping[int, Stratum],
    marks: Callable[[int], tuple[Marks, Marks]],
) -> Iterable[Change]:
    """Iterate over what a batch adds to statistics and hours.

    Args:
        joined: what it changes.
        plans: of all endpoints.
        strata: by number.
        marks: returns which rows of an endpoint counted before, and which count now; only asked of
            those with Experiments.
    """
    for (endpoint, _), (before, after) in joined.touched.items():
        plan = plans.get(endpoint)
        compares = any(strata[answer.stratum].experiment for answer in after.answers.values())
        if plan is None or not (compares or after.feedback):
            continue
        old, new = marks(endpoint) if compares else (EVERYTHING, EVERYTHING)
        yield from difference(
            measure(plan.judge, before, strata, old), measure(plan.judge, after, strata, new)
        )


def growths(
    answers: Iterable[Captured], plans: Mapping[int, Plan], strata: Mapping[int, Stratum]
) -> Iterable[Growth]:
    """Iterate over what hours grow by."""
    hours: defaultdict[tuple[int, int], Hour] = defaultdict(Hour)
    for captured in answers:
        answer = captured.answer
        if answer.outcome == LOST:
            continue
        hour = hours[answer.stratum, answer.time // MICROSECONDS_PER_HOUR]
        hour.outcomes.append(answer.outcome)
        hour.unread.append(answer.unread)
        if answer.latency >= 0:
            hour.latencies.append(answer.latency / 1000)
        hour.rows += answer.rows
        hour.outputs += captured.outputs
        hour.features += captured.features
    for (number, moment), hour in hours.items():
        stratum = strata[number]
        plan = plans.get(stratum.endpoint)
        base = HourKey(stratum.endpoint, moment, stratum.version, stratum.arm, "", "")
        yield hour.growth(base, plan.judge.task if plan else None)
