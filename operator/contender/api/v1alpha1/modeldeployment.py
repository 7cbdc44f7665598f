"""ModelDeployment: keeps one model serving, scaled and retrained."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contender.api.v1alpha1.base import (
    DURATION_PATTERN,
    MAX_NAME,
    ApiModel,
    list_map,
    rule,
    rules,
)
from contender.api.v1alpha1.capture import (
    DEFAULT_RETENTION_AGE,
    FEEDBACK_LIMIT,
    Capture,
    Feedback,
    Rows,
)
from contender.api.v1alpha1.condition import Condition
from contender.api.v1alpha1.container import Model, Transformer
from contender.api.v1alpha1.pod import Pod
from contender.api.v1alpha1.retraining import Retraining
from contender.api.v1alpha1.rollout import Promotion, Rollout
from contender.api.v1alpha1.router import Router
from contender.api.v1alpha1.scaling import Scaling

_PORTS_DIFFER = (
    "!has(self.transformer)"
    " || (has(self.transformer.port) ? self.transformer.port : 8081)"
    " != (has(self.model.port) ? self.model.port : 8080)"
)
_CPU_METRIC_HAS_REQUEST = (
    "!has(self.scaling) || !has(self.scaling.metrics)"
    " || !self.scaling.metrics.exists(m, m.type == 'CPU')"
    " || (has(self.model.resources)"
    " && ((has(self.model.resources.requests) && 'cpu' in self.model.resources.requests)"
    " || (has(self.model.resources.limits) && 'cpu' in self.model.resources.limits)))"
)


_RETENTION = (
    "(has(self.capture.retention) && has(self.capture.retention.age)"
    f" ? self.capture.retention.age : '{DEFAULT_RETENTION_AGE}')"
)
_IS_DURATION = f".matches('{DURATION_PATTERN}')"
"""What is none is refused where it stands."""
_KEPT_UNTIL_FEEDBACK = (
    f"!has(self.feedback) || !has(self.capture) || !{_RETENTION}{_IS_DURATION}"
    f" || self.feedback.all(f, !has(f.delay) || !f.delay{_IS_DURATION}"
    f" || duration(f.delay) < duration({_RETENTION}))"
)


def _mounts_exist(container: str, pod: str) -> str:
    """Return the CEL rule that every volume mounted by `container` is declared in `pod`."""
    return (
        f"!has({container}.volumeMounts) || {container}.volumeMounts.all(m,"
        f" has({pod}) && has({pod}.volumes) && {pod}.volumes.exists(v, v.name == m.name))"
    )


_UNKNOWN_VOLUME = (
    "a volumeMount names a volume that {} does not declare: add it there, or mend the name"
)


_OBJECTIVES = (
    "!has(self.rollout) || !has(self.rollout.experiment.objectives)"
    " || self.rollout.experiment.objectives.all(o, {})"
)
"""Of each objective of a rollout."""


class ModelDeploymentSpec(
    ApiModel,
    json_schema_extra=rules(
        rule(
            _PORTS_DIFFER,
            "model and transformer share a pod: give them different ports",
            field=".transformer.port",
        ),
        rule(
            _CPU_METRIC_HAS_REQUEST,
            "a CPU metric needs model.resources.requests.cpu: it is measured in percent of it",
            field=".scaling.metrics",
        ),
        rule(
            _mounts_exist("self.model", "self.pod"),
            _UNKNOWN_VOLUME.format("spec.pod.volumes"),
            field=".model.volumeMounts",
        ),
        rule(
            f"!has(self.transformer) || {_mounts_exist('self.transformer', 'self.pod')}",
            _UNKNOWN_VOLUME.format("spec.pod.volumes"),
            field=".transformer.volumeMounts",
        ),
        rule(
            "!has(self.retraining) || "
            + _mounts_exist("self.retraining.job", "self.retraining.job.pod"),
            _UNKNOWN_VOLUME.format("spec.retraining.job.pod.volumes"),
            field=".retraining",
        ),
        rule(
            "!has(self.rows) || has(self.capture)",
            "rows says how captured bodies are read: add capture, or leave it out",
            field=".rows",
        ),
        rule(
            "!has(self.feedback) || self.feedback.size() == 0 || has(self.capture)",
            "feedback is joined with captured answers: add capture, or leave it out",
            field=".feedback",
        ),
        rule(
            _KEPT_UNTIL_FEEDBACK,
            f"capture.retention.age ({DEFAULT_RETENTION_AGE} when unset) must be longer than the"
            " delay of each feedback, which else finds no answer: raise it, or lower delay",
            field=".capture.retention",
        ),
        rule(
            _OBJECTIVES.format(
                "has(self.feedback) && self.feedback.exists(f, f.name == o.feedback)"
            ),
            "an objective names a feedback that is not declared: add it to spec.feedback",
            field=".rollout.experiment.objectives",
        ),
        rule(
            _OBJECTIVES.format(
                "!has(self.feedback) || self.feedback.all(f, f.name != o.feedback"
                " || has(o.loss) == (f.kind == 'Label'))"
            ),
            "an objective about a label says by loss what a wrong answer costs; one about a reward,"
            " of which more is better, has no loss",
            field=".rollout.experiment.objectives",
        ),
        rule(
            _OBJECTIVES.format(
                "!has(o.loss) || (has(self.rows) && has(self.rows.task)"
                " && (o.loss in ['Squared', 'Absolute'] ? self.rows.task == 'Regression'"
                " : o.loss == 'ZeroOne' ? self.rows.task != 'Regression'"
                " : self.rows.task == 'Binary' && has(self.rows.score)))"
            ),
            "a loss does not fit spec.rows: ZeroOne needs task Binary or Multiclass, Squared and"
            " Absolute task Regression, Brier and LogLoss task Binary with score",
            field=".rollout.experiment.objectives",
        ),
        rule(
            _OBJECTIVES.format(
                "!has(self.feedback) || self.feedback.all(f, f.name != o.feedback"
                " || (f.kind == 'Label' && !(has(f.dependsOnAnswer) && f.dependsOnAnswer))"
                " || self.rollout.experiment.steps.exists(s, has(s.split)))"
            ),
            "an objective is about a truth that depends on the answer that the caller got (kind"
            " Reward, or dependsOnAnswer): copies cannot be judged by it, add a split step",
            field=".rollout.experiment.objectives",
        ),
        rule(
            "!has(self.rollout) || !has(self.rollout.experiment)"
            " || !has(self.rollout.experiment.analysis)"
            " || !has(self.rollout.experiment.analysis.segments)"
            " || self.rollout.experiment.analysis.segments.all(name, has(self.rows)"
            " && has(self.rows.segments) && self.rows.segments.exists(s, s.name == name))",
            "analysis.segments names a segment that is not declared: add it to spec.rows.segments",
            field=".rollout.experiment.analysis",
        ),
    ),
):
    """What should serve."""

    model: Model
    """The container that answers predictions."""
    transformer: Transformer | None = None
    """Pre- and post-processing in the same pod, in front of the model."""
    pod: Pod | None = None
    """Settings of the pods."""
    scaling: Scaling | None = None
    """How many pods serve; absent: one."""
    rollout: Rollout | None = None
    """How a changed model takes over; absent: as soon as its pods are ready (blue/green)."""
    promotion: Promotion | None = None
    """What becomes of the winner of an Experiment."""
    router: Router | None = None
    """The pods through which callers go while traffic is shadowed or split."""
    rows: Rows | None = None
    """How a body becomes rows and predictions; absent: a request is one row that is not read."""
    capture: Capture | None = None
    """Which requests and answers are kept; absent: none."""
    feedback: (
        Annotated[
            list[Feedback], Field(max_length=FEEDBACK_LIMIT, json_schema_extra=list_map("name"))
        ]
        | None
    ) = None
    """Which truths arrive after the answer."""
    retraining: Retraining | None = None
    """When and how the model is trained again; absent: never."""
    paused: bool = False
    """The operator changes nothing while true; what serves goes on serving. The annotation
    `contender.dev/paused: "true"` does the same."""


class Endpoint(ApiModel):
    """Where callers find the model."""

    url: str
    """URL within the cluster; it never changes."""


class RevisionStatus(ApiModel):
    """A revision that has pods."""

    revision: str
    """Its name."""
    version: str
    """Version of its model."""
    replicas: int = 0
    """Pods wanted."""
    ready: int = 0
    """Pods ready."""


class RevisionRecord(ApiModel):
    """A stored revision, which a rollback can bring back."""

    name: str
    """Its name."""
    version: str
    """Version of its model."""
    image: str
    """Image of its model."""
    model_hash: str
    """Hash of what decides its answers."""
    pod_hash: str
    """Hash of all its pod's user fields."""
    served_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When it last began to serve; absent: never."""


class RunningExperiment(ApiModel):
    """The Experiment that has the traffic, or had it last."""

    name: str
    """Its name."""
    phase: str
    """Its phase."""
    step: str = ""
    """The step that goes on."""
    weight: int = 0
    """Percent of the requests that its candidates answer together."""


class RouterStatus(ApiModel):
    """The routers between callers and pods."""

    replicas: int = 0
    """Pods wanted."""
    ready: int = 0
    """Pods ready."""
    in_path: bool = False
    """Whether new connections of callers go through them."""
    message: str = ""
    """What is waited for."""


class RetrainingRun(ApiModel):
    """One run of the retraining job."""

    job: str
    """Name of its Job."""
    started_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When it started."""
    finished_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When it finished."""
    outcome: Literal["Running", "Succeeded", "Failed"]
    """How it ended; Failed also when it reported no valid result."""
    message: str = ""
    """Why it failed."""


class ReportedResult(ApiModel):
    """The newest valid result."""

    job: str
    """Name of the Job that reported it."""
    version: str
    """Version of the new model."""
    image: str | None = None
    """Image that serves it."""
    storage_uri: str | None = None
    """Where it is stored."""
    metrics: dict[str, float] = {}
    """Metrics by name."""


class RetrainingStatus(ApiModel):
    """What retraining did and will do."""

    last_run: RetrainingRun | None = None
    """The newest run."""
    next_run: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When the schedule starts the next run; absent while suspended or without a schedule."""
    last_result: ReportedResult | None = None
    """The newest valid result."""


