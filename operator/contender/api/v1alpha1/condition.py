"""Conditions, as in Kubernetes' API conventions."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel


class Condition(ApiModel):
    """One aspect of the state, as in Kubernetes' API conventions."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Which aspect."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[
        str,
        Field(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", min_length=1, max_length=256),
    ]
    """Why, as one CamelCase word."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """Why, for people."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the status last changed."""
    observed_generation: int | None = None
    """The generation of the spec that this says something about."""
