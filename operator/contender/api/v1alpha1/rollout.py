"""Rollout: how a changed model takes over."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel, list_map, rule, rules
from contender.api.v1alpha1.objectives import NEEDS_OBJECTIVES, Analysis, Objectives
from contender.api.v1alpha1.steps import MOST_STEPS, Guardrail, Match, Step, Stickiness

CANDIDATE = "candidate"
"""Name of the only candidate of a rollout's Experiment."""


class RolloutExperiment(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "self.steps.all(step, !has(step.split)"
            f" || step.split.weights.all(name, name == '{CANDIDATE}'))",
            f"the only candidate of a rollout is named {CANDIDATE}",
            field=".steps",
        ),
        rule(
            "self.steps.all(step, !has(step.shadow) || !has(step.shadow.percents)"
            f" || step.shadow.percents.all(name, name == '{CANDIDATE}'))",
            f"the only candidate of a rollout is named {CANDIDATE}",
            field=".steps",
        ),
        NEEDS_OBJECTIVES,
    ),
):
    """An Experiment that each changed model goes through. Its candidate is named `candidate`."""

    match: Match | None = None
    """Which requests take part; absent: all."""
    stickiness: Stickiness | None = None
    """What makes a caller stay with an arm; absent: each request is assigned by itself."""
    steps: Annotated[
        list[Step], Field(min_length=1, max_length=MOST_STEPS, json_schema_extra=list_map("name"))
    ]
    """What is done, one after another."""
    guardrails: (
        Annotated[list[Guardrail], Field(max_length=10, json_schema_extra=list_map("name"))] | None
    ) = None
    """What the candidate must not do."""
    objectives: Objectives | None = None
    """What the candidate has to reach, all of it."""
    analysis: Analysis | None = None
    """How evidence is weighed."""
    promotion: Literal["Automatic", "Manual", "Recommend"] = "Automatic"
    """Automatic: it serves after all steps, if it has reached the objectives. Manual: a person
    decides. Recommend: a person decides too, and meanwhile the incumbent has all traffic."""


class Rollout(ApiModel):
    """How a changed model takes over."""

    experiment: RolloutExperiment
    """It has to go through an Experiment, which is made when spec changes. What changes pods only
    takes over as soon as they are ready."""


class Promotion(ApiModel):
    """What becomes of the winner of an Experiment."""

    follow: Literal["Spec", "Winner"] = "Spec"
    """Spec: it serves once spec names its model; status.promotion of the Experiment has the patch.
    Winner: it serves at once, until spec.model changes."""
