"""What users write, right and wrong, and what they are told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contender.api.v1alpha1 import ModelDeploymentSpec
from dev.paths import CHECKOUT
from tests.contract.server import MODELS, Server
from tests.e2e.kube import ApiRefusal, Json

SITUATIONS = yaml.safe_load(Path(__file__).with_name("situations.yaml").read_text())
OF_EXPERIMENTS = yaml.safe_load(Path(__file__).with_name("experiments.yaml").read_text())
COLLECTION = f"{MODELS}/namespaces/default/modeldeployments"
BASE: Json = {
    "model": {"version": "1", "image": "churn:1", "resources": {"requests": {"cpu": "1m"}}}
}


def told(apiserver: Server, name: str, spec: Json) -> str:
    """Return the refusal, or nothing when the object is accepted."""
    body = {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    try:
        apiserver.kube.would_create(COLLECTION, body)
    except ApiRefusal as refusal:
        return str(refusal)
    return ""


def merged(base: Json, patch: Json) -> Json:
    """Apply an RFC 7386 merge patch."""
    result: dict[str, Any] = {key: value for key, value in base.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            result[key] = merged(base.get(key) or {}, value)
        elif value is not None:
            result[key] = value
    return result


def check(answer: str, says: str) -> None:
    if says:
        assert says in answer, answer or "accepted"
    else:
        assert not answer


@pytest.mark.parametrize("one", SITUATIONS["names"], ids=lambda one: one["name"])
def test_names(apiserver: Server, one: Json) -> None:
    check(told(apiserver, one["name"], BASE), one.get("says", ""))


@pytest.mark.parametrize("one", SITUATIONS["specs"], ids=lambda one: str(one["spec"])[:90])
def test_specs(apiserver: Server, one: Json) -> None:
    check(told(apiserver, "churn", merged(BASE, one["spec"])), one.get("says", ""))


@pytest.mark.parametrize("kind", ["modeldeployment", "experiment"])
def test_every_rule_of_the_crd_has_a_situation(kind: str) -> None:
    """Each rule's message is met by at least one refusal, here or in test_experiments.py.

    A part that both kinds have is one class, and its rules are tried at one of them.
    """
    lists = [SITUATIONS[part] for part in ("names", "specs", "changes")]
    lists += OF_EXPERIMENTS.values()
    told = [one["says"] for situations in lists for one in situations if "says" in one]
    page = (CHECKOUT / "docs" / f"reference-{kind}.md").read_text()
    rules = page.split("Refused at apply, with the message shown:")[1]
    for message in [line[2:] for line in rules.splitlines() if line.startswith("- ")]:
        if not message.startswith("must be a duration"):  # proven field by field
            assert any(words in message for words in told), message


CAPTURING: Json = {
    **BASE,
    "rows": {"preset": "V1", "task": "Binary", "positiveClass": "1"},
    "capture": {"keep": ["/instances/*/age"]},
    "feedback": [{"name": "paid", "kind": "Label", "delay": "48h"}],
}


@pytest.fixture(scope="module")
def capturing(apiserver: Server) -> Iterator[Json]:
    """A ModelDeployment that is there, and captures."""
    metadata = {"name": "capturing", "namespace": "default"}
    body = {"kind": "ModelDeployment", "metadata": metadata, "spec": CAPTURING}
    yield apiserver.kube.create(body)
    apiserver.kube.delete("ModelDeployment", "capturing", "default")


@pytest.mark.parametrize("one", SITUATIONS["changes"], ids=lambda one: str(one["spec"])[:90])
def test_changes(apiserver: Server, capturing: Json, one: Json) -> None:
    name, answer = capturing["metadata"]["name"], ""
    try:
        changed = apiserver.kube.would_patch(f"{COLLECTION}/{name}", {"spec": one["spec"]})
    except ApiRefusal as refusal:
        answer = str(refusal)
    else:
        assert changed["spec"] == merged(CAPTURING, one["spec"])
    check(answer, one.get("says", ""))


def test_a_list_of_nothing_to_keep_stays_one(apiserver: Server, capturing: Json) -> None:
    """Without a list everything is kept, with an empty one nothing."""
    path = f"{COLLECTION}/{capturing['metadata']['name']}"
    stored = apiserver.kube.would_patch(path, {"spec": {"capture": {"keep": []}}})
    read = ModelDeploymentSpec.model_validate(stored["spec"])
    assert read.capture is not None
    assert read.capture.keep == []


def _with_pointer(pointer: str) -> list[Json]:
    return [
        {**BASE, "capture": {}, "rows": {"preset": "V1", "entity": pointer}},
        {**BASE, "capture": {"redact": [pointer]}},
    ]


@pytest.mark.parametrize("pointer", SITUATIONS["pointers"]["right"])
def test_right_pointers(apiserver: Server, pointer: str) -> None:
    for spec in _with_pointer(pointer):
        assert not told(apiserver, "churn", spec)
        ModelDeploymentSpec.model_validate(spec)


@pytest.mark.parametrize("pointer", SITUATIONS["pointers"]["wrong"])
def test_wrong_pointers(apiserver: Server, pointer: str) -> None:
    where = ("spec.rows.entity", "spec.capture.redact[0]")
    for path, spec in zip(where, _with_pointer(pointer), strict=True):
        assert f"{path} in body should match" in told(apiserver, "churn", spec)


@pytest.mark.parametrize("schedule", SITUATIONS["schedules"]["right"])
def test_right_schedules(apiserver: Server, schedule: str) -> None:
    assert not told(apiserver, "churn", _scheduled(schedule))


@pytest.mark.parametrize("schedule", SITUATIONS["schedules"]["wrong"])
def test_wrong_schedules(apiserver: Server, schedule: str) -> None:
    assert "spec.retraining.schedule" in told(apiserver, "churn", _scheduled(schedule))


def _scheduled(schedule: str) -> Json:
    return {**BASE, "retraining": {"schedule": schedule, "job": {"image": "train:1"}}}


EXAMPLES = [
    body
    for file in sorted((CHECKOUT / "manifests" / "examples").rglob("*.yaml"))
    for body in yaml.safe_load_all(file.read_text())
    if body["kind"] == "ModelDeployment" and "resources" in body["spec"]["model"]
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["metadata"]["name"])
def test_examples(apiserver: Server, example: Json) -> None:
    assert not told(apiserver, example["metadata"]["name"], example["spec"])


@pytest.mark.parametrize(
    "file", sorted((CHECKOUT / "crds").glob("*.dev.yaml")), ids=lambda f: f.stem
)
def test_the_crd_is_small_enough_for_client_side_apply(file: Path) -> None:
    """`kubectl apply` keeps the whole object in an annotation of at most 256 KiB."""
    assert file.stat().st_size < 256 * 1024
