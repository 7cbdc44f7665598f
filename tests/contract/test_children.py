"""What the CRD accepts can be made: the API server takes the children of every right value."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.manifest import Manifest
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from contender.kube.client import collection
from tests.contract import fields
from tests.contract.fields import Field
from tests.contract.server import Server
from tests.e2e.kube import ApiRefusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UID = "6a7c7b1e-0000-4000-8000-000000000001"

TOLD_IN_STATUS = (
    "unknown time zone",  # the API server's own list says which there are
    "only divisor's values 1m and 1 are supported",
    "name part must be no more than 63 characters",  # of a label in a fieldPath
    "Limit must be set for non overcommitable resources",
)
"""What the CRD cannot see: the API server refuses the child, and status says why."""

_made: set[str] = set()
"""Children that were accepted before: most fields concern one child only."""


def children(body: dict[str, Any], **annotations: str) -> list[tuple[str, Manifest]]:
    """Return the children of a new ModelDeployment with their collections."""
    metadata = {**body["metadata"], "uid": UID, "generation": 1, "annotations": annotations}
    spec = ModelDeploymentSpec.model_validate(body["spec"])
    pods = [spec.pod, spec.retraining.job.pod if spec.retraining else None]
    accounts = {pod.service_account_name for pod in pods if pod and pod.service_account_name}
    plan = make_plan(
        Snapshot(
            owner={**body, "metadata": metadata},
            spec=spec,
            now=NOW,
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
    "field", [one for one in fields.fields("spec") if not _rendered_twice(one)], ids=str
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
