"""Others have their hands in it: foreign objects, deleted and edited children, lost labels."""

from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.records import pod_input
from tests.scenarios.world import GROUP, World, condition, model, serves

LABEL = f"{GROUP}/modeldeployment"


def test_a_foreign_service_of_the_same_name_is_left_untouched(world: World) -> None:
    theirs = world.create("Service", "churn", spec={"ports": [{"port": 80}]})
    world.apply("churn", model())
    status = world.until_status(
        "churn", lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert condition(status, "Stalled", "reason") == "NameConflict"
    assert "Service 'churn' exists and belongs to" in status["message"]
    world.settle()
    assert world.the("Service", "churn") == theirs
    world.delete("Service", "churn")
    world.nudge("churn")
    world.until_wanted("churn", "1")


def test_a_foreign_deployment_of_the_same_name_is_left_untouched(world: World) -> None:
    first = world.serve("churn", model())
    paused = {**model("2"), "paused": True}
    world.apply("churn", paused)
    world.until_status("churn", lambda status: status["phase"] == "Paused", "the pause")
    second = _revision_of(world, "2")
    template = {
        "metadata": {"labels": {"app": "theirs"}},
        "spec": {"containers": [{"name": "theirs", "image": "theirs:1"}]},
    }
    selector = {"matchLabels": {"app": "theirs"}}
    theirs = world.create("Deployment", second, spec={"selector": selector, "template": template})
    world.apply("churn", model("2"))
    status = world.until_status(
        "churn", lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert condition(status, "Stalled", "reason") == "NameConflict"
    assert serves(status) == first
    assert world.the("Deployment", second) == theirs
    assert world.selected("churn") == first


def _revision_of(world: World, version: str) -> str:
    """Return the name that the revision of a version will have, from its spec."""
    spec = ModelDeploymentSpec.model_validate(model(version))
    return names.revision_name("churn", names.digest(pod_input(spec)))


KINDS = ["ControllerRevision", "Deployment", "Service", "PodDisruptionBudget"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_child_comes_back(world: World, kind: str) -> None:
    revision = world.serve("churn", model())
    before = world.the(kind, revision)
    world.delete(kind, revision)
    world.until(
        lambda: (
            (found := world.get(kind, revision))
            and found["metadata"]["uid"] != before["metadata"]["uid"]
        ),
        "it comes back",
    )
    if kind == "Deployment":
        world.until_status("churn", lambda status: status["phase"] == "Degraded", "no pods")
        world.ready(revision)
    status = world.until_status("churn", lambda status: status["phase"] == "Ready", "it is ready")
    assert serves(status) == revision
    world.assert_rest("churn")


EDITS: dict[str, dict[str, Any]] = {
    "Service": {"spec": {"selector": {"app": "theirs"}}},
    "Deployment": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 9}},
}


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("down", [False, True], ids=["at once", "while the operator was down"])
def test_an_edited_child_is_put_right(world: World, kind: str, down: bool) -> None:
    revision = world.serve("churn", model())
    before = world.the(kind, revision)["spec"]
    world.settle()
    if down:
        world.stop_operator()
    since = world.server.moment()
    world.patch(kind, revision, EDITS[kind])
    if down:
        world.start_operator()
    world.until(lambda: world.the(kind, revision)["spec"] == before, "it is put right")
    world.settle()
    assert len([one for one in world.writes(since) if one.name == revision]) == 1
    world.assert_rest("churn")


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_lost_its_label_is_found_again(world: World, kind: str) -> None:
    revision = world.serve("churn", model())
    uid = world.the(kind, revision)["metadata"]["uid"]
    world.patch(kind, revision, {"metadata": {"labels": {LABEL: None}}})
    world.until(lambda: LABEL in world.the(kind, revision)["metadata"]["labels"], "its label")
    assert world.the(kind, revision)["metadata"]["uid"] == uid
    world.settle()
    assert serves(world.status("churn")) == revision
    assert condition(world.status("churn"), "Stalled") == "False"
    world.assert_rest("churn")


def test_pods_that_lost_their_label_during_a_pause_serve_on_when_it_ends(world: World) -> None:
    """The first ones: no record says yet that they serve. Spec wants something else already."""
    world.apply("churn", model())
    first = world.until(lambda: world.status("churn").get("candidate"), "a candidate")["revision"]
    world.settle()
    world.apply("churn", {**model(), "paused": True})
    world.ready(first)
    world.until_status("churn", lambda status: serves(status) == first, "it serves")
    world.patch("Deployment", first, {"metadata": {"labels": {LABEL: None}}})
    world.settle()
    world.apply("churn", model("2"))
    world.until(lambda: world.status("churn").get("candidate"), "a candidate")
    world.settle()
    assert world.selected("churn") == first
    assert serves(world.status("churn")) == first
    assert LABEL in world.the("Deployment", first)["metadata"]["labels"]
    second = world.status("churn")["candidate"]["revision"]
    world.ready(second)
    world.until(lambda: world.selected("churn") == second, "the switch")


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
def test_a_child_that_was_taken_from_us_is_no_longer_touched(world: World, kind: str) -> None:
    revision = world.serve("churn", model())
    world.patch(kind, revision, {"metadata": {"ownerReferences": None}})
    world.until_status(
        "churn",
        lambda status: condition(status, "Stalled", "reason") == "NameConflict",
        "it says whose it is not",
    )
    left = world.the(kind, revision)
    world.settle()
    world.nudge("churn")
    world.settle()
    assert world.the(kind, revision) == left


def test_labels_and_annotations_of_others_stay(world: World) -> None:
    revision = world.serve("churn", model())
    world.settle()
    since = world.server.moment()
    theirs = {"labels": {"team": "shop"}, "annotations": {"team": "shop"}}
    for kind in KINDS:
        world.patch(kind, revision, {"metadata": theirs})
    world.assert_rest("churn")
    assert world.writes(since) == []


FOREIGN = {
    "type": "X",
    "status": "True",
    "reason": "Y",
    "lastTransitionTime": "2020-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"phase": "Nonsense", "message": "nothing is true", "observedGeneration": 99},
        {"serving": {"revision": "churn-nowhere", "version": "9"}, "conditions": [], "handled": []},
        {"conditions": [FOREIGN]},
    ],
    ids=["empty", "nonsense", "another revision", "foreign condition"],
)
def test_a_lost_status_is_rebuilt(world: World, garbage: dict[str, object]) -> None:
    world.serve("churn", model())
    world.settle()
    before = world.status("churn")
    since = world.server.moment()
    world.kube.ask(
        "PUT",
        f"/apis/contender.dev/v1alpha1/namespaces/{world.namespace}/modeldeployments/churn/status",
        {**world.the("ModelDeployment", "churn"), "status": garbage},
    )
    world.until_status("churn", lambda status: _timeless(status) == _timeless(before), "as before")
    world.settle()
    assert [str(one) for one in world.writes(since)] == ["patch modeldeployments/status churn"]


def _timeless(status: dict[str, object]) -> dict[str, object]:
    conditions = status.get("conditions") or []
    assert isinstance(conditions, list)
    bare = [{k: v for k, v in one.items() if k != "lastTransitionTime"} for one in conditions]
    return {**status, "conditions": bare}
