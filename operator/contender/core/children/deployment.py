"""Deployments: of revisions, with the pods as they were frozen in the record, and of the router."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contender.core import names
from contender.core.children.base import Child, Path, Resource, revision_manifest, router_manifest
from contender.core.manifest import Manifest, label
from contender.core.router_pod import router_template

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("apps/v1", "Deployment", "deployments")

_STRATEGY = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
}
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
                "strategy": _STRATEGY,
                **record.workload,
            },
        )

    if (routing := context.routing) and routing.has_pods:
        owner = context.snapshot.name
        yield router_manifest(
            context,
            RESOURCE,
            spec={
                "replicas": routing.settings.replicas,
                "revisionHistoryLimit": 1,
                # A router that is new must have been found by callers before an old one goes.
                "minReadySeconds": 2,
                "progressDeadlineSeconds": 600,
                "selector": {"matchLabels": names.router_selector(owner)},
                "strategy": _STRATEGY,
                "template": router_template(context.snapshot, routing),
            },
        )


def _others(context: "Context", wanted: Manifest) -> tuple[Path, ...]:
    """A restart belongs to who asked for it, the number of replicas to the autoscaler."""
    if not label(wanted, names.LABEL_REVISION):
        return (_RESTARTED_AT, _REPLICAS)
    scaling = context.snapshot.spec.scaling
    if scaling and scaling.automatic:
        return (_RESTARTED_AT, _REPLICAS)
    return (_RESTARTED_AT,)


DEPLOYMENT = Child(RESOURCE, _render, _others)
