"""Measuring: what one prediction adds to the statistics.

Whenever something becomes known of a prediction, it is measured as it was and as it is, and the
difference is added. So it does not matter in which order answers and truths come, or how often.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from contender.recorder.joining.judge import Judge
from contender.recorder.joining.sums import BUCKETS, PAIR_COUNTS
from contender.recorder.model import (
    Answer,
    Feedback,
    HourKey,
    KeyedFeedback,
    Outcome,
    StatisticKey,
    Stored,
    Stratum,
)
from contender.router.traffic import INCUMBENT
from contender.stats.losses import Loss, is_finite

UNKNOWN_ARM = "?"
"""Stands for the arm whose served answer was lost."""
MICROSECONDS_PER_HOUR = 3_600_000_000
VALUE = "Value"
"""What stands for the loss where a reward is added up."""

Part = tuple[StatisticKey | HourKey, int]
"""To which sum, and for which row; -1 for the prediction as a whole."""
Amount = tuple[float, ...]
"""What is added: of an arm (bucket, loss), of pairs (bucket, incumbent's loss, challenger's loss),
of `pairs` the counts that grow by one or more."""
Measured = dict[Part, Amount]

_MISSING = {
    Outcome.OVERFLOW: "overflow",
    Outcome.LOST: "lost",
    Outcome.CANCELLED: "cancelled",
    Outcome.UNREAD: "unread",
    Outcome.INELIGIBLE: "ineligible",
}


class Read:
    """An answer of an arm, ready to be compared."""

    def __init__(self, answer: Answer, rows: int) -> None:
        outputs = None if answer.outputs is None else orjson.loads(answer.outputs)
        outcome = Outcome(answer.outcome)
        if not rows:
            outputs = None  # the request was not read: nothing tells which row is which
        elif outputs is not None and len(outputs) != rows:
            outputs, outcome = None, Outcome.MALFORMED
        self.outcome = outcome
        self.outputs: list[list[Any]] | None = outputs

    @property
    def failed(self) -> bool:
        """Whether the arm gave no answer that could be right."""
        return self.outcome != Outcome.ANSWERED and not self.outcome.is_missing

    def loss(self, judge: Judge, loss: Loss, row: int, truth: object) -> float | None:
        """Return the loss in one row; None if there is none."""
        if self.failed:
            return loss.worst
        if self.outputs is None:
            return None
        output, score = self.outputs[row]
        prediction = judge.prediction(output, score)
        if prediction.output is None or (loss.needs_score and score is None):
            return None
        found = loss.of(prediction, truth)
        return found if is_finite(found) else None


def measure(judge: Judge, stored: Stored, strata: Mapping[int, Stratum]) -> Measured:
    """Return all that a prediction adds to statistics and hours."""
    served = served_of(stored.answers.values(), strata)
    if served is None:
        return _without_served(stored, strata)
    stratum = strata[served.stratum]
    arms = {
        name: Read(answer, served.rows)
        for name, answer in stored.answers.items()
        if name != UNKNOWN_ARM
    }
    refused = all(one.outcome == Outcome.REFUSED for one in arms.values())
    found: Measured = {}
    if not refused:
        for (row, name), truth in _truths(judge, stored, served.rows).items():
            bucket = bucket_of(served, row)
            found |= _judged(judge, served, stratum, arms, row, name, truth, bucket)
    if stratum.experiment:
        for candidate in stratum.candidates:
            key = _key(stratum, candidate, "pairs")
            found[key, -1] = _counts(_compared(stratum, arms, candidate, served.rows))
    return found


def served_of(answers: Iterable[Answer], strata: Mapping[int, Stratum]) -> Answer | None:
    """Return the answer of a prediction that the caller got, if it is known."""
    return next(
        (one for one in answers if not strata[one.stratum].copy and one.outcome != Outcome.LOST),
        None,
    )


def _truths(judge: Judge, stored: Stored, rows: int) -> dict[tuple[int, str], object]:
    """Return what is true of each row, as far as it was counted by this judge."""
    return {
        (row, name): truth
        for (row, name), one in by_row(stored.feedback.values(), rows).items()
        if one.judge == judge.digest
        and name in judge.kinds
        and (truth := judge.truth(name, one.value)) is not None
    }


def by_row(feedback: Iterable[Feedback], rows: int) -> dict[tuple[int, str], Feedback]:
    """Return the feedback of each row and name; what names no row is about the only one."""
    found: dict[tuple[int, str], Feedback] = {}
    for one in feedback:
        if one.row >= rows or (one.row < 0 and rows != 1):
            continue
        place = (max(one.row, 0), one.name)
        if place not in found or wins(one, found[place]):
            found[place] = one
    return found


def wins(new: Feedback | KeyedFeedback, old: Feedback | KeyedFeedback) -> bool:
    """Return whether one of two truths about the same row counts: the later one; of the same
    moment, the greater text. So their order does not matter."""
    return (new.at, new.value) > (old.at, old.value)


def _without_served(stored: Stored, strata: Mapping[int, Stratum]) -> Measured:
    """Return what copies add whose served answer was lost: that it is missing."""
    lost = UNKNOWN_ARM in stored.answers
    found: Measured = {}
    for name, answer in stored.answers.items():
        stratum = strata[answer.stratum]
        if lost and stratum.copy and stratum.experiment and name != INCUMBENT:
            key = _key(stratum, name, "pairs")
            found[key, -1] = _counts({"servedLost": 1})
    return found


def bucket_of(served: Answer, row: int) -> int:
    """Return the bucket of a row: that of its entity, or of the request where none is known."""
    if served.entities is not None:
        entity = served.entities[16 * row : 16 * row + 16]
        if any(entity):
            return entity[-1] % BUCKETS
    return served.prediction[-1] % BUCKETS


def _judged(
    judge: Judge,
    served: Answer,
    stratum: Stratum,
    arms: Mapping[str, Read],
    row: int,
    name: str,
    truth: object,
    bucket: int,
) -> Measured:
    """Return what one truth adds: for each arm, for each pair, and for the hour."""
    found: Measured = {}
    hour = served.time // MICROSECONDS_PER_HOUR
    for loss, values in _losses(judge, stratum, arms, row, name, truth):
        if stratum.arm in values:
            part = f"{name}/{loss}/{judge.digest}"
            key = HourKey(stratum.endpoint, hour, stratum.version, stratum.arm, "loss", part)
            found[key, row] = (bucket, values[stratum.arm])
        if not stratum.experiment:
            continue
        for arm, value in values.items():
            found[_key(stratum, arm, "arm", name, loss, judge.digest), row] = (bucket, value)
            if arm != INCUMBENT and INCUMBENT in values:
                pair = (bucket, values[INCUMBENT], value)
                found[_key(stratum, arm, "pair", name, loss, judge.digest), row] = pair
    labelled = HourKey(stratum.endpoint, hour, stratum.version, stratum.arm, "labelled", name)
    found[labelled, row] = (1.0,)
    return found


def _losses(
    judge: Judge,
    stratum: Stratum,
    arms: Mapping[str, Read],
    row: int,
    name: str,
    truth: object,
) -> Iterator[tuple[str, dict[str, float]]]:
    """Iterate over the losses, with that of each arm for which it is known. A reward was earned by
    the answer that was served, and says nothing about the others."""
    if judge.kinds[name] == "Reward":
        assert isinstance(truth, float)
        yield VALUE, {stratum.arm: truth}
        return
    for loss in judge.losses:
        known = {arm: read.loss(judge, loss, row, truth) for arm, read in arms.items()}
        yield loss.name, {arm: value for arm, value in known.items() if value is not None}


def _key(
    stratum: Stratum, arm: str, kind: str, feedback: str = "", loss: str = "", judge: str = ""
) -> StatisticKey:
    return StatisticKey(
        stratum.endpoint, stratum.experiment, stratum.epoch, arm, kind, feedback, loss, "", judge
    )


def _compared(
    stratum: Stratum, arms: Mapping[str, Read], candidate: str, rows: int
) -> dict[str, int]:
    """Return how a request counts for a candidate and the incumbent."""
    found = {"requests": 1}
    needed = {INCUMBENT, candidate}
    if not stratum.eligible:
        return {**found, "ineligible": 1}
    if not needed <= {stratum.arm, *stratum.expects, *arms}:
        return found
    found["eligible"] = 1
    if not needed <= arms.keys():
        return found  # not yet
    theirs, ours = arms[INCUMBENT], arms[candidate]
    if ours.outcome.is_missing:
        return {**found, _MISSING[ours.outcome]: 1}
    if theirs.outcome.is_missing:
        return {**found, "incumbentMissing": 1}
    return found | {"complete": 1} | _agreement(theirs, ours, rows)


def _agreement(theirs: Read, ours: Read, rows: int) -> dict[str, int]:
    """Return how a complete pair counts."""
    if ours.failed or theirs.failed:
        return {_failure(theirs, ours): 1}
    if ours.outputs is None or theirs.outputs is None:
        return {}
    both = zip(ours.outputs, theirs.outputs, strict=True)
    alike = sum(mine[0] == other[0] for mine, other in both)
    return {"rows": rows, "agree": alike, "disagree": rows - alike}


def _failure(theirs: Read, ours: Read) -> str:
    if theirs.failed and ours.failed:
        both_refused = {theirs.outcome, ours.outcome} == {Outcome.REFUSED}
        return "refused" if both_refused else "failedBoth"
    return "failedChallenger" if ours.failed else "failedIncumbent"


def _counts(named: Mapping[str, int]) -> Amount:
    return tuple(named.get(name, 0) for name in PAIR_COUNTS)


def difference(before: Measured, after: Measured) -> Iterator[tuple[Part, Amount, int]]:
    """Iterate over what is to be taken out (-1) and added (+1)."""
    for part, amount in before.items():
        if after.get(part) != amount:
            yield part, amount, -1
    for part, amount in after.items():
        if before.get(part) != amount:
            yield part, amount, 1
