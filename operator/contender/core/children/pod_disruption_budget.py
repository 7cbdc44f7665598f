"""PodDisruptionBudgets of revisions and of the router: a node is drained one pod at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.core import names
from contender.core.children.base import Child, Resource, revision_manifest, router_manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")


def _render(context: "Context") -> Iterator[Manifest]:
    for live in context.revisions.live:
        record = live.record
        yield revision_manifest(
            context,
            RESOURCE,
            record,
            spec=_spec(names.pod_selector(context.snapshot.name, record.name)),
        )
    if context.routing and context.routing.has_pods:
        owner = context.snapshot.name
        yield router_manifest(
            context,
            RESOURCE,
            spec=_spec(names.router_selector(owner)),
        )


def _spec(pods: dict[str, str]) -> dict[str, Any]:
    return {
        "maxUnavailable": 1,
        # A pod that is not ready anyway must not hold up the drain of its node.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": pods},
    }


POD_DISRUPTION_BUDGET = Child(RESOURCE, _render)
