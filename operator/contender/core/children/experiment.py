"""The Experiment that a changed model goes through, where spec.rollout asks for one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1 import API_VERSION
from contender.api.v1alpha1.rollout import CANDIDATE
from contender.core import names
from contender.core.children.base import Child, Resource, revision_manifest
from contender.core.manifest import Manifest

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource(API_VERSION, "Experiment", "experiments")


def _render(context: "Context") -> Iterator[Manifest]:
    snapshot, revisions = context.snapshot, context.revisions
    wanted, rollout = revisions.wanted, snapshot.spec.rollout
    live = snapshot.child(RESOURCE.kind, wanted.name)
    if live is not None:
        # What runs was agreed on at its start, and is shown until the next change.
        yield revision_manifest(context, RESOURCE, wanted, spec=live["spec"])
        return
    if rollout is None or not revisions.must_earn or _is_rejected(context):
        return
    said = rollout.experiment.canonical()
    spec: dict[str, Any] = {
        "target": snapshot.name,
        "candidates": [{"name": CANDIDATE, "model": wanted.input["model"]}],
        **said,
        "promotion": rollout.experiment.promotion,
    }
    yield revision_manifest(context, RESOURCE, wanted, spec=spec)


def _is_rejected(context: "Context") -> bool:
    """Return whether an Experiment has rejected this model before."""
    model = context.revisions.wanted.model_hash
    return any(
        names.ANNOTATION_REJECTED in one.marks and one.model_hash == model
        for one in context.revisions.records
    )


EXPERIMENT = Child(RESOURCE, _render)
