"""What was predicted: the output of each prediction, and its score."""

from hashlib import sha256
from typing import Any

import orjson

from contender.api.v1alpha1.capture import Rows
from contender.recorder.model import Unread
from contender.recorder.reading.pointer import MISSING, Pointer

NOT_POSITIVE = ""
"""The output of a score below the threshold: some class that is not positiveClass. No positiveClass
is empty."""

MOST_CHARACTERS = 256
"""Longer texts are known by their digest only."""

_NUMBERS = frozenset({int, float})
"""Not bool. JSON has no infinities."""
_CONTAINERS = frozenset({dict, list})

Output = tuple[Any, float | None]
"""A JSON scalar, and the probability of positiveClass, if rows says where it is."""


class OutputReader:
    """Reads outputs as rows describes them."""

    def __init__(self, rows: Rows) -> None:
        self._output = None if rows.output is None else Pointer(rows.output)
        self._score = None if rows.score is None else Pointer(rows.score)
        self._threshold = None if rows.threshold is None else float(rows.threshold)
        self._positive = rows.positive_class or NOT_POSITIVE
        self._task = rows.task
        self._in_tensors = rows.preset == "V2"

    def read(self, predictions: list[Any]) -> list[Output] | Unread:
        """Return the output of each prediction, or why some prediction has none."""
        outputs: list[Output] = []
        for prediction in predictions:
            output = self._read_one(prediction)
            if output is None:
                return Unread.NO_OUTPUT
            outputs.append(output)
        return outputs

    def _read_one(self, prediction: Any) -> Output | None:
        score: float | None = None
        if self._score is not None:
            score = _probability(self._score.find(prediction))
            if score is None:
                return None
            if self._threshold is not None:
                return (self._positive if score >= self._threshold else NOT_POSITIVE), score
        output = self._fit(self._find(prediction))
        return None if output is MISSING else (output, score)

    def _find(self, prediction: Any) -> Any:
        if self._output is not None:
            return self._output.find(prediction)
        if self._in_tensors and len(prediction) == 1:
            (only,) = prediction.values()
            return only
        return prediction

    def _fit(self, output: Any) -> Any:
        """Return the output as it is kept, or MISSING if it is not what the task predicts."""
        if self._task == "Regression":
            return output if type(output) in _NUMBERS else MISSING
        if self._task is not None and (output is None or type(output) in _CONTAINERS):
            return MISSING
        return shortened(output)


def shortened(value: Any) -> Any:
    """Return a JSON value as it is kept: of objects, arrays and long texts a digest, which is the
    same in any order of their members. MISSING stays so, and is what is nested too deep."""
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        return value
    if not isinstance(value, (str, dict, list)):
        return value
    try:
        canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return MISSING
    return f"sha256:{sha256(canonical).hexdigest()[:16]}"


def _probability(value: Any) -> float | None:
    return float(value) if type(value) in _NUMBERS and 0 <= value <= 1 else None
