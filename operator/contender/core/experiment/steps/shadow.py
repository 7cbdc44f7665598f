"""The step `shadow`: candidates get copies of what the incumbent answers."""

from collections.abc import Sequence

from contender.api.v1alpha1.steps import Step
from contender.core.experiment.steps.base import StepKind, Wish


def _wish(step: Step, candidates: Sequence[str]) -> Wish:
    assert step.shadow is not None
    single = step.shadow.percents or {}
    return Wish(shadows={one: single.get(one, step.shadow.percent) for one in candidates})


SHADOW = StepKind("shadow", _wish)
