"""Capture: which requests and answers are kept, how they are read, and which truth is joined."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import (
    ATOMIC,
    ApiModel,
    Name,
    Quantity,
    duration,
    list_map,
    rule,
    rules,
)

POINTER_PATTERN = r"^(/([^~/]|~[01])*)*$"
"""RFC 6901."""

Pointer = Annotated[str, Field(pattern=POINTER_PATTERN, max_length=256)]
"""A JSON pointer; empty: the whole value."""

BodyPath = Annotated[str, Field(pattern=POINTER_PATTERN, min_length=1, max_length=256)]
"""A JSON pointer in which `*` stands for every member of an array or object."""

THRESHOLD_PATTERN = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
"""From 0 to 1 with at most 6 decimals; text, as floats are not the same everywhere."""

DEFAULT_MAX_BODY_BYTES = 65536
DEFAULT_RETENTION_AGE = "720h"
DEFAULT_RETENTION_SIZE = "10Gi"
PRESETS = {"V1": ("/instances", "/predictions"), "V2": ("/inputs", "/outputs")}
"""Where requests and answers hold their rows in the protocols that many servers speak."""


SEGMENTS_LIMIT = 10
"""Segments of one ModelDeployment."""

SegmentValue = Annotated[str, Field(max_length=128)]
Bound = Annotated[float, Field(ge=-1e15, le=1e15)]


class Segment(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.values) != (has(self.atLeast) || has(self.below))",
            "say which rows belong to it: set either values, or atLeast, below or both",
        ),
        rule(
            "!(has(self.atLeast) && has(self.below)) || self.atLeast < self.below",
            "no number is both: set atLeast smaller than below",
            field=".atLeast",
        ),
    ),
):
    """A part of the rows, such as those of one country, which Experiments look at by itself."""

    name: Name
    """Its name."""
    at: Annotated[str, Field(pattern=POINTER_PATTERN, min_length=1, max_length=256)]
    """Where its value is, in the row, or else in the body: a JSON pointer such as /age. Only which
    segments a row is in is kept, even if the value is redacted."""
    values: (
        Annotated[
            list[SegmentValue],
            Field(min_length=1, max_length=64, json_schema_extra=ATOMIC),
        ]
        | None
    ) = None
    """Rows with one of these values belong to it, as text: 1, 1.0 and "1" are the same."""
    at_least: Bound | None = None
    """Rows with this number or a greater one belong to it."""
    below: Bound | None = None
    """Rows with a smaller number belong to it."""


class Rows(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.preset) || (has(self.request) && has(self.response))",
            "say where rows are: set preset, or both request and response",
        ),
        rule(
            "!has(self.preset) || (!has(self.request) && !has(self.response))",
            "preset says where request and response hold their rows: leave these out",
        ),
        rule(
            "!has(self.threshold) || has(self.score)",
            "threshold cuts the score: say where score is",
            field=".threshold",
        ),
        rule(
            "!has(self.score)"
            " || (has(self.task) && self.task == 'Binary' && has(self.positiveClass))",
            "score is the probability of positiveClass: set task Binary and positiveClass",
            field=".score",
        ),
        rule(
            "!has(self.score) || has(self.output) != has(self.threshold)",
            "score is no class: set either output, where the class is, or threshold, which makes"
            " one of the score",
            field=".score",
        ),
        rule(
            "!has(self.positiveClass) || (has(self.task) && self.task == 'Binary')",
            "positiveClass belongs to task Binary: set that, or leave positiveClass out",
            field=".positiveClass",
        ),
    ),
):
    """How a body becomes rows and predictions. A request of 50 rows is 50 predictions."""

    preset: Literal["V1", "V2"] | None = None
    """V1: rows in /instances, answers in /predictions. V2: the tensors of the Open Inference
    Protocol, in which row i is the i-th part of each."""
    request: Pointer | None = None
    """Where the request holds its rows; what is no array is one row."""
    response: Pointer | None = None
    """Where the answer holds its predictions, in the same order."""
    entity: Pointer | None = None
    """Who the row is about, in the row, or else in the body. It is kept as a keyed hash only."""
    key: Pointer | None = None
    """The name under which others know the row, such as an order, in the row, or else in the body:
    feedback may name it. It is kept as a keyed hash only."""
    output: Pointer | None = None
    """The predicted class or value in a prediction; absent: the prediction itself, or what
    threshold makes of score."""
    score: Pointer | None = None
    """The probability of positiveClass in a prediction."""
    threshold: Annotated[str, Field(pattern=THRESHOLD_PATTERN, max_length=8)] | None = None
    """From this score on, the output is positiveClass: a decimal from 0 to 1 as text, such as
    "0.5". Absent: output says what it is."""
    positive_class: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The class of which score is the probability, as text: 1, 1.0 and "1" are the same."""
    task: Literal["Binary", "Multiclass", "Regression"] | None = None
    """What is predicted; it decides which losses are computed. Absent: only whether two arms
    agree."""
    segments: (
        Annotated[
            list[Segment],
            Field(max_length=SEGMENTS_LIMIT, json_schema_extra=list_map("name")),
        ]
        | None
    ) = None
    """Parts of the rows that an Experiment may name in analysis.segments: at most 10."""


