"""The status schema lets through what the operator tells: nothing is pruned or refused."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from contender.api.v1alpha1 import ExperimentStatus, ModelDeploymentStatus
from contender.api.v1alpha1.base import ApiModel
from tests.contract import fields
from tests.contract.server import MODELS, Server
from tests.e2e.kube import Json

TIME = "2026-01-01T00:00:00Z"
CONDITION: Json = {
    "type": "Ready",
    "status": "False",
    "reason": "Updating",
    "message": "m" * 2048,
    "lastTransitionTime": TIME,
    "observedGeneration": 3,
}
REVISION: Json = {"revision": "churn-a", "version": "1", "replicas": 2, "ready": 1}
ARM: Json = {
    "name": "v2",
    "revision": "churn-b",
    "version": "2",
    "image": "churn:2",
    "modelHash": "v1:b",
}
COUNT: Json = {"arm": "v2", "requests": 9, "errors": 1, "missing": 2, "slow": {"slow": 3}}

# Whoever adds a field to the API adds it here.
WHOLE: Mapping[str, Json] = {
    "ModelDeployment": {
        "observedGeneration": 3,
        "phase": "Updating",
        "message": "m" * 4096,
        "conditions": [CONDITION],
        "endpoint": {"url": "http://churn.shop.svc"},
        "serving": REVISION,
        "candidate": REVISION,
        "experiment": {"name": "churn-v3", "phase": "Running", "step": "canary", "weight": 20},
        "router": {"replicas": 2, "ready": 1, "inPath": True, "message": "m"},
        "revisions": [
            {
                "name": "churn-a",
                "version": "1",
                "image": "churn:1",
                "modelHash": "v1:a",
                "podHash": "v1:b",
                "servedAt": TIME,
            }
        ],
        "retraining": {
            "lastRun": {
                "job": "churn-retrain-a",
                "startedAt": TIME,
                "finishedAt": TIME,
                "outcome": "Failed",
                "message": "m",
            },
            "nextRun": TIME,
            "lastResult": {
                "job": "churn-retrain-b",
                "version": "2",
                "image": "churn:2",
                "storageUri": "s3://models/2",
                "metrics": {"auc": 0.9, "rows": 1000, "loss": -1e-9},
            },
        },
        "handled": [{"command": "rollback", "token": "a/b", "result": "Refused", "message": "m"}],
    },
    "Experiment": {
        "observedGeneration": 3,
        "phase": "Running",
        "reason": "Step",
        "message": "m" * 4096,
        "conditions": [CONDITION],
        "plan": {
            "hash": "v1:c",
            "incumbent": {**ARM, "name": "incumbent"},
            "replicas": 2,
            "candidates": [ARM, {**ARM, "name": "v3"}],
        },
        "step": {"name": "look", "index": 0, "entered": True, "startedAt": TIME, "message": "m"},
        "weight": "v2:20,v3:10",
        "requests": 9,
        "arms": [
            {
                "name": "v2",
                "role": "Challenger",
                "revision": "churn-b",
                "version": "2",
                "ready": 1,
                "weight": 20,
                "desiredWeight": 30,
                "shadowPercent": 100,
                "requests": 10**12,
                "errors": 1,
                "missing": 2,
                "p50": "12ms",
                "p95": "1.5s",
                "p99": "2s",
                "state": "Rejected",
                "message": "m",
            }
        ],
        "guardrails": [
            {
                "name": "slow",
                "candidate": "v2",
                "breached": True,
                "evidence": -3.25,
                "needed": 2.9957,
                "message": "m",
            }
        ],
        "beganAt": TIME,
        "comparisons": [
            {
                "objective": "accuracy",
                "candidate": "v2",
                "segment": "elderly",
                "rows": 8412,
                "incumbent": "0.0624",
                "challenger": "0.0412",
                "difference": "-0.0212",
                "low": "-0.0331",
                "high": "-0.0093",
                "evidence": 6.02,
                "needed": 2.9957,
                "spent": True,
                "state": "Reached",
                "message": "m",
            }
        ],
        "attempts": 2,
        "look": 37,
        "leader": "v2",
        "undecided": "m",
        "recommended": "v2",
        "winner": "v2",
        "byCommand": True,
        "promotion": {"patch": '{"spec":{"model":{"version":"2"}}}', "until": TIME},
        "verdict": {
            "outcome": "Promoted",
            "winner": "v2",
            "reason": "AllSteps",
            "message": "m",
            "decidedAt": TIME,
            "earlier": {
                "outcome": "Inconclusive",
                "reason": "TimeIsOver",
                "message": "m",
                "decidedAt": TIME,
            },
        },
        "resumed": ["look", "wait"],
        "countedAt": TIME,
        "epochs": [
            {
                "step": "look",
                "since": TIME,
                "traffic": "v1:d",
                "shares": {"incumbent": 80, "v2": 20},
                "counts": [COUNT, {**COUNT, "arm": "incumbent"}],
            }
        ],
        "counters": [{"router": "6a7c7b1e-0000-4000-8000-000000000001/0", "counts": [COUNT]}],
        "handled": [{"command": "abort", "token": "now", "result": "Refused", "message": "m"}],
    },
}
READ: Mapping[str, type[ApiModel]] = {
    "ModelDeployment": ModelDeploymentStatus,
    "Experiment": ExperimentStatus,
}

each_kind = pytest.mark.parametrize("kind", [*WHOLE])


@each_kind
def test_a_status_with_every_field_is_stored_whole(apiserver: Server, kind: str) -> None:
    body = {**_stored(apiserver, kind, "status-whole"), "status": WHOLE[kind]}
    path = f"{MODELS}/namespaces/default/{kind.lower()}s/status-whole/status"
    stored = apiserver.kube.ask("PUT", path, body, {"fieldValidation": "Strict"})
    assert stored["status"] == WHOLE[kind]


@each_kind
def test_the_operator_reads_it_back_whole(kind: str) -> None:
    read = READ[kind].model_validate(WHOLE[kind])
    assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == WHOLE[kind]


@each_kind
def test_it_has_every_field(kind: str) -> None:
    for field in fields.fields("status", kind):
        if field.inner:
            continue
        node: Any = {"status": WHOLE[kind]}
        for step in field.path:
            assert isinstance(step, int) or step in node, field
            node = node[step]


def _stored(apiserver: Server, kind: str, name: str) -> Json:
    live = apiserver.kube.get(kind, name, "default")
    body = fields.complete({"kind": kind, "spec": deepcopy(fields.SMALLEST[kind])})
    metadata = {"name": name, "namespace": "default"}
    return live or apiserver.kube.create({**body, "metadata": metadata})
