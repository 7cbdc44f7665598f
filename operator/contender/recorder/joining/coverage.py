"""Coverage: of how many rows the truth has come, and what counts for those without."""

from collections.abc import Container, Iterator, Mapping

from contender.recorder.joining.judge import REWARD, Judge, Rule
from contender.recorder.joining.marks import Marks
from contender.recorder.joining.parts import LABELLED, VALUE, Measured, bucket_of, key_of
from contender.recorder.joining.read import Read
from contender.recorder.model import Answer, Stratum


def covered(
    judge: Judge,
    served: Answer,
    stratum: Stratum,
    arms: Mapping[str, Read],
    truths: Container[tuple[int, str]],
    marks: Marks,
) -> Measured:
    """Return what the rows of a request of an Experiment add to the coverage of each arm.

    Args:
        judge: which feedbacks there are.
        served: what the caller got.
        stratum: of that.
        arms: all answers.
        truths: row and name of those that have come.
        marks: which rows count.
    """
    found: Measured = {}
    if served.time < marks.since:
        return found
    for name, rule in judge.rules.items():
        if not marks.is_mature(name, served.time):
            continue
        keys = [
            key_of(stratum, arm, "arm", name, LABELLED, judge.digest)
            for arm in _taking_part(rule, stratum, arms)
        ]
        for row in range(served.rows):
            bucket, known = bucket_of(served, row), (row, name) in truths
            for key in keys:
                found[key, row] = (bucket, float(known))
            if rule.zero and not known:
                value = key_of(stratum, stratum.arm, "arm", name, VALUE, judge.digest)
                found[value, row] = (bucket, 0.0)
    return found


def _taking_part(rule: Rule, stratum: Stratum, arms: Mapping[str, Read]) -> Iterator[str]:
    """Iterate over the arms that a truth would judge. A reward judges whoever was served, whatever
    became of the answer: a row must count the same with a reward and without."""
    if rule.kind == REWARD:
        yield stratum.arm
        return
    for arm, read in arms.items():
        if not read.outcome.is_missing and (arm == stratum.arm or not rule.served_only):
            yield arm
