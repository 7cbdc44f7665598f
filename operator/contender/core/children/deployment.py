"""The Deployment of a revision: the pods as they were frozen in its record."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contender.core import names
from contender.core.children.base import Child, Path, Resource, revision_manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("apps/v1", "Deployment", "deployments")

_REPLICAS: Path = ("spec", "replicas")
_RESTARTED_AT: Path = (
    "spec",
    "template",
    "metadata",
    "annotations",
    "kubectl.kubernetes.io/restartedAt",
)


def _render(context: "Context") -> Iterator[Manifest]:
    for live in context.revisions.live:
        record = live.record
        yield revision_manifest(
            context,
            RESOURCE,
            record,
            spec={
                "replicas": live.floor,
                "revisionHistoryLimit": 1,
                "selector": {"matchLabels": names.pod_selector(context.snapshot.name, record.name)},
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
                },
                **record.workload,
            },
        )


def _others(context: "Context") -> tuple[Path, ...]:
    """A restart belongs to who asked for it, the number of replicas to the autoscaler."""
    scaling = context.snapshot.spec.scaling
    if scaling and scaling.automatic:
        return (_RESTARTED_AT, _REPLICAS)
    return (_RESTARTED_AT,)


DEPLOYMENT = Child(RESOURCE, _render, _others)
