"""Answers of arms, ready to be compared."""

from typing import Any

import orjson

from contender.recorder.joining.judge import Judge
from contender.recorder.model import Answer, Outcome
from contender.stats.losses import Loss, is_finite


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
