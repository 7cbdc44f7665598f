"""What an Experiment tells, and remembers: its status is where it goes on after a restart."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel, list_map
from contender.api.v1alpha1.condition import Condition

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class PlannedArm(ApiModel):
    """A revision that takes part, as it was when the experiment started."""

    name: str
    """Name of the arm."""
    revision: str
    """Name of the revision."""
    version: str
    """Version of its model."""
    image: str
    """Image of its model."""
    model_hash: str
    """Hash of what decides its answers."""


class Plan(ApiModel):
    """What is tried out, resolved at the start and not changed by anything later."""

    hash: str
    """Hash of what is tested and how: of spec but for promotion and paused, of how the target reads
    rows and truths, and of all models. It stays as it was at the start."""
    incumbent: PlannedArm
    """The revision that serves."""
    replicas: int
    """Pods of the incumbent at the start. It keeps them, so that it can take everything back."""
    candidates: Annotated[list[PlannedArm], Field(json_schema_extra=list_map("name"))]
    """The challengers."""


class StepStatus(ApiModel):
    """Where the experiment stands."""

    name: str
    """Name of the step."""
    index: int
    """Its number, the first is 0."""
    entered: bool = False
    """Whether its traffic is wanted; before, its candidates are being made ready."""
    started_at: Time | None = None
    """Since when all routers do what it wants; its time counts from then on."""
    message: str = ""
    """What it waits for."""


class ArmStatus(ApiModel):
    """What an arm does."""

    name: str
    """Name of the arm."""
    role: Literal["Incumbent", "Challenger"]
    """Incumbent or Challenger."""
    revision: str
    """Name of the revision."""
    version: str
    """Version of its model."""
    ready: int = 0
    """Ready pods."""
    weight: int = 0
    """Percent of the requests that take part which it answers."""
    desired_weight: int = 0
    """Percent that the step wants; routers are on the way to it."""
    shadow_percent: int = 0
    """Percent of the requests that take part of which it gets copies."""
    requests: int = 0
    """Requests and copies that were counted."""
    errors: int = 0
    """Of them: 5xx, no answer, or too late."""
    missing: int = 0
    """Copies that were not sent because too many were under way. They count neither way."""
    p50: str = ""
    """Median time of its model, such as `12ms`; of the routers that live now."""
    p95: str = ""
    """Time that 95 % of its answers keep."""
    p99: str = ""
    """Time that 99 % of its answers keep."""
    state: Literal["Active", "Rejected", "Won"] = "Active"
    """What became of it."""
    message: str = ""
    """Why."""


class GuardrailStatus(ApiModel):
    """What a guardrail says of a candidate."""

    name: str
    """Name of the guardrail."""
    candidate: str
    """Name of the candidate."""
    breached: bool
    """Whether the candidate did what it must not."""
    evidence: float
    """Natural logarithm of the evidence against the candidate."""
    needed: float
    """From here on the guardrail is breached."""
    message: str
    """The same in words."""


class Comparison(ApiModel):
    """How a candidate does by an objective, as far as is known."""

    objective: str
    """Name of the objective."""
    candidate: str
    """Name of the candidate."""
    segment: str = ""
    """The part of the rows that this is about; empty: all."""
    rows: int = 0
    """Rows with a truth, of both arms; a row that both have answered is one."""
    incumbent: str = ""
    """The incumbent's mean loss or reward."""
    challenger: str = ""
    """The candidate's."""
    difference: str = ""
    """The candidate's minus the incumbent's."""
    low: str = ""
    """Lower end of its interval."""
    high: str = ""
    """Upper end. The interval is valid however often one looks."""
    evidence: float = 0.0
    """Natural logarithm of the greatest evidence so far that the goal is reached, or missed."""
    needed: float = 0.0
    """From here on it is decided."""
    spent: bool = False
    """Whether it had its one look at the horizon."""
    state: Literal["NoData", "Undecided", "Reached", "Missed"] = "NoData"
    """Reached: the whole interval keeps the margin. Missed: all of it is beyond. Both stay. In a
    segment the candidate has only not to be worse than the objective allows."""
    message: str = ""
    """The same in words."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others: objective, candidate and segment."""
        return self.objective, self.candidate, self.segment

    @property
    def about(self) -> str:
        """The objective, and the segment if it is about one."""
        return f"{self.objective} in {self.segment}" if self.segment else self.objective


class ArmCount(ApiModel):
    """What routers counted of an arm."""

    arm: str
    """Name of the arm."""
    requests: int = 0
    """Requests and copies."""
    errors: int = 0
    """Of them: errors."""
    missing: int = 0
    """Copies that were not sent."""
    slow: dict[str, int] = {}
    """By guardrail: answers that took longer than its threshold."""


