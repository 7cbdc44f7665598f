"""The operator's rights: the generated ClusterRole gives enough, and no more than needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contender.generate.rbac import operator_role
from tests.contract.server import ACCOUNT, GROUPS, Server
from tests.scenarios.world import World, model, serves

RULES = operator_role()["rules"]


@pytest.fixture
def world(apiserver: Server, tmp_path: Path) -> Iterator[World]:
    """A namespace, and the operator as it is installed: it watches all namespaces."""
    world = World(apiserver, tmp_path / "operator.log", everywhere=True)
    world.start_operator()
    yield world
    world.leave()  # checks that nothing was forbidden


def test_the_generated_rights_are_enough_for_a_whole_life(world: World) -> None:
    spec = {
        **model(),
        "scaling": {"maxReplicas": 3, "metrics": [{"type": "CPU", "target": 70}]},
        "pod": {"serviceAccountName": "models"},
        "retraining": {"schedule": "@daily", "job": {"image": "train:1"}},
    }
    allow = {"annotations": {"contender.dev/allow": "true"}}
    world.create("ServiceAccount", "models", metadata=allow)
    first = world.serve("churn", spec)
    second = world.serve("churn", {**spec, **model("2")})
    world.annotate("churn", retrain="now", rollback=f"{first}/now")
    world.until(lambda: world.children("churn").get("Job"), "a retraining Job")
    world.ready(first)
    world.until_status("churn", lambda status: serves(status) == first, "the rollback")
    bare = {key: spec[key] for key in ("model", "pod")}
    world.apply("churn", bare)  # no autoscaler, no schedule: these are deleted
    world.until(lambda: "CronJob" not in world.children("churn"), "the CronJob is gone")
    world.until(lambda: "HorizontalPodAutoscaler" not in world.children("churn"), "the HPA is gone")
    world.until(
        lambda: any(one.kind == "events" and one.code == 201 for one in world.asked(0)), "Events"
    )
    world.delete("ModelDeployment", "churn")
    world.settle()
    assert second
    assert "403" not in world.log()
    assert "orbidden" not in world.log()
    verbs = {(one.verb, one.kind) for one in world.asked(0) if one.code < 400}
    for rule in RULES:
        for resource in rule["resources"]:
            needed = {verb for verb in rule["verbs"] if (verb, resource) in verbs}
            assert needed, f"the right to {resource} is never used"


def test_nothing_is_given_by_wildcard() -> None:
    for rule in RULES:
        for words in rule.values():
            assert "*" not in "".join(words)


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("list", "", "configmaps"),
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("delete", "", "pods"),
        ("list", "", "serviceaccounts"),
        ("create", "", "serviceaccounts/token"),
        ("impersonate", "", "users"),
        ("create", "contender.dev", "modeldeployments"),
        ("update", "contender.dev", "modeldeployments"),
        ("patch", "contender.dev", "modeldeployments"),
        ("delete", "contender.dev", "modeldeployments"),
        ("patch", "apps", "deployments"),
        ("deletecollection", "apps", "deployments"),
        ("create", "apps", "daemonsets"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("list", "", "nodes"),
        ("update", "", "namespaces"),
    ],
)
def test_what_it_may_not_do(apiserver: Server, verb: str, group: str, resource: str) -> None:
    assert not _may(apiserver, verb, group, resource)


def test_it_may_write_status_and_nothing_else_of_a_modeldeployment(apiserver: Server) -> None:
    assert _may(apiserver, "patch", "contender.dev", "modeldeployments", "status")
    assert not _may(apiserver, "update", "contender.dev", "modeldeployments", "status")


def _may(server: Server, verb: str, group: str, resource: str, part: str = "") -> bool:
    resource, _, named = resource.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": part or named,
        "namespace": "default",
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": ACCOUNT, "groups": [*GROUPS], "resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(server.kube.ask("POST", path, review)["status"]["allowed"])
