"""Experiment: lets challengers earn the traffic of an endpoint, step by step."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contender.api.v1alpha1.base import MAX_NAME, ApiModel, Image, list_map, rule, rules
from contender.api.v1alpha1.container import Model
from contender.api.v1alpha1.experiment_status import ExperimentStatus
from contender.api.v1alpha1.objectives import NEEDS_OBJECTIVES, Analysis, Objectives
from contender.api.v1alpha1.steps import (
    MOST_CANDIDATES,
    MOST_STEPS,
    CandidateName,
    Guardrail,
    Match,
    Step,
    Stickiness,
)


class CandidateModel(Model):
    """The container of a challenger. What is not set is as in the target's spec, field by field."""

    image: Image = ""
    """Image of the container, such as `ghcr.io/acme/churn:4`; absent: that of the target."""


class Candidate(ApiModel):
    """A challenger."""

    name: CandidateName
    """Its name within the experiment; `incumbent` is taken."""
    model: CandidateModel
    """Its model. What is not set here is as in the target; both are resolved once, at the start."""


class ExperimentSpec(
    ApiModel,
    json_schema_extra=rules(
        *(
            rule(
                f"has(self.{field}) == has(oldSelf.{field})"
                f" && (!has(self.{field}) || self.{field} == oldSelf.{field})",
                f"{field} cannot be changed: make another Experiment",
                field=f".{field}",
            )
            for field in ("match", "stickiness", "guardrails", "objectives", "analysis")
        ),
        *(
            rule(
                f"self.{field} == oldSelf.{field}",
                f"{field} cannot be changed: make another Experiment",
                field=f".{field}",
            )
            for field in ("target", "candidates", "steps")
        ),
        rule(
            "!self.candidates.exists(one, one.name == 'incumbent')",
            "a candidate cannot be named incumbent",
            field=".candidates",
        ),
        rule(
            "self.steps.all(step, !has(step.split)"
            " || step.split.weights.all(name, self.candidates.exists(one, one.name == name)))",
            "a weight names no candidate",
            field=".steps",
        ),
        rule(
            "self.steps.all(step, !has(step.shadow) || !has(step.shadow.percents)"
            " || step.shadow.percents.all(name,"
            " self.candidates.exists(one, one.name == name)))",
            "a percent names no candidate",
            field=".steps",
        ),
        NEEDS_OBJECTIVES,
    ),
):
    """What is to be found out. Only `promotion` and `paused` can be changed later."""

    target: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    """Name of the ModelDeployment whose endpoint it is about."""
    candidates: Annotated[
        list[Candidate],
        Field(min_length=1, max_length=MOST_CANDIDATES, json_schema_extra=list_map("name")),
    ]
    """The challengers."""
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
    """What a candidate must not do."""
    objectives: Objectives | None = None
    """What a candidate has to reach, all of it."""
    analysis: Analysis | None = None
    """How evidence is weighed."""
    promotion: Literal["Automatic", "Manual", "Recommend"] = "Manual"
    """Automatic: the winner of the verdict takes over; without objectives, a single candidate that
    is left after all steps. Manual: a person decides, by the annotation `contender.dev/promote`.
    Recommend: the winner is named with the patch that Git has to make, and traffic goes back."""
    paused: bool = False
    """It waits while true; traffic stays as it is."""


class Experiment(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "self.metadata.name.size() <= 63"
            " && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name is a label: at most 63 characters, lower-case letters, digits and '-'",
        ),
    ),
):
    """Experiment lets challengers earn the traffic of a ModelDeployment.

    Step by step they get copies of its requests, or answer a share of its callers, beside the
    incumbent. One that does what a guardrail forbids loses its traffic at once.
    """

    spec: ExperimentSpec
    """What is to be found out."""
    status: ExperimentStatus | None = None
    """How far it is."""


EXPERIMENT_COLUMNS: list[dict[str, Any]] = [
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Target", "type": "string", "jsonPath": ".spec.target"},
    {"name": "Step", "type": "string", "jsonPath": ".status.step.name"},
    {"name": "Weight", "type": "string", "jsonPath": ".status.weight"},
    {"name": "Requests", "type": "integer", "jsonPath": ".status.requests"},
    {"name": "Verdict", "type": "string", "jsonPath": ".status.verdict.outcome"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
]
