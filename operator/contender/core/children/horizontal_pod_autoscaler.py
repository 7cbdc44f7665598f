"""HorizontalPodAutoscalers of revisions and of the router: the owners of their replicas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1.scaling import Metric
from contender.core import names
from contender.core.children.base import Child, Resource, revision_manifest, router_manifest
from contender.core.manifest import Manifest
from contender.core.router_pod import ROUTER_CONTAINER

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")


ROUTER_CPU = 70
"""Percent of their CPU request at which routers become more."""


def _render(context: "Context") -> Iterator[Manifest]:
    if (routing := context.routing) and routing.has_pods:
        spec: dict[str, Any] = {
            "scaleTargetRef": _deployment(names.router_name(context.snapshot.name)),
            "minReplicas": routing.settings.replicas,
            "maxReplicas": routing.settings.most,
            "metrics": [_cpu(ROUTER_CONTAINER, ROUTER_CPU)],
        }
        yield router_manifest(context, RESOURCE, spec=spec)
    scaling = context.snapshot.spec.scaling
    if scaling is None or not scaling.automatic:
        return
    for live in context.revisions.live:
        spec = {
            "scaleTargetRef": _deployment(live.record.name),
            "minReplicas": live.floor,
            "maxReplicas": scaling.most,
            "metrics": [_metric(metric) for metric in scaling.metrics or []],
        }
        if scaling.behavior:
            spec["behavior"] = scaling.behavior.canonical()
        yield revision_manifest(context, RESOURCE, live.record, spec=spec)


def _metric(metric: Metric) -> dict[str, Any]:
    if metric.type == "CPU":
        # Of the model's container alone: sidecars would dilute the mean.
        return _cpu(names.MODEL_CONTAINER, metric.target)
    return metric.manifest()


def _cpu(container: str, percent: int | None) -> dict[str, Any]:
    return {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": container,
            "target": {"type": "Utilization", "averageUtilization": percent},
        },
    }


def _deployment(name: str) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}


HORIZONTAL_POD_AUTOSCALER = Child(RESOURCE, _render)
