"""Judging: what is known of how an endpoint's answers are compared with the truth."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import orjson

from contender.api.v1alpha1.capture import Feedback, Rows
from contender.recorder.reading.text import text_of
from contender.stats.losses import Loss, Prediction, losses_of


@dataclass(frozen=True)
class Judge:
    """How answers of one endpoint are judged."""

    task: str | None = None
    positive: str | None = None
    """The positive class of a task Binary."""
    has_score: bool = False
    kinds: Mapping[str, str] = field(default_factory=lambda: {})
    """Label or Reward, by the name of the feedback."""

    @cached_property
    def digest(self) -> str:
        """What tells this way of judging from others."""
        said = repr((self.task, self.positive, self.has_score, sorted(self.kinds.items())))
        return hashlib.sha256(said.encode()).hexdigest()[:8]

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All losses that can be computed."""
        return losses_of(self.task, has_score=self.has_score)

    def prediction(self, output: Any, score: float | None) -> Prediction:
        """Return an output in the form that losses compare with the truth."""
        return Prediction(self._in_form(output), score)

    def truth(self, name: str, value: str) -> object:
        """Return a truth in the form that losses compare with; None if it is none.

        Args:
            name: of the feedback.
            value: JSON.
        """
        found = orjson.loads(value)
        if self.kinds.get(name) == "Reward":
            return _number(found)
        return self._in_form(found)

    def _in_form(self, value: Any) -> object:
        if self.task == "Regression":
            return _number(value)
        text = text_of(value)
        if self.task == "Binary" and self.positive is not None and text is not None:
            return text == self.positive
        return text


def judge_of(rows: Rows | None, feedback: list[Feedback] | None) -> Judge:
    """Return how answers are judged by this spec."""
    kinds = {one.name: one.kind for one in feedback or []}
    if rows is None:
        return Judge(kinds=kinds)
    positive = text_of(rows.positive_class) if rows.positive_class is not None else None
    return Judge(rows.task, positive, rows.score is not None, kinds)


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    return None
