"""The HorizontalPodAutoscaler of a revision: the owner of its number of replicas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1.scaling import Metric
from contender.core import names
from contender.core.children.base import Child, Resource, revision_manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")


def _render(context: "Context") -> Iterator[Manifest]:
    scaling = context.snapshot.spec.scaling
    if scaling is None or not scaling.automatic:
        return
    for live in context.revisions.live:
        spec: dict[str, Any] = {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": live.record.name,
            },
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
        return {
            "type": "ContainerResource",
            "containerResource": {
                "name": "cpu",
                "container": names.MODEL_CONTAINER,
                "target": {"type": "Utilization", "averageUtilization": metric.target},
            },
        }
    return metric.manifest()


HORIZONTAL_POD_AUTOSCALER = Child(RESOURCE, _render)
