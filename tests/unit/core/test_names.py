"""Names and hashes are stored in clusters: a change here makes new revisions of every model."""

from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.records import model_input, pod_input

SPEC: dict[str, Any] = {
    "model": {
        "version": "1",
        "image": "registry/churn:1",
        "port": 9000,
        "env": [{"name": "A", "value": "1"}],
        "resources": {"requests": {"cpu": "500m"}},
    },
    "pod": {"nodeSelector": {"disk": "ssd"}, "volumes": [{"name": "cache", "emptyDir": {}}]},
    "scaling": {"minReplicas": 2},
}


def _hashes(spec: dict[str, Any]) -> tuple[str, str]:
    words = pod_input(ModelDeploymentSpec.model_validate(spec))
    return names.digest(words), names.digest(model_input(words))


def test_digests_stay_what_they_are() -> None:
    assert names.digest({}) == "v1:44136fa355b3678a1146ad16f7e8649e"
    assert names.digest({"b": [1, "ü"], "a": None}) == "v1:6bafd57c7869b3aca54e576a5157b40c"


def test_hashes_of_a_spec_stay_what_they_are() -> None:
    assert _hashes(SPEC) == (
        "v1:6798c792650e91d7142849e5bccc0e39",
        "v1:566f84326a148d65f1d77849d53ee90f",
    )


def test_names_stay_what_they_are() -> None:
    pod_hash, _ = _hashes(SPEC)
    assert names.revision_name("churn", pod_hash) == "churn-67ddjv95"
    assert names.revision_name("churn", pod_hash, "again") == "churn-jdhztn4j"
    assert names.retraining_name("churn") == "churn-retrain"
    assert names.retraining_name("churn", "monday") == "churn-retrain-29fxkhzs"


def test_parts_of_a_suffix_are_kept_apart() -> None:
    assert names.suffix("ab", "c") != names.suffix("a", "bc")


def test_a_suffix_is_eight_characters_without_vowels() -> None:
    for number in range(200):
        suffix = names.suffix(str(number))
        assert len(suffix) == names.HASH_LENGTH
        assert set(suffix) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_the_longest_name_leaves_room_for_children() -> None:
    longest = "m" * 44
    assert len(names.retraining_name(longest)) <= 52  # a CronJob's limit
    assert len(names.retraining_name(longest, "monday")) <= 63
    assert len(names.revision_name(longest, "v1:0")) <= 63


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "2"),
        ("image", "registry/churn:2"),
        ("command", ["serve"]),
        ("args", ["--fast"]),
        ("env", [{"name": "A", "value": "2"}]),
        ("envFrom", [{"configMapRef": {"name": "settings"}}]),
        ("volumeMounts", [{"name": "cache", "mountPath": "/cache"}]),
    ],
)
def test_what_decides_the_answers_changes_both_hashes(field: str, value: Any) -> None:
    changed = _hashes({**SPEC, "model": {**SPEC["model"], field: value}})
    assert changed[0] != _hashes(SPEC)[0]
    assert changed[1] != _hashes(SPEC)[1]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("model", {**SPEC["model"], "resources": {"requests": {"cpu": "1"}}}),
        ("model", {**SPEC["model"], "probes": {"path": "/healthz"}}),
        ("model", {**SPEC["model"], "warmup": {"requests": 5}}),
        ("model", {**SPEC["model"], "port": 9001}),
        ("pod", {**SPEC["pod"], "nodeSelector": {"disk": "hdd"}}),
    ],
)
def test_what_only_decides_how_pods_run_changes_only_the_pod_hash(part: str, value: Any) -> None:
    changed = _hashes({**SPEC, part: value})
    assert changed[0] != _hashes(SPEC)[0]
    assert changed[1] == _hashes(SPEC)[1]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("scaling", {"minReplicas": 9}),
        ("retraining", {"job": {"image": "registry/train:1"}}),
        ("paused", True),
        ("model", {**SPEC["model"], "protocol": "HTTP1"}),
        ("model", {**SPEC["model"], "ofANewerVersion": 1}),
    ],
)
def test_what_is_not_of_the_pod_changes_no_hash(part: str, value: Any) -> None:
    assert _hashes({**SPEC, part: value}) == _hashes(SPEC)
