"""The step `split`: candidates answer a share of the callers."""

from collections.abc import Sequence

from contender.api.v1alpha1.steps import Step
from contender.core.experiment.steps.base import StepKind, Wish


def _wish(step: Step, candidates: Sequence[str]) -> Wish:
    assert step.split is not None
    weights = {one: step.split.weights.get(one, 0) for one in candidates}
    return Wish(weights=weights, shadow_others=step.split.shadow_others)


SPLIT = StepKind("split", _wish)
