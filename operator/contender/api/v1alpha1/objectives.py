"""Objectives: what a candidate has to be better at, and how that is found out."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel, Name, duration, list_map, rule, rules
from contender.api.v1alpha1.capture import SEGMENTS_LIMIT

OBJECTIVES_LIMIT = 5
DEFAULT_ALPHA = 0.05
DEFAULT_MISSING_PAIRS = 0.02
DEFAULT_COVERAGE = 0.8
NEEDS_OBJECTIVES = rule(
    "!self.steps.exists(step, has(step.until) && has(step.until.verdict) && step.until.verdict)"
    " || has(self.objectives)",
    "a step that waits for a verdict needs objectives, which say what it is about",
    field=".objectives",
)
"""Of specs that have steps and objectives."""


class Objective(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "!has(self.goal) || self.goal == 'Superior' || (has(self.margin) && self.margin > 0.0)",
            "NonInferior allows a candidate to be worse by less than margin: set margin above 0",
            field=".margin",
        ),
    ),
):
    """What a candidate has to be better at than the incumbent, or not much worse."""

    name: Name
    """Its name."""
    feedback: Name
    """Which truth judges the answers: a feedback of the target's spec.feedback."""
    loss: Literal["ZeroOne", "Squared", "Absolute", "Brier", "LogLoss"] | None = None
    """What a wrong answer costs, for a feedback of kind Label: the objective is about its mean, of
    which less is better. Absent, for kind Reward: its mean, of which more is better."""
    goal: Literal["Superior", "NonInferior"] = "Superior"
    """Superior: better by more than margin. NonInferior: not worse by margin."""
    margin: Annotated[float, Field(ge=0.0, le=1e9)] = 0.0
    """In the unit of the loss or reward, such as 0.01 for a hundredth of all rows; default 0."""
    unit: Literal["Row", "Entity"] = "Entity"
    """What is drawn by chance. Entity: rows of the same entity, or else of the same request, may
    depend on each other. Row: each row stands for itself."""


Objectives = Annotated[
    list[Objective],
    Field(min_length=1, max_length=OBJECTIVES_LIMIT, json_schema_extra=list_map("name")),
]

Span = Annotated[str, duration("1m", "8760h")]


class Horizon(
    ApiModel,
    json_schema_extra=rules(
        rule("has(self.rows) || has(self.duration)", "say rows, duration, or both"),
    ),
):
    """Where the experiment is meant to end. Evidence is sharpest there."""

    rows: Annotated[int, Field(ge=100, le=1_000_000_000)] | None = None
    """So many rows with a truth, of a candidate and the incumbent together."""
    duration: Span | None = None
    """So long after the start of the first step."""


class Analysis(ApiModel):
    """How evidence is weighed. It is fixed before the start."""

    alpha: Annotated[float, Field(ge=0.0001, le=0.2)] = DEFAULT_ALPHA
    """How often at most a candidate that does not reach a goal is taken for one that does, however
    often one looks; default 0.05. Shared evenly by candidates."""
    horizon: Horizon | None = None
    """Absent: the experiment may go on, and is decided as soon as evidence suffices."""
    on_no_data: Literal["Inconclusive", "Reject"] = "Inconclusive"
    """What becomes of candidates of which nothing is known at the end. It is never a success."""
    max_missing_pairs: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_MISSING_PAIRS
    """Of the requests that both should have answered, the largest share of which one answer may be
    missing; default 0.02. With more, nothing is decided."""
    min_feedback_coverage: Annotated[float, Field(ge=0.0, le=1.0)] = DEFAULT_COVERAGE
    """The smallest share of rows older than the feedback's delay that must have a truth; default
    0.8. With less, nothing is decided."""
    segments: (
        Annotated[
            list[Name],
            Field(
                max_length=SEGMENTS_LIMIT,
                json_schema_extra={"x-kubernetes-list-type": "set"},
            ),
        ]
        | None
    ) = None
    """Parts of the rows, of spec.rows.segments of the target, in which no candidate may do worse
    than the objective allows. They share alpha once more."""
