"""The ConfigMap with what the routers are told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contender.core import names
from contender.core.children.base import Child, Resource, router_manifest
from contender.core.manifest import Manifest, format_time

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("v1", "ConfigMap", "configmaps")


def _render(context: "Context") -> Iterator[Manifest]:
    routing = context.routing
    if routing is None:
        return
    told = {
        names.ANNOTATION_LEADS_TO: routing.leads_to,
        names.ANNOTATION_NAMED: ",".join(routing.named),
        names.ANNOTATION_TRAFFIC: routing.traffic,
        names.ANNOTATION_CARRIES_SINCE: format_time(routing.carries_since)
        if routing.carries_since
        else "",
        names.ANNOTATION_LEFT_AT: format_time(routing.left_at) if routing.left_at else "",
    }
    yield router_manifest(
        context,
        RESOURCE,
        {key: value for key, value in told.items() if value},
        data=dict(routing.files),
    )


CONFIG_MAP = Child(RESOURCE, _render)
