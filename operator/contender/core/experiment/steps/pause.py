"""The step `pause`: a person looks, and resumes, promotes or aborts."""

from collections.abc import Sequence

from contender.api.v1alpha1.steps import Step
from contender.core.experiment.steps.base import StepKind


def _wish(step: Step, candidates: Sequence[str]) -> None:
    del step, candidates


PAUSE = StepKind("pause", _wish, waits_for_person=True)