class Handled(ApiModel):
    """The answer to one command annotation."""

    command: Literal["rollback", "retrain", "refresh"]
    """Which annotation, without its prefix."""
    token: str
    """Its value."""
    result: Literal["Done", "Waiting", "Refused"]
    """What became of it."""
    message: str = ""
    """Why, and how to mend it."""


class ModelDeploymentStatus(ApiModel):
    """What serves, and what is on its way. It can be rebuilt from the children at any time."""

    observed_generation: int | None = None
    """The generation of the spec that this status is about."""
    phase: str | None = None
    """One word: Pending, Updating, Ready, Degraded, Stalled, Paused."""
    message: str | None = None
    """One sentence: what serves, what spec wants, and why they differ."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=list_map("type"))] | None = None
    """Available (callers are answered), Ready (what spec wants serves), Progressing, Capturing
    (requests and answers are kept), Retrained; Reconciling and Stalled as in kstatus."""
    endpoint: Endpoint | None = None
    """Where callers find the model."""
    serving: RevisionStatus | None = None
    """The revision that answers callers."""
    candidate: RevisionStatus | None = None
    """The revision that is about to take over."""
    experiment: RunningExperiment | None = None
    """The Experiment on this endpoint; absent when there is none."""
    router: RouterStatus | None = None
    """The routers; absent when there are none."""
    revisions: list[RevisionRecord] | None = None
    """Stored revisions, newest first, at most 10."""
    retraining: RetrainingStatus | None = None
    """What retraining did and will do."""
    handled: Annotated[list[Handled], Field(json_schema_extra=list_map("command"))] | None = None
    """Answers to command annotations."""


class ModelDeployment(
    ApiModel,
    json_schema_extra=rules(
        rule(
            f"self.metadata.name.size() <= {MAX_NAME}"
            " && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            f"metadata.name names Services and a CronJob: at most {MAX_NAME} characters,"
            " lower-case letters, digits and '-', beginning with a letter",
        ),
        rule(
            "!self.metadata.name.matches('-([bcdfghjklmnpqrstvwxz2456789]{8}|retrain|router)$')",
            "metadata.name must not end like a child of another ModelDeployment"
            " (-retrain, -router, or '-' and a revision's 8 characters): choose another name",
        ),
    ),
):
    """ModelDeployment keeps one model serving, scaled, observed and retrained.

    A changed model, transformer or pod setting becomes a new revision that takes over blue/green:
    made beside the old one, switched to only when it is ready.
    """

    spec: ModelDeploymentSpec
    """What should serve."""
    status: ModelDeploymentStatus | None = None
    """What serves, and what is on its way."""


def _condition(kind: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{part}'


PRINTER_COLUMNS: list[dict[str, Any]] = [
    {"name": "Ready", "type": "string", "jsonPath": _condition("Ready", "status")},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Serving", "type": "string", "jsonPath": ".status.serving.version"},
    {"name": "Candidate", "type": "string", "jsonPath": ".status.candidate.version"},
    {"name": "Weight", "type": "integer", "jsonPath": ".status.experiment.weight"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.serving.ready"},
    {"name": "Reason", "type": "string", "jsonPath": _condition("Ready", "reason")},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Endpoint", "type": "string", "jsonPath": ".status.endpoint.url", "priority": 1},
    {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
]
