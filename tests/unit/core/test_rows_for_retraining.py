"""A retraining job is told where its rows are, and has a token that opens those alone."""

from datetime import UTC, datetime
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.children.job import job_spec
from contender.core.snapshot import Installation, Snapshot

RECORDER = Installation(recorder="contender-recorder.contender-system.svc")
JOB: dict[str, Any] = {
    "image": "train:1",
    "env": [{"name": "CONTENDER_ROWS_URL", "value": "elsewhere"}, {"name": "SEED", "value": "1"}],
    "pod": {"volumes": [{"name": "scratch", "emptyDir": {}}]},
    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
}


def pod(installation: Installation, **spec: Any) -> dict[str, Any]:
    owner = {"metadata": {"name": "churn", "namespace": "shop", "uid": "u"}}
    model = {"version": "1", "image": "churn:1"}
    said = ModelDeploymentSpec.model_validate({"model": model, "retraining": {"job": JOB}, **spec})
    assert said.retraining
    snapshot = Snapshot(owner, said, datetime.now(UTC), installation=installation)
    found: dict[str, Any] = job_spec(snapshot, said.retraining.job)["template"]["spec"]
    return found


def test_it_has_url_and_token_of_its_own_modeldeployment() -> None:
    found = pod(RECORDER, capture={})
    (container,) = found["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env == {
        "CONTENDER_ROWS_URL": "http://contender-recorder.contender-system.svc:8080"
        "/v1/namespaces/shop/modeldeployments/churn/rows",
        "CONTENDER_TOKEN_FILE": "/var/run/secrets/contender/token",
        "SEED": "1",
    }
    assert [one["mountPath"] for one in container["volumeMounts"]] == [
        "/scratch",
        "/var/run/secrets/contender",
    ]
    scratch, token = found["volumes"]
    assert scratch["name"] == "scratch"
    (source,) = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "rows.contender.dev/churn"
    assert found["automountServiceAccountToken"] is False


def test_without_capture_or_recorder_it_is_as_its_owner_said() -> None:
    for found in (pod(RECORDER), pod(Installation(), capture={})):
        assert [one["name"] for one in found["volumes"]] == ["scratch"]
        assert found["containers"][0]["env"] == JOB["env"]