_SIZE = "quantity(string(self)).compareTo(quantity('{}'))"

Size = Annotated[
    Quantity,
    Field(
        json_schema_extra=rules(
            rule(
                f"{_SIZE.format('1Mi')} >= 0 && {_SIZE.format('1Pi')} <= 0",
                f"must be a quantity from 1Mi to 1Pi, such as {DEFAULT_RETENTION_SIZE}:"
                " without a unit it is bytes",
            )
        )
    ),
]
"""So many bytes that something can be kept, and no more than databases can count."""


class Retention(ApiModel):
    """How long captured data is kept."""

    age: Annotated[str, duration("1h", "87600h")] = DEFAULT_RETENTION_AGE
    """Predictions older than this are deleted, default 720h."""
    size: Size = DEFAULT_RETENTION_SIZE
    """Above this, the oldest predictions are deleted, default 10Gi."""


class Capture(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "!has(self.keep) || !has(self.redact)",
            "keep drops all other parts: set keep or redact, not both",
        ),
    ),
):
    """Keeps requests and answers. Callers never wait for it."""

    percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Percent of the requests that are captured, default 100; of each of them all answers are."""
    max_body_bytes: Annotated[int, Field(ge=0, le=1048576)] = DEFAULT_MAX_BODY_BYTES
    """Longer bodies are not read, and counted; default 65536. 0: none is read."""
    keep: Annotated[list[BodyPath], Field(max_length=64, json_schema_extra=ATOMIC)] | None = None
    """The only parts of bodies that are stored, such as /instances/*/age; an empty list: none.
    What rows reads of answers is stored in any case."""
    redact: Annotated[list[BodyPath], Field(max_length=64, json_schema_extra=ATOMIC)] | None = None
    """Parts of bodies that are not stored, such as /instances/*/ssn. A body that cannot be read is
    then not stored at all."""
    retention: Retention | None = None
    """How long it is kept; absent: 720h and 10Gi."""


class Feedback(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "!has(self.missing) || self.missing == 'Exclude' || self.kind == 'Reward'",
            "a missing label is no label: missing Zero belongs to kind Reward, leave it out",
            field=".missing",
        ),
        rule(
            "!has(self.missing) || self.missing == 'Exclude' || self.kind == 'Label'"
            " || (has(self.delay) && self.delay.matches('[1-9]'))",
            "missing Zero counts what came within delay: set delay above 0s",
            field=".missing",
        ),
    ),
):
    """A truth that arrives after the answer: sent to <endpoint>/-/feedback."""

    name: Name
    """What senders call it."""
    kind: Literal["Label", "Reward"]
    """Label: the true class or value, which judges every arm. Reward: a number that the answer
    earned, which judges the arm that was served."""
    delay: Annotated[str, duration("0s", "43800h")] = "0s"
    """How long it takes until it is complete, default 0s. Younger rows count neither in verdicts
    nor against coverage: what comes early is not like the rest."""
    missing: Literal["Exclude", "Zero"] = "Exclude"
    """What a prediction counts for which none came within delay: nothing (Exclude, the default), or
    0 (Zero)."""
    depends_on_answer: bool = False
    """Whether it depends on the answer that was served, as with loans that were refused: then it
    cannot judge an arm that was not."""


FEEDBACK_LIMIT = 16
"""Feedbacks of one ModelDeployment."""
