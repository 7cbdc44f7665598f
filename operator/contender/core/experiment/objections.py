"""Objections: why the objectives of an Experiment can never be decided at its target."""

from collections.abc import Iterator
from itertools import chain

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.capture import Feedback
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.objectives import Objective
from contender.api.v1alpha1.steps import Step
from contender.stats.losses import LOSSES, losses_of


def objection(spec: ExperimentSpec, target: ModelDeploymentSpec) -> str:
    """Return why the objectives cannot be decided, and how to mend it; empty when they can."""
    if not spec.objectives:
        return ""
    if target.capture is None:
        return "objectives compare what is captured: set spec.capture in the target"
    declared = {one.name: one for one in target.feedback or []}
    of_objectives = (
        f"objective {one.name}: {why}"
        for one in spec.objectives
        for why in _of(one, spec, target, declared)
    )
    return next(chain(of_objectives, _of_segments(spec, target)), "")


def _of(
    one: Objective,
    spec: ExperimentSpec,
    target: ModelDeploymentSpec,
    declared: dict[str, Feedback],
) -> Iterator[str]:
    feedback = declared.get(one.feedback)
    if feedback is None:
        known = ", ".join(declared) or "none"
        yield f"the target's spec.feedback declares no {one.feedback}; declared: {known}"
        return
    if (one.loss is None) != (feedback.kind == "Reward"):
        yield (
            f"{one.feedback} is a reward, of which more is better: leave loss out"
            if feedback.kind == "Reward"
            else f"{one.feedback} is a label: say by loss what a wrong answer costs"
        )
        return
    if one.loss is not None:
        yield from _of_loss(one.loss, target)
    served_only = feedback.kind == "Reward" or feedback.depends_on_answer
    for candidate in spec.candidates:
        if not any(_meet(candidate.name, step, served_only=served_only) for step in spec.steps):
            yield (
                f"{one.feedback} judges only who was served, and no step has both {candidate.name}"
                " and the incumbent answer callers: add a split with weights for both"
                if served_only
                else f"no step has both {candidate.name} and the incumbent answer requests: add a"
                " shadow, or a split with weights for both"
            )


def _of_segments(spec: ExperimentSpec, target: ModelDeploymentSpec) -> Iterator[str]:
    declared = [one.name for one in (target.rows and target.rows.segments) or []]
    for name in (spec.analysis and spec.analysis.segments) or []:
        if name not in declared:
            known = ", ".join(declared) or "none"
            yield (
                f"analysis.segments: the target's spec.rows.segments declares no {name}; declared:"
                f" {known}"
            )


def _meet(candidate: str, step: Step, *, served_only: bool) -> bool:
    """Return whether a candidate and the incumbent are compared in a step."""
    if step.shadow and not served_only:
        return (step.shadow.percents or {}).get(candidate, step.shadow.percent) > 0
    if step.split is None:
        return False
    weights = step.split.weights
    both = weights.get(candidate, 0) > 0 and sum(weights.values()) < 100
    return both or (step.split.shadow_others and not served_only)


def _of_loss(loss: str, target: ModelDeploymentSpec) -> Iterator[str]:
    rows = target.rows
    if rows is None:
        yield "what was answered is not known: set spec.rows in the target"
        return
    if rows.task is None:
        yield "what is predicted is not known: set spec.rows.task in the target"
        return
    kind = next(each for each in LOSSES if each.name == loss)
    if rows.task not in kind.tasks:
        known = losses_of(rows.task, has_score=rows.score is not None)
        fitting = ", ".join(each.name for each in known)
        yield f"{loss} does not fit task {rows.task}; fitting: {fitting}"
    elif kind.needs_score and rows.score is None:
        yield f"{loss} needs a probability: say in spec.rows.score of the target where it is"
