"""Rows: predictions joined with the truth, as training data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from contender.recorder.feedback import MICROSECONDS
from contender.recorder.ids import written
from contender.recorder.joining.measure import by_row, served_of
from contender.recorder.model import Answer, Found, Outcome, Stratum
from contender.recorder.reading.reader import BodyReader

Json = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which rows."""

    labelled: tuple[str, ...] = ()
    """Only those with all of these feedbacks."""


def rows(
    found: Found, strata: dict[int, Stratum], reader: BodyReader, wanted: Filter
) -> Iterator[Json]:
    """Iterate over the rows of one prediction; none when nobody knows what the caller got.

    Args:
        found: all that is kept of it.
        strata: by number.
        reader: how bodies are read.
        wanted: which rows.
    """
    served = served_of(found.answers, strata)
    if served is None:
        return
    stratum = strata[served.stratum]
    features = reader.rows(served.request) if served.request is not None else None
    name = written(found.prediction)
    others = {one.arm: one for one in found.answers if strata[one.stratum].copy}
    truths = by_row(found.feedback, served.rows)
    for row in range(served.rows):
        feedback = {
            one.name: {"value": orjson.loads(one.value), "at": moment(one.at)}
            for (place, _), one in sorted(truths.items())
            if place == row
        }
        if not all(one in feedback for one in wanted.labelled):
            continue
        yield {
            "id": f"{name}/{row}",
            "time": moment(served.time),
            "version": stratum.version,
            "revision": stratum.revision,
            "arm": served.arm,
            "propensity": stratum.share / 100,
            "experiment": stratum.experiment or None,
            "epoch": stratum.epoch or None,
            "row": features[row] if features and row < len(features) else None,
            **_output(served, row),
            "copies": {
                arm: {"version": strata[one.stratum].version, **_output(one, row)}
                for arm, one in sorted(others.items())
            },
            "feedback": feedback,
        }


def _output(answer: Answer, row: int) -> Json:
    outputs = orjson.loads(answer.outputs) if answer.outputs is not None else []
    output, score = outputs[row] if row < len(outputs) else (None, None)
    return {"outcome": Outcome(answer.outcome).name, "output": output, "score": score}


def moment(micros: int) -> str:
    """Return microseconds since 1970 as RFC 3339."""
    found = datetime.fromtimestamp(micros // MICROSECONDS, UTC).replace(
        microsecond=micros % MICROSECONDS
    )
    return found.isoformat().replace("+00:00", "Z")
