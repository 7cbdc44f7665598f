"""A later version of the operator: Python runs this before anything else of the process.

Pods are probed less often, a record says something more, and Services have one more port.
"""

from collections.abc import Iterator
from typing import Any

from contender.core import template

template.RENDERER = "2"
template.READINESS_PERIOD = "20s"

from contender.core.children import controller_revision, service  # noqa: E402 (after the renderer)
from contender.core.children.base import Child  # noqa: E402
from contender.core.plan import Context  # noqa: E402

METRICS = {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"}


def _change(child: Child, change: Any) -> None:
    before = child.render

    def render(context: Context) -> Iterator[dict[str, Any]]:
        for manifest in before(context):
            change(manifest)
            yield manifest

    object.__setattr__(child, "render", render)


def _add_port(manifest: dict[str, Any]) -> None:
    manifest["spec"]["ports"].append(METRICS)


def _add_words(manifest: dict[str, Any]) -> None:
    if manifest["data"]["renderer"] == "2":
        manifest["data"]["words"] = "of a later version"
    manifest["metadata"].setdefault("annotations", {})["contender.dev/later"] = "yes"


_change(service.SERVICE, _add_port)
_change(controller_revision.CONTROLLER_REVISION, _add_words)
