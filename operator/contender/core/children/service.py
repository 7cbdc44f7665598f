"""Services: the endpoint that callers know, and a headless one per revision."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.core import names
from contender.core.children.base import Child, Resource, manifest, revision_manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context
    from contender.core.records import Record

RESOURCE = Resource("v1", "Service", "services")

ENDPOINT_PORT = 80
"""Port of the endpoint Service, so that its URL needs none."""


def _render(context: "Context") -> Iterator[Manifest]:
    owner = context.snapshot.name
    for live in context.revisions.live:
        record = live.record
        yield revision_manifest(
            context,
            RESOURCE,
            record,
            spec={
                "clusterIP": "None",
                "selector": names.pod_selector(owner, record.name),
                "ports": [_port(record)],
            },
        )
    # Before anything has served, the endpoint already selects what is to serve first: it has no
    # ready pods to send callers to, and its name and address are there from the beginning.
    selected = context.revisions.serving or context.revisions.wanted
    yield manifest(
        context,
        RESOURCE,
        owner,
        names.owner_labels(owner),
        spec={
            "type": "ClusterIP",
            "selector": names.router_selector(owner)
            if context.routing and context.routing.carries
            else names.pod_selector(owner, selected.name),
            "ports": [_port(selected)],
        },
    )


def _port(record: "Record") -> dict[str, Any]:
    protocol = record.input["model"].get("protocol", "HTTP1")
    return {
        "name": names.FRONT_PORT,
        "port": ENDPOINT_PORT,
        "protocol": "TCP",
        "targetPort": names.FRONT_PORT,
        "appProtocol": "kubernetes.io/h2c" if protocol == "H2C" else "http",
    }


SERVICE = Child(RESOURCE, _render)
