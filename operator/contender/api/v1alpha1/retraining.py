"""Retraining: what becomes a CronJob, and what its Jobs report."""

from typing import Annotated

from pydantic import Field, model_validator

from contender.api.v1alpha1.base import ApiModel, Image, LabelValue, rule, rules
from contender.api.v1alpha1.container import ContainerBase
from contender.api.v1alpha1.pod import Pod


def _field(number: str, names: str = "") -> str:
    """Return the pattern of one cron field whose numbers match `number` or one of `names`."""
    value = f"({number}{'|' + names if names else ''})"
    part = rf"((\*|\?)(/[0-9]{{1,2}})?|{value}(-{value})?(/[0-9]{{1,2}})?)"
    return rf"{part}(,{part})*"


def _any_case(words: str) -> str:
    """Return the pattern of these words in capitals or small letters: "jan feb"."""
    return "|".join(
        "".join(f"[{letter}{letter.upper()}]" for letter in word) for word in words.split()
    )


_MONTHS = _any_case("jan feb mar apr may jun jul aug sep oct nov dec")
_DAYS = _any_case("sun mon tue wed thu fri sat")

CRON_PATTERN = (
    "^("
    + " +".join(
        (
            _field("[0-5]?[0-9]"),
            _field("[01]?[0-9]|2[0-3]"),
            _field("0?[1-9]|[12][0-9]|3[01]"),
            _field("0?[1-9]|1[0-2]", _MONTHS),
            _field("[0-6]", _DAYS),
        )
    )
    + "|@(yearly|annually|monthly|weekly|daily|midnight|hourly))$"
)
"""Cron in five fields (minute hour day-of-month month day-of-week, Sunday is 0), or one of the
named schedules. Kubernetes' own `TZ=` prefix is refused: `timeZone` says it."""


class RetrainingJob(ContainerBase):
    """The Job that trains.

    It reports its result as JSON in its termination message (the file /dev/termination-log, at
    most 4096 bytes): `{"version": "4", "image": "...", "metrics": {"accuracy": 0.97}}`, where
    `storageUri` may stand in place of `image`.
    """

    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 0
    """How often a failed pod is tried again, default 0."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=2592000)] = 86400
    """Seconds after which a run is stopped and counts as failed, default one day."""
    pod: Pod | None = None
    """Settings of the Job's pod."""


class Retraining(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "!has(self.timeZone) || has(self.schedule)",
            "timeZone needs a schedule: set schedule, or remove timeZone",
            field=".timeZone",
        )
    ),
):
    """When and how the model is trained again. Runs never overlap."""

    schedule: Annotated[str, Field(pattern=CRON_PATTERN, min_length=1, max_length=128)] | None = (
        None
    )
    """Wall-clock schedule in cron's five fields; absent: only on the annotation
    `contender.dev/retrain`."""
    time_zone: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", min_length=1, max_length=64)] | None
    ) = None
    """IANA time zone of the schedule, default Etc/UTC."""
    suspend: bool = False
    """Stop starting runs by schedule. The annotation still starts one."""
    job: RetrainingJob
    """The Job that trains."""


StorageUri = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9+.-]*:[^\s]+$", min_length=3, max_length=4096)
]


class RetrainingResult(ApiModel):
    """What a retraining Job reports in its termination message.

    Raises:
        pydantic.ValidationError: a field is missing or malformed, or not exactly one of image
            and storageUri is set.
    """

    version: LabelValue
    """Version of the new model."""
    image: Image | None = None
    """Image that serves it."""
    storage_uri: StorageUri | None = None
    """Where the new model is stored, when no image was built."""
    metrics: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=63)],
            Annotated[float, Field(allow_inf_nan=False)],
        ],
        Field(max_length=32),
    ] = {}
    """Metrics by name, finite numbers."""

    @model_validator(mode="after")
    def _one_source(self) -> "RetrainingResult":
        if (self.image is None) == (self.storage_uri is None):
            raise ValueError("report exactly one of image, storageUri")
        return self
