"""What the CRD accepts can be made: the API server takes the children of every right value."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.children import CHILDREN
from contender.core.manifest import Manifest
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from contender.kube.client import collection
from tests.contract import fields
from tests.contract.fields import Field
from tests.contract.server import Server
from tests.e2e.kube import ApiRefusal
from tests.golden.world import World

TOLD_IN_STATUS = (
    "unknown time zone",  # the API server's own list says which there are
    "only divisor's values 1m and 1 are supported",
    "name part must be no more than 63 characters",  # of a label in a fieldPath
    "Limit must be set for non overcommitable resources",
)
"""What the CRD cannot see: the API server refuses the child, and status says why."""

_made: set[str] = set()
"""Children that were accepted before: most fields concern one child only."""


@cache
def served() -> Snapshot:
    """Return what there is when a model serves."""
    world = World("churn")
    world.owner["metadata"]["namespace"] = "default"
    world.apply({"model": {"version": "0", "image": "churn:0"}})
    world.settle()
    world.pods_ready(world.revisions[0], 1)
    world.settle()
    return world.snapshot()


def children(body: dict[str, Any], **annotations: str) -> list[tuple[str, Manifest]]:
    """Return the children of a ModelDeployment whose model has changed, with their collections.

    It has routers, and where a rollout asks for it an Experiment.
    """
    before = served()
    metadata = {**before.owner["metadata"], "generation": 2, "annotations": annotations}
    said = {**body["spec"], "router": {"mode": "Always", **body["spec"].get("router", {})}}
    spec = ModelDeploymentSpec.model_validate(said)
    pods = [spec.pod, spec.retraining.job.pod if spec.retraining else None]
    accounts = {pod.service_account_name for pod in pods if pod and pod.service_account_name}
    plan = make_plan(
        replace(
            before,
            owner={**before.owner, "metadata": metadata, "spec": said},
            spec=spec,
            allowed_accounts=dict.fromkeys(accounts, True),
        )
    )
    return [
        (collection(child.resource.api_version, child.resource.plural, "default"), manifest)
        for child, manifest in plan.wanted
    ]


def _rendered_twice(field: Field) -> bool:
    """Return whether the same code renders a field that stands elsewhere too."""
    return field.where.startswith(("spec.retraining.job.pod.", "spec.transformer."))


@pytest.mark.parametrize(
    "field", [one for one in fields.fields() if not _rendered_twice(one)], ids=str
)
def test_children_of_what_is_right_are_accepted(apiserver: Server, field: Field) -> None:
    refused: list[str] = []
    for value in fields.right_values(field):
        body = fields.around(field, value)
        retrain = {"contender.dev/retrain": "now"} if "retraining" in body["spec"] else {}
        for path, manifest in children(body, **retrain):
            if (known := json.dumps(manifest, sort_keys=True)) in _made:
                continue
            try:
                apiserver.kube.would_create(path, manifest)
            except ApiRefusal as refusal:
                if not any(words in str(refusal) for words in TOLD_IN_STATUS):
                    refused.append(f"{str(value)[:60]}: {refusal}")
            else:
                _made.add(known)
    assert not refused


def test_all_kinds_of_children_are_tried() -> None:
    """The test above is about something: no kind is left out."""
    steps = [{"name": "look", "shadow": {}, "until": {"requests": 1}}]
    spec = {
        "model": {"version": "1", "image": "churn:1", "resources": {"requests": {"cpu": "1"}}},
        "scaling": {"maxReplicas": 2, "metrics": [{"type": "CPU", "target": 70}]},
        "retraining": {"schedule": "@daily", "job": {"image": "train:1"}},
        "rollout": {"experiment": {"steps": steps}},
    }
    retrain = {"contender.dev/retrain": "now"}
    made = {manifest["kind"] for _, manifest in children({"spec": spec}, **retrain)}
    assert made == {child.resource.kind for child in CHILDREN}
