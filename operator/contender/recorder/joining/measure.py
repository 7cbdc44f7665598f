"""Measuring: what one prediction adds to the statistics.

Whenever something becomes known of a prediction, it is measured as it was and as it is, and the
difference is added. So it does not matter in which order answers and truths come, or how often.
That its rows become old enough to count is such a thing, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from contender.recorder.joining.coverage import covered
from contender.recorder.joining.judge import REWARD, Judge
from contender.recorder.joining.marks import Marks
from contender.recorder.joining.pairs import compared, counts
from contender.recorder.joining.parts import (
    VALUE,
    Amount,
    Measured,
    Part,
    bucket_of,
    key_of,
    segments_of,
)
from contender.recorder.joining.read import Read
from contender.recorder.model import (
    Answer,
    Feedback,
    HourKey,
    KeyedFeedback,
    Outcome,
    Stored,
    Stratum,
)
from contender.router.traffic import INCUMBENT

UNKNOWN_ARM = "?"
"""Stands for the arm whose served answer was lost."""
MICROSECONDS_PER_HOUR = 3_600_000_000


def measure(judge: Judge, stored: Stored, strata: Mapping[int, Stratum], marks: Marks) -> Measured:
    """Return all that a prediction adds to statistics and hours.

    Args:
        judge: how answers are compared with the truth.
        stored: what is known of it.
        strata: by number.
        marks: which rows count in Experiments.
    """
    served = served_of(stored.answers.values(), strata)
    if served is None:
        return _without_served(stored, strata)
    stratum = strata[served.stratum]
    arms = {
        name: Read(answer, served.rows)
        for name, answer in stored.answers.items()
        if name != UNKNOWN_ARM
    }
    found: Measured = {}
    if not all(one.outcome == Outcome.REFUSED for one in arms.values()):
        truths, segments = _truths(judge, stored, served.rows), segments_of(served)
        for (row, name), truth in truths.items():
            # Those of the row, and all rows.
            within = ("", *segments[row]) if row < len(segments) else ("",)
            if not (stratum.experiment and marks.is_mature(name, served.time)):
                within = ()
            found |= _judged(judge, served, stratum, arms, row, name, truth, within)
        if stratum.experiment:
            found |= covered(judge, served, stratum, arms, truths, marks)
    if stratum.experiment:
        for candidate in stratum.candidates:
            key = key_of(stratum, candidate, "pairs")
            found[key, -1] = counts(compared(stratum, arms, candidate, served.rows))
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
        and name in judge.rules
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
            key = key_of(stratum, name, "pairs")
            found[key, -1] = counts({"servedLost": 1})
    return found


def _judged(
    judge: Judge,
    served: Answer,
    stratum: Stratum,
    arms: Mapping[str, Read],
    row: int,
    name: str,
    truth: object,
    within: tuple[str, ...],
) -> Measured:
    """Return what one truth adds: for the hour, and, within segments of an Experiment in which it
    counts by now, for each arm and each pair."""
    found: Measured = {}
    bucket = bucket_of(served, row)
    hour = served.time // MICROSECONDS_PER_HOUR
    for loss, values in _losses(judge, stratum, arms, row, name, truth):
        if stratum.arm in values:
            part = f"{name}/{loss}/{judge.digest}"
            key = HourKey(stratum.endpoint, hour, stratum.version, stratum.arm, "loss", part)
            found[key, row] = (bucket, values[stratum.arm])
        about = (name, loss, judge.digest)
        for segment, (arm, value) in product(within, values.items()):
            found[key_of(stratum, arm, "arm", *about, segment), row] = (bucket, value)
            if arm != INCUMBENT and INCUMBENT in values:
                pair = (bucket, values[INCUMBENT], value)
                found[key_of(stratum, arm, "pair", *about, segment), row] = pair
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
    the answer that was served, and says nothing about the others; neither does a label that is
    there only because of that answer."""
    rule = judge.rules[name]
    if rule.kind == REWARD:
        assert isinstance(truth, float)
        yield VALUE, {stratum.arm: truth}
        return
    judged = {arm: one for arm, one in arms.items() if arm == stratum.arm or not rule.served_only}
    for loss in judge.losses:
        known = {arm: read.loss(judge, loss, row, truth) for arm, read in judged.items()}
        yield loss.name, {arm: value for arm, value in known.items() if value is not None}


def difference(before: Measured, after: Measured) -> Iterator[tuple[Part, Amount, int]]:
    """Iterate over what is to be taken out (-1) and added (+1)."""
    for part, amount in before.items():
        if after.get(part) != amount:
            yield part, amount, -1
    for part, amount in after.items():
        if before.get(part) != amount:
            yield part, amount, 1
