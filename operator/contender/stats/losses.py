"""Losses: what one answer costs, given the truth.

A loss is 0 for a perfect answer and grows with the error. To add one: a function here and a line in
`LOSSES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, log

LEAST_PROBABILITY = 1e-6
"""Below it a probability counts as this in LogLoss: one certain mistake must not outweigh all."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an arm answered to one row."""

    output: object
    """The class as text, or the value as a number."""
    score: float | None = None
    """The probability of the positive class, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a kind of loss is for."""

    name: str
    tasks: frozenset[str]
    """Tasks for which it is computed."""
    needs_score: bool
    of: Callable[[Prediction, object], float]
    """The loss of a prediction, given the truth: for a task Binary, whether the row belongs to the
    positive class; a class as text; or a number."""
    worst: float | None
    """The loss of an arm that failed to answer; None: there is no greatest loss."""


def _zero_one(prediction: Prediction, truth: object) -> float:
    return float(prediction.output != truth)


def _squared(prediction: Prediction, truth: object) -> float:
    difference = _number(prediction.output) - _number(truth)
    return difference * difference  # unlike a power, it may become infinite


def _absolute(prediction: Prediction, truth: object) -> float:
    return abs(_number(prediction.output) - _number(truth))


def _brier(prediction: Prediction, truth: object) -> float:
    """Return the squared error of the probability (Brier 1950, for two classes)."""
    assert prediction.score is not None
    return (prediction.score - float(truth is True)) ** 2


def _log_loss(prediction: Prediction, truth: object) -> float:
    """Return minus the natural logarithm of the probability that was given to the truth."""
    assert prediction.score is not None
    given = prediction.score if truth is True else 1.0 - prediction.score
    return -log(max(given, LEAST_PROBABILITY))


def _number(value: object) -> float:
    assert isinstance(value, (int, float))
    return float(value)


_CLASSES = frozenset({"Binary", "Multiclass"})
_BINARY = frozenset({"Binary"})
_NUMBERS = frozenset({"Regression"})

LOSSES = (
    Loss("ZeroOne", _CLASSES, needs_score=False, of=_zero_one, worst=1.0),
    Loss("Squared", _NUMBERS, needs_score=False, of=_squared, worst=None),
    Loss("Absolute", _NUMBERS, needs_score=False, of=_absolute, worst=None),
    Loss("Brier", _BINARY, needs_score=True, of=_brier, worst=1.0),
    Loss("LogLoss", _BINARY, needs_score=True, of=_log_loss, worst=-log(LEAST_PROBABILITY)),
)
"""All losses."""


def worst_of(name: str) -> float | None:
    """Return the greatest loss that there is; None: there is none, as of a reward."""
    return next((one.worst for one in LOSSES if one.name == name), None)


def losses_of(task: str | None, *, has_score: bool) -> tuple[Loss, ...]:
    """Return the losses that can be computed for a task."""
    return tuple(
        loss for loss in LOSSES if task in loss.tasks and (has_score or not loss.needs_score)
    )


def is_finite(value: float) -> bool:
    """Return whether a loss can be added up."""
    return isfinite(value)
