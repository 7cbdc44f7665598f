"""The NetworkPolicy of the router: callers come from anywhere, its figures go to few."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.core import names
from contender.core.children.base import Child, Resource, router_manifest
from contender.core.manifest import Manifest
from contender.router.names import PORT, STATS_PORT

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")

METRICS = {"metrics": "enabled"}
"""Label of namespaces that may read metrics; Kubebuilder's convention."""


def _render(context: "Context") -> Iterator[Manifest]:
    if context.routing is None:
        return
    owner = context.snapshot.name
    readers = [_namespaces(METRICS)]
    if operator := context.snapshot.installation.namespace:
        readers.append(_namespaces({"kubernetes.io/metadata.name": operator}))
    yield router_manifest(
        context,
        RESOURCE,
        spec={
            "podSelector": {"matchLabels": names.router_selector(owner)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [_port(PORT)]},
                {"ports": [_port(STATS_PORT)], "from": readers},
            ],
        },
    )


def _namespaces(labels: dict[str, str]) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": labels}}


def _port(number: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": number}


NETWORK_POLICY = Child(RESOURCE, _render)
