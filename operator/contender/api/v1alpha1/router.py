"""The router: the Envoy pods between callers and models."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel, rule, rules
from contender.api.v1alpha1.container import ResourceRequirements

_REPLICAS = "(has(self.replicas) ? self.replicas : 2)"


class Router(
    ApiModel,
    json_schema_extra=rules(
        rule(
            f"!has(self.maxReplicas) || {_REPLICAS} <= self.maxReplicas",
            "maxReplicas must not be below replicas (2 when unset):"
            " raise maxReplicas or lower replicas",
            field=".maxReplicas",
        ),
    ),
):
    """When callers go through routers, and how many there are."""

    mode: Literal["Auto", "Always"] = "Auto"
    """Auto: only while an Experiment needs them. Always: from the beginning, so that no connection
    of a caller is older than the routers and bypasses them."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Least number of pods, default 2."""
    max_replicas: Annotated[int, Field(ge=1, le=100)] | None = None
    """Largest number of pods, to which their CPU may scale them, default three times replicas."""
    resources: ResourceRequirements | None = None
    """Resources of each pod; absent: 100m CPU and 64Mi memory, at most 512Mi memory."""

    @property
    def most(self) -> int:
        """Largest number of pods."""
        return self.max_replicas or 3 * self.replicas
