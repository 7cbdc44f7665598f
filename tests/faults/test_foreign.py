"""Objects of others in the way: never taken, never fought for, and told with the way out."""

from dataclasses import dataclass
from typing import Any

import pytest

from contender.api.v1alpha1 import API_VERSION, ModelDeploymentSpec
from contender.core import names
from contender.core.records import pod_input
from tests.e2e.kube import ApiRefusal, Json
from tests.scenarios.world import GROUP, World, condition, model, serves

TOKEN = "monday"
SPEC = {
    **model(),
    "scaling": {"minReplicas": 1, "maxReplicas": 2, "metrics": [{"type": "CPU", "target": 80}]},
    "retraining": {"schedule": "0 4 1 1 *", "job": {"image": "train:1"}},
}
"""With this spec and the command to retrain, there is a child of every kind."""

PODS: Json = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [{"name": "x", "image": "x"}]},
}
RUN = {"template": {"spec": {**PODS["spec"], "restartPolicy": "Never"}}}
SELECTOR = {"matchLabels": {"app": "x"}}
BODIES: dict[str, Json] = {
    "ControllerRevision": {"revision": 7, "data": {"theirs": True}},
    "CronJob": {"spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": RUN}}},
    "Deployment": {"spec": {"selector": SELECTOR, "template": PODS}},
    "HorizontalPodAutoscaler": {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
        }
    },
    "Job": {"spec": RUN},
    "PodDisruptionBudget": {"spec": {"selector": SELECTOR, "minAvailable": 1}},
    "Service": {"spec": {"ports": [{"port": 9}]}},
}
"""What somebody else may have under our name, by kind."""


@dataclass(frozen=True)
class Rival:
    """An object of somebody else that has the name of a child."""

    owner: str
    """The ModelDeployment that wants the name."""
    kind: str
    name: str
    claim: str = ""
    """Whose it is."""


def place(owner: str, kind: str) -> str:
    """Return the name that a child of this kind will have."""
    pod = pod_input(ModelDeploymentSpec.model_validate(SPEC))
    special = {
        "CronJob": names.retraining_name(owner),
        "Job": names.retraining_name(owner, TOKEN),
        "endpoint": owner,
    }
    return special.get(kind, names.revision_name(owner, names.digest(pod)))


def another(uid: str, **fields: Any) -> Json:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "name": "shop", "uid": uid, **fields}


CLAIMS: dict[str, Json] = {
    "nobody": {},
    "another-controller": {"ownerReferences": [another("1", controller=True)]},
    "another-owner": {"ownerReferences": [another("2")]},
    "our-label": {"labels": {"app": "x"}},
    "our-name": {"ownerReferences": [another("3", kind="ModelDeployment", controller=True)]},
}
"""Whose the object is: its metadata."""


def test_what_belongs_to_others_is_left_untouched_until_it_goes(world: World) -> None:
    kinds = [*BODIES, "endpoint"]
    rivals = [_rival(world, kind, claim) for kind in kinds for claim in CLAIMS]
    before = {one: world.the(one.kind, one.name) for one in rivals}
    for one in rivals:
        _apply(world, one.owner)
    for one in rivals:
        _assert_told(world, one)
    since = world.server.moment()
    for one in rivals:
        _until_tried_again(world, one, since, times=2)
    assert [str(one) for one in world.writes(since)] == []
    assert {one: world.the(one.kind, one.name) for one in rivals} == before
    for one in rivals:
        world.delete(one.kind, one.name)
    for one in rivals:
        world.until_status(one.owner, _goes_on, "it heals by itself")
        assert one.name in world.children(one.owner)[one.kind]


def test_what_is_left_of_a_deleted_modeldeployment_is_waited_for(world: World) -> None:
    old = _child_of_a_deleted_one(world)
    world.apply("churn", model())
    since = world.server.moment()
    _until_tried_again(world, Rival("churn", "Service", "churn"), since, times=2)
    assert not world.status("churn"), "nothing is told: the garbage collector is on its way"
    assert world.the("Service", "churn") == old
    world.delete("Service", "churn")
    world.until_status("churn", _goes_on, "it goes on by itself")


