"""The operator's rights: the generated ClusterRole gives enough, and no more than needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contender.core import names
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
        "router": {"mode": "Always"},
    }
    allow = {"annotations": {"contender.dev/allow": "true"}}
    world.create("ServiceAccount", "models", metadata=allow)
    _create_router(world, "churn")
    first = world.serve("churn", spec)
    second = world.serve("churn", {**spec, **model("2")})
    trial = {"target": "churn", "candidates": [{"name": "v3", "model": {"version": "3"}}]}
    step = {"name": "look", "shadow": {}, "until": {"atLeast": "1m"}}
    world.create("Experiment", "churn-v3", spec={**trial, "steps": [step]})
    world.until(lambda: world.the("Experiment", "churn-v3").get("status"), "an answer")
    world.delete("Experiment", "churn-v3")
    world.annotate("churn", retrain="now", rollback=f"{first}/now")
    world.until(lambda: world.children("churn").get("Job"), "a retraining Job")
    world.ready(first)
    world.until_status("churn", lambda status: serves(status) == first, "the rollback")
    bare = {key: spec[key] for key in ("model", "pod")}
    world.apply("churn", bare)  # no autoscaler, no schedule, no routers: these are deleted
    _routers_have_lingered(world, "churn")
    world.until(lambda: "CronJob" not in world.children("churn"), "the CronJob is gone")
    world.until(lambda: "HorizontalPodAutoscaler" not in world.children("churn"), "no HPA is left")
    world.until(lambda: "ConfigMap" not in world.children("churn"), "the routers are gone")
    world.until(
        lambda: any(one.kind == "events" and one.code == 201 for one in world.asked(0)), "Events"
    )
    world.delete("ModelDeployment", "churn")
    world.settle()
    assert second
    assert "403" not in world.log()
    assert "orbidden" not in world.log()
    verbs = {(one.verb, one.kind) for one in world.asked(0) if one.code < 400}
    assert ("patch", "pods") in verbs, "the router was not told to look at its configuration"
    assert ("patch", "experiments/status") in verbs
    assert {("delete", "configmaps"), ("delete", "networkpolicies")} <= verbs
    for rule in RULES:
        for resource in rule["resources"]:
            needed = {verb for verb in rule["verbs"] if (verb, resource) in verbs}
            assert needed, f"the right to {resource} is never used"


def _create_router(world: World, owner: str) -> None:
    """Be the controllers and the kubelet: a router is ready, and answers nobody."""
    labels = names.router_labels(owner)
    container = {"name": "router", "image": "envoy:1"}
    world.create(
        "Pod", f"{owner}-router-x", metadata={"labels": labels}, spec={"containers": [container]}
    )
    seen = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "127.0.0.99"}
    seen["podIPs"] = [{"ip": "127.0.0.99"}]
    world.patch("Pod", f"{owner}-router-x", {"status": seen}, "status")


def _routers_have_lingered(world: World, owner: str) -> None:
    """Let the routers have waited for their last callers as long as they do."""
    name = names.router_name(owner)

    def left() -> bool:
        return names.ANNOTATION_LEFT_AT in world.the("ConfigMap", name)["metadata"]["annotations"]

    world.until(left, "the endpoint leads past the routers")
    long_ago = {names.ANNOTATION_LEFT_AT: "2026-01-01T00:00:00Z"}
    world.patch("ConfigMap", name, {"metadata": {"annotations": long_ago}})


def test_nothing_is_given_by_wildcard() -> None:
    for rule in RULES:
        for words in rule.values():
            assert "*" not in "".join(words)


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("deletecollection", "", "secrets"),
        ("patch", "", "configmaps"),
        ("deletecollection", "", "configmaps"),
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("get", "", "pods/portforward"),
        ("get", "", "pods/proxy"),
        ("update", "", "pods"),
        ("patch", "", "pods/status"),
        ("delete", "", "pods"),
        ("list", "", "serviceaccounts"),
        ("create", "", "serviceaccounts/token"),
        ("impersonate", "", "users"),
        ("create", "contender.dev", "modeldeployments"),
        ("update", "contender.dev", "modeldeployments"),
        ("patch", "contender.dev", "modeldeployments"),
        ("delete", "contender.dev", "modeldeployments"),
        ("patch", "contender.dev", "experiments"),
        ("deletecollection", "contender.dev", "experiments"),
        ("patch", "apps", "deployments"),
        ("deletecollection", "apps", "deployments"),
        ("create", "apps", "daemonsets"),
        ("deletecollection", "networking.k8s.io", "networkpolicies"),
        ("create", "networking.k8s.io", "ingresses"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("list", "", "nodes"),
        ("update", "", "namespaces"),
    ],
)
def test_what_it_may_not_do(apiserver: Server, verb: str, group: str, resource: str) -> None:
    assert not _may(apiserver, verb, group, resource)


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("create", "", "configmaps"),
        ("update", "", "configmaps"),
        ("delete", "", "configmaps"),
        ("create", "networking.k8s.io", "networkpolicies"),
        ("delete", "networking.k8s.io", "networkpolicies"),
        ("patch", "", "pods"),
        ("create", "contender.dev", "experiments"),
        ("delete", "contender.dev", "experiments"),
    ],
)
def test_what_it_needs_for_routers_and_rollouts(
    apiserver: Server, verb: str, group: str, resource: str
) -> None:
    assert _may(apiserver, verb, group, resource)


@pytest.mark.parametrize("resource", ["modeldeployments", "experiments"])
def test_of_a_status_it_may_write_patches_only(apiserver: Server, resource: str) -> None:
    assert _may(apiserver, "patch", "contender.dev", resource, "status")
    assert not _may(apiserver, "update", "contender.dev", resource, "status")


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
