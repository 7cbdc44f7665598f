"""Parts: what a prediction adds to which sum."""

import orjson

from contender.recorder.joining.sums import BUCKETS
from contender.recorder.model import Answer, HourKey, StatisticKey, Stratum

VALUE = "Value"
"""What stands for the loss where a reward is added up."""
LABELLED = "Labelled"
"""What stands for the loss where rows are counted: 1 with a truth, 0 without."""

Part = tuple[StatisticKey | HourKey, int]
"""To which sum, and for which row; -1 for the prediction as a whole."""
Amount = tuple[float, ...]
"""What is added: of an arm (bucket, loss), of pairs (bucket, incumbent's loss, challenger's loss),
of `pairs` the counts that grow by one or more."""
Measured = dict[Part, Amount]


def key_of(
    stratum: Stratum,
    arm: str,
    kind: str,
    feedback: str = "",
    loss: str = "",
    judge: str = "",
    segment: str = "",
) -> StatisticKey:
    """Return whose sums, of an Experiment."""
    place = (stratum.endpoint, stratum.experiment, stratum.epoch)
    return StatisticKey(*place, arm, kind, feedback, loss, segment, judge)


def segments_of(served: Answer) -> list[list[str]]:
    """Return by row the ids of the segments that it is in; empty: no row is in any."""
    found: list[list[str]] = orjson.loads(served.segments) if served.segments else []
    return found


def bucket_of(served: Answer, row: int) -> int:
    """Return the bucket of a row: that of its entity, or of the request where none is known."""
    if served.entities is not None:
        entity = served.entities[16 * row : 16 * row + 16]
        if any(entity):
            return entity[-1] % BUCKETS
    return served.prediction[-1] % BUCKETS
