"""What users write as an Experiment, right and wrong, and what they are told."""

from collections.abc import Iterator

import pytest

from tests.contract.server import MODELS, Server
from tests.contract.test_situations import BASE, OF_EXPERIMENTS, check, merged
from tests.contract.test_situations import told as told_of_model
from tests.e2e.kube import ApiRefusal, Json

COLLECTION = f"{MODELS}/namespaces/default/experiments"
SMALLEST: Json = {
    "target": "churn",
    "candidates": [{"name": "v2", "model": {"version": "2", "image": "churn:2"}}],
    "steps": [{"name": "a", "shadow": {}, "until": {"atLeast": "1m"}}],
}


def body(name: str, spec: Json) -> Json:
    return {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def told(apiserver: Server, name: str, spec: Json) -> str:
    """Return the refusal, or nothing when the object is accepted."""
    try:
        apiserver.kube.would_create(COLLECTION, body(name, spec))
    except ApiRefusal as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("one", OF_EXPERIMENTS["specs"], ids=lambda one: str(one["spec"])[:90])
def test_specs(apiserver: Server, one: Json) -> None:
    check(told(apiserver, "churn-v2", merged(SMALLEST, one["spec"])), one.get("says", ""))


@pytest.mark.parametrize("one", OF_EXPERIMENTS["names"], ids=lambda one: one["name"])
def test_names(apiserver: Server, one: Json) -> None:
    check(told(apiserver, one["name"], SMALLEST), one.get("says", ""))


@pytest.fixture(scope="module")
def existing(apiserver: Server) -> Iterator[Json]:
    """An Experiment that is there."""
    stored = apiserver.kube.create(body("existing", SMALLEST))
    yield stored
    apiserver.kube.delete("Experiment", "existing", "default")


@pytest.mark.parametrize("one", OF_EXPERIMENTS["changes"], ids=lambda one: str(one["spec"])[:90])
def test_changes(apiserver: Server, existing: Json, one: Json) -> None:
    del existing
    try:
        apiserver.kube.patch("Experiment", "existing", "default", {"spec": one["spec"]})
    except ApiRefusal as refusal:
        answer = str(refusal)
    else:
        answer = ""
    check(answer, one.get("says", ""))


@pytest.mark.parametrize("one", OF_EXPERIMENTS["objectives"], ids=str)
def test_objectives_of_rollouts(apiserver: Server, one: Json) -> None:
    kind: Json = {"split": one["split"]} if "split" in one else {"shadow": {}}
    trial: Json = {
        "steps": [{"name": "a", **kind, "until": {"verdict": True, "atMost": "1h"}}],
        "objectives": [{"name": "better", "feedback": "churned", **one["objective"]}],
        "analysis": {"segments": one.get("segments", [])},
    }
    declared: Json = {key: one[key] for key in ("rows", "feedback") if key in one}
    spec: Json = {"capture": {}, **declared, "rollout": {"experiment": trial}}
    check(told_of_model(apiserver, "churn", merged(BASE, spec)), one.get("says", ""))


@pytest.mark.parametrize(
    "one", OF_EXPERIMENTS["rollouts"], ids=lambda one: str(one["rollout"])[:90]
)
def test_rollouts(apiserver: Server, one: Json) -> None:
    answer = told_of_model(apiserver, "churn", merged(BASE, {"rollout": one["rollout"]}))
    check(answer, one.get("says", ""))
