"""The registry of the kinds of steps. To add one: one file beside this one, and one line here."""

from collections.abc import Sequence

from contender.api.v1alpha1.steps import Step
from contender.core.experiment.steps.base import StepKind, Wish
from contender.core.experiment.steps.pause import PAUSE
from contender.core.experiment.steps.shadow import SHADOW
from contender.core.experiment.steps.split import SPLIT

STEPS: tuple[StepKind, ...] = (SHADOW, SPLIT, PAUSE)


def kind_of(step: Step) -> StepKind:
    """Return the kind of a step."""
    return next(kind for kind in STEPS if getattr(step, kind.field) is not None)


def wish_at(steps: Sequence[Step], index: int, candidates: Sequence[str]) -> Wish | None:
    """Return what the traffic should be in a step, or in the last one before it that says so.

    Args:
        steps: all steps.
        index: number of the step.
        candidates: names of those that are left.
    """
    for step in reversed(steps[: index + 1]):
        if wish := kind_of(step).wish(step, candidates):
            return wish
    return None


__all__ = ["STEPS", "StepKind", "Wish", "kind_of", "wish_at"]
