"""differences(): which fields count, and which are left to others."""

from typing import Any

import pytest

from contender.core.children.base import Child, Resource
from contender.core.diff import Update, differences, residue


def _manifest(
    spec: Any = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    metadata = {"name": "one", "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": spec or {}}


@pytest.mark.parametrize(
    ("situation", "wanted", "live"),
    [
        ("equal", {"a": 1}, {"a": 1}),
        ("a field more", {"a": 1}, {"a": 1, "b": 2}),
        ("a field more within a list", {"list": [{"a": 1}]}, {"list": [{"a": 1, "b": 2}]}),
        ("an empty map that the API server dropped", {"a": {}}, {}),
        (
            "another spelling of an amount",
            {"resources": {"requests": {"cpu": "0.5"}}},
            {"resources": {"requests": {"cpu": "500m"}}},
        ),
        (
            "another spelling of a target",
            {"target": {"averageValue": "1k"}},
            {"target": {"averageValue": "1000"}},
        ),
        (
            "another spelling of a limit",
            {"emptyDir": {"sizeLimit": "1Gi"}},
            {"emptyDir": {"sizeLimit": "1024Mi"}},
        ),
    ],
)
def test_no_difference(situation: str, wanted: Any, live: Any) -> None:
    found = list(differences(_manifest({"in": wanted}), _manifest({"in": live})))
    assert found == [], situation


@pytest.mark.parametrize(
    ("situation", "wanted", "live", "field"),
    [
        ("another value", {"a": 1}, {"a": 2}, "spec.in.a"),
        ("missing", {"a": 1}, {}, "spec.in.a"),
        ("null", {"a": 1}, {"a": None}, "spec.in.a"),
        ("false is not absent", {"a": False}, {}, "spec.in.a"),
        ("a shorter list", {"a": [1, 2]}, {"a": [1]}, "spec.in.a"),
        ("a longer list", {"a": [1]}, {"a": [1, 2]}, "spec.in.a"),
        ("within a list", {"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "spec.in.a[0].b"),
        ("a map instead of a value", {"a": {"b": 1}}, {"a": 1}, "spec.in.a"),
        ("a value instead of a map", {"a": 1}, {"a": {"b": 1}}, "spec.in.a"),
        (
            "another amount",
            {"resources": {"limits": {"memory": "1Gi"}}},
            {"resources": {"limits": {"memory": "1G"}}},
            "spec.in.resources.limits.memory",
        ),
        ("an amount where none is meant", {"env": "1.0"}, {"env": "1"}, "spec.in.env"),
    ],
)
def test_a_difference(situation: str, wanted: Any, live: Any, field: str) -> None:
    found = list(differences(_manifest({"in": wanted}), _manifest({"in": live})))
    assert found == [field], situation


def test_our_labels_count_and_those_of_others_do_not() -> None:
    wanted = _manifest(labels={"ours": "1"})
    assert not list(differences(wanted, _manifest(labels={"ours": "1", "team": "fraud"})))
    assert list(differences(wanted, _manifest(labels={"team": "fraud"}))) == [
        "metadata.labels.ours"
    ]


def test_annotations_count_in_our_group_only_and_there_also_those_too_many() -> None:
    wanted = _manifest(annotations={"contender.dev/applied": "a"})
    live = {"contender.dev/applied": "a", "team": "fraud"}
    assert not list(differences(wanted, _manifest(annotations=live)))
    live["contender.dev/holds-against"] = "b"
    assert list(differences(wanted, _manifest(annotations=live))) == [
        "metadata.annotations.contender.dev/holds-against"
    ]


def test_status_and_what_the_server_fills_in_do_not_count() -> None:
    live = {**_manifest({"a": 1}), "status": {"ready": 1}}
    live["metadata"] |= {"uid": "1", "resourceVersion": "2", "generation": 3}
    assert not list(differences(_manifest({"a": 1}), live))


def test_the_residue_of_a_write_is_what_a_webhook_insists_on() -> None:
    child = Child(Resource("v1", "Thing", "things"), lambda context: ())
    wanted = _manifest({"a": 1, "b": 2})
    write = Update(child, wanted, ("spec.a",), wanted)
    assert residue(write, _manifest({"a": 9, "b": 2, "c": 3})) == ("spec.a",)
    assert residue(write, _manifest({"a": 1, "b": 2})) == ()
