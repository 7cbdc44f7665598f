"""What every API model shares: naming, immutability, and the bounded scalar types.

Every bound here ends up in the CRD, so that the API server refuses a wrong value at apply.
"""

from typing import Annotated, Any, cast

import durationpy
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

MAX_NAME = 44
"""Longest name of a ModelDeployment: child names append up to 19 characters, and a CronJob's may
have 52."""


class ApiModel(BaseModel):
    """A part of a custom resource.

    Unknown fields are ignored when the operator reads an object: the API server has already pruned
    them, and an older operator must be able to read what a newer CRD lets through.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def canonical(self) -> dict[str, Any]:
        """Return only what the user said: no defaults, no absent fields, Kubernetes' field names.

        Two specs with the same meaning give the same result, also under a newer API whose added
        fields have defaults; hashes are built on it.
        """
        return self.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, mode="json")

    def manifest(self) -> dict[str, Any]:
        """Return the fields that are set or have a default, under Kubernetes' field names."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def rule(expression: str, message: str, *, field: str = "") -> dict[str, str]:
    """Build one CEL validation rule.

    Args:
        expression: CEL over `self`; true when the value is right.
        message: what is wrong and how to mend it.
        field: JSON path below the value that the API server names in its error.
    """
    built = {"rule": expression, "message": message}
    if field:
        built["fieldPath"] = field
    return built


def rules(*built: dict[str, str]) -> dict[str, Any]:
    """Return the schema extension that carries CEL rules, for `json_schema_extra`."""
    return {"x-kubernetes-validations": list(built)}


def list_map(*keys: str) -> dict[str, Any]:
    """Return the schema extension of a list that is merged by these keys, each entry unique."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""Schema extension of a list that is replaced as a whole."""

DURATION_PATTERN = r"^([0-9]{1,6}(h|m|s))+$"
"""Go durations in whole seconds: `90s`, `1h30m`. Days do not exist in Go's notation."""


def duration(least: str, most: str) -> FieldInfo:
    """Return the bounds of a Go duration, both inclusive, for `Annotated[str, ...]`."""
    bounds = rule(
        f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
        f"must be a duration from {least} to {most}, such as {least} or {most}",
    )
    return cast(
        "FieldInfo",
        Field(pattern=DURATION_PATTERN, max_length=20, json_schema_extra=rules(bounds)),
    )


def seconds(value: str) -> int:
    """Return a Go duration in whole seconds.

    Raises:
        durationpy.DurationError: the text is no Go duration.
    """
    return int(durationpy.from_str(value).total_seconds())


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""A DNS-1123 label."""

ObjectName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)
]
"""The name of another Kubernetes object in the same namespace (DNS-1123 subdomain)."""

LABEL_KEY_PATTERN = (
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)

LabelKey = Annotated[str, Field(pattern=LABEL_KEY_PATTERN, max_length=317)]
"""A qualified name: an optional DNS prefix and a slash, and at most 63 characters."""

LabelText = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)
]
"""The value of a label, possibly empty."""

LabelValue = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", min_length=1, max_length=63)
]

Port = Annotated[int, Field(ge=1, le=65535)]

Image = Annotated[str, Field(pattern=r"^[^\s]+$", min_length=1, max_length=1024)]

EnvName = Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=256)]

Words = Annotated[
    list[Annotated[str, Field(max_length=32768)]],
    Field(max_length=256, json_schema_extra=ATOMIC),
]
"""A command line: one entry per argument."""

HttpPath = Annotated[str, Field(pattern=r"^/", max_length=1024)]

QUANTITY_PATTERN = (
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)

Quantity = Annotated[
    str | int,
    Field(union_mode="left_to_right"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
        }
    ),
]
"""A Kubernetes quantity such as `500m`, `2` or `1Gi`, not below zero."""

StringMap = Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]

LabelMap = Annotated[dict[str, LabelText], Field(max_length=64)]

Resources = Annotated[
    dict[str, Quantity],
    Field(
        max_length=16,
        json_schema_extra=rules(
            rule(
                "self.all(k, k in ['cpu', 'memory', 'ephemeral-storage']"
                " || k.startsWith('hugepages-') || k.matches('^[^/]+/[^/]+$'))",
                "keys are cpu, memory, ephemeral-storage, hugepages-<size>, or the name of a"
                " device such as nvidia.com/gpu",
            )
        ),
    ),
]
