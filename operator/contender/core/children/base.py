"""What a child kind is: one resource of the API server, and how it is rendered."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1 import API_VERSION
from contender.core import names
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context
    from contender.core.records import Record


@dataclass(frozen=True)
class Resource:
    """A resource of the API server."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """API group, empty for the core group."""
        group, slash, _ = self.api_version.rpartition("/")
        return group if slash else ""


Path = tuple[str, ...]
"""Where a value stands in a manifest."""


def nothing(context: "Context", wanted: Manifest) -> tuple[Path, ...]:
    """Say that no field of this kind belongs to others."""
    del context, wanted
    return ()


@dataclass(frozen=True)
class Child:
    """One kind of child."""

    resource: Resource
    render: "Callable[[Context], Iterable[Manifest]]"
    """All wanted objects of this kind."""
    others: "Callable[[Context, Manifest], tuple[Path, ...]]" = nothing
    """Fields of a wanted object that belong to others once it exists, such as the replicas that an
    autoscaler sets: rendered as a seed, never written again."""


POD = Child(Resource("v1", "Pod", "pods"), lambda context: ())
"""Pods: made by others, and annotated by us."""


def manifest(
    context: "Context",
    resource: Resource,
    name: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """Return a child of the ModelDeployment: named, labelled and owned.

    The owner does not block on the child (blockOwnerDeletion would need more rights and gives
    nothing here).
    """
    snapshot = context.snapshot
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": snapshot.namespace,
        "labels": dict(labels),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": "ModelDeployment",
                "name": snapshot.name,
                "uid": snapshot.uid,
                "controller": True,
            }
        ],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        **body,
    }


def router_manifest(
    context: "Context",
    resource: Resource,
    annotations: Mapping[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """Return one of the objects of the router, which all bear its name."""
    owner = context.snapshot.name
    labels = names.router_labels(owner)
    return manifest(context, resource, names.router_name(owner), labels, annotations, **body)


def revision_manifest(
    context: "Context", resource: Resource, record: "Record", **body: Any
) -> Manifest:
    """Return a child that belongs to one revision and bears its name."""
    labels = names.revision_labels(context.snapshot.name, record.name, record.version)
    return manifest(context, resource, record.name, labels, **body)
