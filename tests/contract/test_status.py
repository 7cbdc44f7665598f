"""The status schema lets through what the operator tells: nothing is pruned or refused."""

from contender.api.v1alpha1 import ModelDeployment
from tests.contract.server import MODELS, Server
from tests.e2e.kube import Json

COLLECTION = f"{MODELS}/namespaces/default/modeldeployments"


def test_a_status_with_every_field_is_stored_whole(apiserver: Server) -> None:
    time = "2026-01-01T00:00:00Z"
    revision = {"revision": "churn-a", "version": "1", "replicas": 2, "ready": 1}
    status = {
        "observedGeneration": 3,
        "phase": "Updating",
        "message": "m" * 4096,
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "Updating",
                "message": "m" * 2048,
                "lastTransitionTime": time,
                "observedGeneration": 3,
            }
        ],
        "endpoint": {"url": "http://churn.shop.svc"},
        "serving": revision,
        "candidate": revision,
        "revisions": [
            {
                "name": "churn-a",
                "version": "1",
                "image": "churn:1",
                "modelHash": "v1:a",
                "podHash": "v1:b",
                "servedAt": time,
            }
        ],
        "retraining": {
            "lastRun": {
                "job": "churn-retrain-a",
                "startedAt": time,
                "finishedAt": time,
                "outcome": "Failed",
                "message": "m",
            },
            "nextRun": time,
            "lastResult": {
                "job": "churn-retrain-b",
                "version": "2",
                "image": "churn:2",
                "storageUri": "s3://models/2",
                "metrics": {"auc": 0.9, "rows": 1000, "loss": -1e-9},
            },
        },
        "handled": [{"command": "rollback", "token": "a/b", "result": "Refused", "message": "m"}],
    }
    # Whoever adds a field to the API adds it here.
    model = {**_model(apiserver, "status-whole"), "status": status}
    read = ModelDeployment.model_validate(model).status
    assert read
    assert set(type(read).model_fields) == read.model_fields_set
    path = f"{COLLECTION}/status-whole/status"
    stored = apiserver.kube.ask("PUT", path, model, {"fieldValidation": "Strict"})
    assert stored["status"] == status


def _model(apiserver: Server, name: str) -> Json:
    live = apiserver.kube.get("ModelDeployment", name, "default")
    return live or apiserver.kube.create(
        {
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"model": {"version": "1", "image": "churn:1"}},
        }
    )
