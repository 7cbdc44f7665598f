"""Scaling: what becomes the HorizontalPodAutoscaler of a revision."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ATOMIC, ApiModel, Quantity, rule, rules
from contender.api.v1alpha1.pod import LabelSelector


class MetricIdentifier(ApiModel):
    """A metric by name and labels."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the metric."""
    selector: LabelSelector | None = None
    """Labels of the series."""


class PodsMetricTarget(ApiModel):
    """Target of a per-pod metric."""

    type: Literal["AverageValue"] = "AverageValue"
    """AverageValue is the only type of a per-pod metric."""
    average_value: Quantity
    """Wanted mean over the pods."""


class ExternalMetricTarget(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "self.type == 'Value' ? has(self.value) && !has(self.averageValue)"
            " : has(self.averageValue) && !has(self.value)",
            "type Value needs value, type AverageValue needs averageValue, and not the other",
        )
    ),
):
    """Target of an external metric: exactly one value, of the named type."""

    type: Literal["Value", "AverageValue"]
    """Value compares the whole, AverageValue the mean per pod."""
    value: Quantity | None = None
    """Wanted value of the metric."""
    average_value: Quantity | None = None
    """Wanted value per pod."""


class PodsMetric(ApiModel):
    """A metric of each pod, from custom.metrics.k8s.io."""

    metric: MetricIdentifier
    """Which metric."""
    target: PodsMetricTarget
    """Which value to keep."""


class ExternalMetric(ApiModel):
    """A metric from outside the cluster, from external.metrics.k8s.io."""

    metric: MetricIdentifier
    """Which metric."""
    target: ExternalMetricTarget
    """Which value to keep."""


class Metric(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.target) == (self.type == 'CPU')",
            "type CPU needs target (percent of requests.cpu); other types must not set it",
        ),
        rule(
            "has(self.pods) == (self.type == 'Pods')",
            "type Pods needs pods; other types must not set it",
        ),
        rule(
            "has(self.external) == (self.type == 'External')",
            "type External needs external; other types must not set it",
        ),
    ),
):
    """What the number of replicas follows: exactly one source, named by `type`."""

    type: Literal["CPU", "Pods", "External"]
    """CPU of the model container, or a metric of your own."""
    target: Annotated[int, Field(ge=1, le=1000)] | None = None
    """For CPU: wanted mean use in percent of the model container's `requests.cpu`."""
    pods: PodsMetric | None = None
    """A metric of each pod."""
    external: ExternalMetric | None = None
    """A metric from outside the cluster."""


class ScalingPolicy(ApiModel):
    """How fast the number of replicas may change."""

    type: Literal["Pods", "Percent"]
    """Unit of value."""
    value: Annotated[int, Field(ge=1, le=10000)]
    """Largest change in a period."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """Length of the period."""


class ScalingRules(ApiModel):
    """Rules for one direction."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Seconds over which the strongest recommendation counts."""
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    """Which policy wins; Disabled stops this direction."""
    policies: (
        Annotated[list[ScalingPolicy], Field(min_length=1, max_length=10, json_schema_extra=ATOMIC)]
        | None
    ) = None
    """How fast."""


class Behavior(ApiModel):
    """Speed of scaling, as in autoscaling/v2."""

    scale_up: ScalingRules | None = None
    """Rules for growing."""
    scale_down: ScalingRules | None = None
    """Rules for shrinking."""


_LEAST = "(has(self.minReplicas) ? self.minReplicas : 1)"

Replicas = Annotated[int, Field(ge=1, le=1000)]


class Scaling(
    ApiModel,
    json_schema_extra=rules(
        rule(
            f"!has(self.maxReplicas) || {_LEAST} <= self.maxReplicas",
            "maxReplicas must not be below minReplicas (1 when unset):"
            " raise maxReplicas or lower minReplicas",
            field=".maxReplicas",
        ),
        rule(
            f"!has(self.maxReplicas) || self.maxReplicas == {_LEAST}"
            " || (has(self.metrics) && self.metrics.size() > 0)",
            "metrics is needed when maxReplicas is above minReplicas:"
            " for example [{type: CPU, target: 70}]",
            field=".metrics",
        ),
    ),
):
    """How many pods serve a revision."""

    min_replicas: Replicas | None = None
    """Least number of pods, default 1."""
    max_replicas: Replicas | None = None
    """Largest number of pods, default minReplicas: no autoscaling."""
    metrics: Annotated[list[Metric], Field(max_length=8, json_schema_extra=ATOMIC)] | None = None
    """What the number of pods follows."""
    behavior: Behavior | None = None
    """Speed of scaling, as in autoscaling/v2."""

    @property
    def least(self) -> int:
        """Least number of pods."""
        return self.min_replicas or 1

    @property
    def most(self) -> int:
        """Largest number of pods."""
        return self.max_replicas or self.least

    @property
    def automatic(self) -> bool:
        """Whether an autoscaler owns the number of replicas."""
        return bool(self.metrics)
