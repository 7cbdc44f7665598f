"""The ControllerRevision: the durable record of one revision."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contender.core import names
from contender.core.children.base import Child, Resource, manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("apps/v1", "ControllerRevision", "controllerrevisions")


def _render(context: "Context") -> Iterator[Manifest]:
    # Oldest first: what was before is safe before what comes.
    for record in reversed(context.revisions.records):
        yield manifest(
            context,
            RESOURCE,
            record.name,
            names.revision_labels(context.snapshot.name, record.name, record.version),
            record.marks,
            revision=record.number,
            data={
                **record.more,
                "input": record.input,
                "workload": record.workload,
                "renderer": record.renderer,
            },
        )


CONTROLLER_REVISION = Child(RESOURCE, _render)
