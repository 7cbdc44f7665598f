"""Judging: what is known of how an endpoint's answers are compared with the truth."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import orjson

from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.capture import Feedback, Rows
from contender.recorder.reading.text import text_of
from contender.stats.losses import Loss, Prediction, losses_of

REWARD = "Reward"


@dataclass(frozen=True)
class Rule:
    """How the truths of one feedback judge."""

    kind: str
    """Label or Reward."""
    delay: int = 0
    """Microseconds after the request from which on its truths count in Experiments."""
    depends_on_answer: bool = False
    """Of a label: there is one only because of what was answered."""
    zero: bool = False
    """Of a reward: one that has not come within delay counts as 0."""

    @property
    def served_only(self) -> bool:
        """Whether they judge nobody but the arm that was served."""
        return self.kind == REWARD or self.depends_on_answer


@dataclass(frozen=True)
class Judge:
    """How answers of one endpoint are judged."""

    task: str | None = None
    positive: str | None = None
    """The positive class of a task Binary."""
    has_score: bool = False
    rules: Mapping[str, Rule] = field(default_factory=lambda: {})
    """By the name of the feedback."""

    @cached_property
    def digest(self) -> str:
        """What tells this way of judging from others: under another one sums begin anew."""
        kinds = sorted((name, rule.kind) for name, rule in self.rules.items())
        said: list[object] = [self.task, self.positive, self.has_score, kinds]
        # What is not set is not said: so sums from before these fields counted go on.
        said += sorted(
            (name, rule.delay, rule.depends_on_answer, rule.zero)
            for name, rule in self.rules.items()
            if rule != Rule(rule.kind)
        )
        return hashlib.sha256(repr(tuple(said)).encode()).hexdigest()[:8]

    @cached_property
    def delays(self) -> Mapping[str, int]:
        """Microseconds, by the name of each feedback that is not complete at once."""
        return {name: rule.delay for name, rule in self.rules.items() if rule.delay}

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
            name: of a feedback that has a rule.
            value: JSON.
        """
        found = orjson.loads(value)
        if self.rules[name].kind == REWARD:
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
    rules = {one.name: _rule(one) for one in feedback or []}
    if rows is None:
        return Judge(rules=rules)
    positive = text_of(rows.positive_class) if rows.positive_class is not None else None
    return Judge(rows.task, positive, rows.score is not None, rules)


def _rule(feedback: Feedback) -> Rule:
    return Rule(
        feedback.kind,
        seconds(feedback.delay) * 1_000_000,
        feedback.depends_on_answer and feedback.kind != REWARD,  # a reward always does
        feedback.missing == "Zero",
    )


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    return None