class Epoch(ApiModel):
    """A stretch in which nothing about the traffic changed."""

    step: str
    """Name of the step."""
    since: Time
    """When all routers worked with this traffic."""
    traffic: str
    """Hash of the traffic."""
    shares: dict[str, int]
    """By arm: percent of the requests that it answered or got copies of."""
    counts: Annotated[list[ArmCount], Field(json_schema_extra=list_map("arm"))]
    """What was counted."""


class RouterCount(ApiModel):
    """What a router had counted in all at the time of this status: the next look counts on."""

    router: str
    """Uid of the pod and number of its restarts."""
    counts: Annotated[list[ArmCount], Field(json_schema_extra=list_map("arm"))]
    """By arm."""


class EarlierVerdict(ApiModel):
    """How it had ended before."""

    outcome: str
    """The phase that it had ended in."""
    reason: str
    """Why, as one word."""
    message: str
    """Why, for people."""
    decided_at: Time
    """When."""


class Verdict(ApiModel):
    """How it ended."""

    outcome: str
    """The phase that it ended in."""
    winner: str = ""
    """The candidate that was promoted."""
    reason: str
    """Why, as one word."""
    message: str
    """Why, for people."""
    decided_at: Time
    """When."""
    earlier: EarlierVerdict | None = None
    """How it had ended before: Inconclusive is an end after which a person may still promote."""


class Promotion(ApiModel):
    """What Git has to say so that the winner serves."""

    patch: str
    """A merge patch for the ModelDeployment, as JSON."""
    until: Time
    """Until when the winner's pods are kept ready."""


class ExperimentHandled(ApiModel):
    """The answer to one command annotation."""

    command: Literal["abort", "promote", "resume", "retry"]
    """Which annotation, without its prefix."""
    token: str
    """Its value."""
    result: Literal["Done", "Waiting", "Refused"]
    """What became of it."""
    message: str = ""
    """Why, and how to mend it."""


class ExperimentStatus(ApiModel):
    """How far an Experiment is."""

    observed_generation: int | None = None
    """The generation of the spec that this status is about."""
    phase: str = "Pending"
    """One word: Pending, Running, Paused, AwaitingSpec, Promoted, Rejected, Inconclusive, Aborted,
    Superseded, Failed."""
    reason: str = ""
    """What led to the phase, as one word."""
    message: str = ""
    """One sentence: what goes on, or how it ended."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=list_map("type"))] | None = None
    """Progressing, Decided, Paused, Bypassed (connections of callers may go past the routers);
    Reconciling and Stalled as in kstatus."""
    plan: Plan | None = None
    """What is tried out."""
    step: StepStatus | None = None
    """The step that goes on."""
    weight: str = ""
    """Percent of the requests that the candidates answer, such as `10`, or `v3:10,v4:20`."""
    requests: int | None = None
    """Requests and copies that were counted of the candidate that has fewest."""
    arms: Annotated[list[ArmStatus], Field(json_schema_extra=list_map("name"))] | None = None
    """The incumbent and its challengers."""
    guardrails: list[GuardrailStatus] | None = None
    """What each guardrail says of each candidate."""
    began_at: Time | None = None
    """When the first step began."""
    comparisons: list[Comparison] | None = None
    """What each objective says of each candidate."""
    attempts: int = 0
    """How often it was retried; each time it begins anew, also in the recorder."""
    look: int = 0
    """Number of the recorder's last look that was weighed."""
    leader: str = ""
    """The candidate that has reached all objectives."""
    undecided: str = ""
    """Why nothing can be decided about the objectives, once that is so."""
    recommended: str = ""
    """The candidate that a person may promote; meanwhile the incumbent has all traffic."""
    winner: str = ""
    """The candidate that is to serve."""
    by_command: bool = False
    """Whether a person has promoted it, by the annotation `contender.dev/promote`."""
    promotion: Promotion | None = None
    """What is left to do for its serving."""
    verdict: Verdict | None = None
    """How it ended."""
    resumed: Annotated[list[str], Field(json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Pause steps that are over."""
    counted_at: Time | None = None
    """When requests and errors were read."""
    epochs: list[Epoch] | None = None
    """What was counted, one entry for each stretch with the same traffic."""
    counters: Annotated[list[RouterCount], Field(json_schema_extra=list_map("router"))] | None = (
        None
    )
    """Where each router's counters stood."""
    handled: (
        Annotated[list[ExperimentHandled], Field(json_schema_extra=list_map("command"))] | None
    ) = None
    """Answers to command annotations."""