def test_orphans_are_told_and_serve_on_when_they_are_given_back(world: World) -> None:
    revision = world.serve("churn", model())
    world.settle()
    _orphan(world, "churn")
    before = _bodies(world, "churn")
    world.apply("churn", model())
    status = world.until_status(
        "churn", lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert (
        "made for ModelDeployment churn: delete it, or make this ModelDeployment its"
        in (status["message"])
    )
    assert _bodies(world, "churn") == before
    _give(world, "churn")
    status = world.until_status("churn", lambda status: status["phase"] == "Ready", "it serves")
    assert serves(status) == revision
    assert _bodies(world, "churn") == before
    world.assert_rest("churn")


def test_a_child_that_lost_its_controller_is_told_and_heals_when_it_is_back(world: World) -> None:
    revision = world.serve("churn", model())
    world.settle()
    mine = world.the("Deployment", revision)["metadata"]["ownerReferences"]
    _own(world, "Deployment", revision, [{**mine[0], "controller": False}])
    status = world.until_status(
        "churn", lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert "no controller but hangs on ModelDeployment churn" in status["message"]
    _own(world, "Deployment", revision, mine)
    status = world.until_status("churn", lambda status: status["phase"] == "Ready", "it heals")
    assert serves(status) == revision


def test_a_second_owner_of_a_child_is_welcome(world: World) -> None:
    revision = world.serve("churn", model())
    world.settle()
    since = world.server.moment()
    mine = world.the("Deployment", revision)["metadata"]["ownerReferences"]
    both = [another("1"), *mine]
    _own(world, "Deployment", revision, both)
    world.assert_rest("churn")
    assert [str(one) for one in world.writes(since)] == []
    world.apply("churn", {**model(), "scaling": {"minReplicas": 2, "maxReplicas": 2}})
    world.until(lambda: world.the("Deployment", revision)["spec"]["replicas"] == 2, "it is scaled")
    stored = world.the("Deployment", revision)["metadata"]["ownerReferences"]
    assert sorted(one["uid"] for one in stored) == sorted(one["uid"] for one in both)


def test_a_name_that_may_be_that_of_anothers_child_is_refused(world: World) -> None:
    for end in ("retrain", "router", "bcdfghjk"):
        with pytest.raises(ApiRefusal, match="must not end like a child of another"):
            world.apply(f"churn-{end}", model())


def _rival(world: World, kind: str, claim: str) -> Rival:
    """Put an object of somebody else where a child will have to be."""
    owner = f"{kind.lower()[:12]}-{claim}"
    name = place(owner, kind)
    kind = "Service" if kind == "endpoint" else kind
    metadata = dict(CLAIMS[claim])
    if claim == "our-label":
        metadata["labels"] = names.owner_labels(owner)
    world.create(kind, name, metadata=metadata, **BODIES[kind])
    return Rival(owner, kind, name, claim)


def _apply(world: World, owner: str) -> None:
    token = {f"{GROUP}/retrain": TOKEN}
    world.create("ModelDeployment", owner, spec=SPEC, metadata={"annotations": token})


def _assert_told(world: World, rival: Rival) -> None:
    """Check that status names kind, name and owner of what is in the way, and the way out."""
    status = world.until_status(
        rival.owner, lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert condition(status, "Stalled", "reason") == "NameConflict"
    whose = {
        "another-controller": "Thing shop",
        "another-owner": "Thing shop",
        "our-name": "ModelDeployment shop",
    }
    for part in (rival.kind, rival.name, whose.get(rival.claim, "no controller"), "delete"):
        assert part in status["message"], status["message"]


def _until_tried_again(world: World, rival: Rival, since: int, times: int) -> None:
    def look() -> bool:
        tried = [
            one
            for one in world.asked(since)
            if one.verb == "create" and one.code == 409 and one.name == rival.name
        ]
        return len(tried) >= times

    world.until(look, f"{rival.kind} {rival.name} was tried again")


def _goes_on(status: Json) -> bool:
    return condition(status, "Stalled") == "False"


def _child_of_a_deleted_one(world: World) -> Json:
    """Put an endpoint there that the garbage collector has not taken away yet."""
    owner = {"apiVersion": API_VERSION, "kind": "ModelDeployment", "name": "churn"}
    metadata = {"ownerReferences": [{**owner, "uid": "gone", "controller": True}]}
    return world.create("Service", "churn", metadata=metadata, **BODIES["Service"])


def _orphan(world: World, name: str) -> None:
    """Delete a ModelDeployment and leave its children, as `--cascade=orphan` does."""
    children = world.children(name)
    world.delete("ModelDeployment", name)
    world.settle()
    for kind, found in children.items():
        for child in found:
            _own(world, kind, child, None)


def _give(world: World, name: str) -> None:
    """Make a ModelDeployment the controller of what was made for another of its name."""
    uid = world.the("ModelDeployment", name)["metadata"]["uid"]
    owner = {"apiVersion": API_VERSION, "kind": "ModelDeployment", "name": name, "uid": uid}
    for kind, found in _bodies(world, name):
        _own(world, kind, found, [{**owner, "controller": True}])


def _own(world: World, kind: str, name: str, owners: list[Json] | None) -> None:
    world.patch(kind, name, {"metadata": {"ownerReferences": owners}})


def _bodies(world: World, owner: str) -> dict[tuple[str, str], Json]:
    """Return what was made for a ModelDeployment, whoever owns it: spec and uid by name."""
    return {
        (kind, one["metadata"]["name"]): {"uid": one["metadata"]["uid"], **one.get("spec", {})}
        for kind in BODIES
        for one in world.kube.all(kind, world.namespace)
        if one["metadata"].get("labels", {}).get(names.LABEL_OWNER) == owner
    }
