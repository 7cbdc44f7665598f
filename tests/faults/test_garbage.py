"""Nonsense in every place: told where it is, never fatal, and nobody else's trouble."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.server import until
from tests.e2e.kube import ApiRefusal, Json
from tests.faults.upgrade.situations import finished
from tests.scenarios.world import GROUP, World, condition, model, serves

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.contender.dev"
LONGEST = "m" + 43 * "x"
RESULTS = {
    "deep": "[" * 4096,
    "surrogate": '{"version": "2", "image": "x", "metrics": {"\\ud800": 1}}',
    "surrogates": '{"version": "\\udfff\\ud800", "image": "x"}',
    "not-finite": '{"version": "2", "image": "x", "metrics": {"loss": NaN}}',
    "endless": '{"version": "2", "image": "x", "metrics": {"loss": 1e999}}',
    "digits": '{"version": "2", "image": "x", "metrics": {"loss": ' + "9" * 3900 + "}}",
    "null": "null",
    "number": '{"version": 2, "image": ["x"], "metrics": null}',
    "text": "日本\u0000\u0007\u2028<&>" * 200,
}
"""What a training program may leave in its termination message."""
TOKENS = {
    "long": "x" * 10240,
    "slash": "/",
    "slashes": "a/b/c/d",
    "text": "ä 日本 <&>\n\t\u2028",
    "json": '{"a": [1]}',
}


def test_what_a_run_reports_may_be_anything(world: World) -> None:
    for name in RESULTS:
        world.create(
            "ModelDeployment",
            name,
            spec={**model(), "retraining": {"job": {"image": "train:1"}}},
            metadata={"annotations": {f"{GROUP}/retrain": "monday"}},
        )
    for name, message in RESULTS.items():
        _report(world, name, message)
    for name in RESULTS:
        status = world.until_status(
            name, lambda status: condition(status, "Retrained") == "False", "it is no result"
        )
        assert condition(status, "Retrained", "message")
    world.assert_rest(*RESULTS, times=1)


@pytest.mark.parametrize("command", ["rollback", "retrain", "refresh"])
def test_the_token_of_a_command_may_be_anything(world: World, command: str) -> None:
    for name, token in TOKENS.items():
        world.create(
            "ModelDeployment",
            name,
            spec={**model(), "retraining": {"job": {"image": "train:1"}}},
            metadata={"annotations": {f"{GROUP}/{command}": token}},
        )
    for name, token in TOKENS.items():
        status = world.until_status(name, lambda status: status.get("handled"), "an answer")
        assert status["handled"][0]["token"] == token
        world.serve(name, {**model("2"), "retraining": {"job": {"image": "train:1"}}})
    world.assert_rest(*TOKENS, times=1)


def test_a_record_that_is_none_is_told_and_nothing_is_touched(world: World) -> None:
    neighbour = world.serve("neighbour", model())
    first = {name: world.serve(name, model()) for name in ("garbled", "invented")}
    world.settle()
    before = world.children("garbled"), world.children("invented")
    record = world.the("ControllerRevision", first["garbled"])
    _mark(world, first["garbled"], "yesterday")
    invented = {
        "ownerReferences": world.the("ControllerRevision", first["invented"])["metadata"][
            "ownerReferences"
        ],
        "labels": {f"{GROUP}/modeldeployment": "invented"},
    }
    world.create(
        "ControllerRevision", "invented-x", revision=9, data={"input": [1]}, metadata=invented
    )
    for name, revision in (("garbled", first["garbled"]), ("invented", "invented-x")):
        status = _until_stalled(world, name, "InvalidRecord")
        assert f"ControllerRevision '{revision}' is no record" in status["message"]
        assert serves(status) == first[name]
    world.delete("ControllerRevision", "invented-x")
    _mark(world, first["garbled"], record["metadata"]["annotations"][f"{GROUP}/served-at"])
    for name, revision in first.items():
        status = world.until_status(name, _is_ready, "it heals")
        assert serves(status) == revision
    assert (world.children("garbled"), world.children("invented")) == before
    assert serves(world.status("neighbour")) == neighbour
    world.assert_rest("garbled", "invented", "neighbour", times=1)


def test_what_is_allowed_may_be_large_strange_and_long(world: World) -> None:
    text = "ä 日本 <&>\u2028 'x' \"y\" $(HOME) {{}}"
    spec: dict[str, Any] = {
        **model(args=[text, "", "\n"], env=[{"name": "A", "value": text}]),
        "pod": {"annotations": {"example.com/text": text}, "labels": {"empty": ""}},
        "unknown": {"field": [1]},
    }
    large = {"annotations": {f"example.com/{number}": "x" * 25000 for number in range(10)}}
    names = (LONGEST, "large", "strange")
    for name in names:
        world.create("ModelDeployment", name, spec=spec, metadata=large if name == "large" else {})
    for name in names:
        revision = world.serve(name, spec)
        container = world.the("Deployment", revision)["spec"]["template"]["spec"]["containers"][0]
        assert container["args"] == [text, "", "\n"]
        world.patch("Deployment", revision, {"metadata": large})
        world.patch("ControllerRevision", revision, {"metadata": large})
    for name in names:
        world.serve(name, {**spec, **model("2")})
    world.assert_rest(*names, times=1)


def test_pods_that_only_pretend_to_be_ours_harm_nobody(world: World) -> None:
    revision = world.serve("churn", model())
    labels = {f"{GROUP}/modeldeployment": "churn", f"{GROUP}/revision": revision}
    statuses: dict[str, Json] = {
        "none": {},
        "phase": {"phase": "Failed", "reason": "日本", "message": "x" * 30000},
        "state": {"containerStatuses": [_container(state={"waiting": {"reason": "日本 !"}})]},
        "ended": {"containerStatuses": [_container(state={"terminated": {"exitCode": -7}})]},
    }
    for name, status in statuses.items():
        pod = {"containers": [{"name": "x", "image": "x"}]}
        world.create("Pod", name, spec=pod, metadata={"labels": labels})
        world.patch("Pod", name, {"status": status}, "status")
    orphan = {"labels": {f"{GROUP}/modeldeployment": "nobody"}}
    world.create("Pod", "orphan", spec={"containers": [{"name": "x"}]} | pod, metadata=orphan)
    assert serves(world.until_status("churn", _is_ready, "it stays ready")) == revision
    world.serve("churn", model("2"))
    world.assert_rest("churn", times=1)


UNREADABLE: dict[str, Any] = {
    "empty": {},
    "no-model": {"model": None},
    "numbers": {"model": {"version": 1, "image": 2}},
    "text": {**model(), "scaling": "many"},
    "period": {"model": {**model()["model"], "probes": {"period": "soon"}}},
}
REFUSED: dict[str, tuple[Any, str]] = {
    "amount": ({"resources": {"limits": {"cpu": "much"}}}, "BadRequest"),
    "mount": ({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}, "Invalid"),
}
"""What only the API server's refusal of a Deployment tells, by the reason that it gives."""
READABLE: dict[str, Any] = {
    "nulls": {
        "model": {**model()["model"], "env": None, "command": None, "probes": None, "warmup": None},
        **dict.fromkeys(("transformer", "pod", "scaling", "retraining")),
    },
    "nothing": {"model": {**model()["model"], "probes": {"period": "0s", "startupTimeout": "1m"}}},
    "unknown": {**model(), "later": {"field": 1}},
    "retrained": {**model(), "retraining": {"schedule": "0 4 1 1 *", "job": {"image": "t"}}},
}


def test_what_was_stored_under_looser_rules_is_told_and_others_go_on(world: World) -> None:
    refused = {name: {"model": {**model()["model"], **part}} for name, (part, _) in REFUSED.items()}
    every = {**UNREADABLE, **refused, **READABLE}
    with _anything_goes(world):
        for name, spec in every.items():
            world.create("ModelDeployment", name, spec=spec)
        for name in UNREADABLE:
            _until_stalled(world, name, "InvalidSpec")
    for name, (_, reason) in REFUSED.items():
        _until_stalled(world, name, reason)
    for name in READABLE:
        revision = world.until_wanted(name, "1")
        world.ready(revision)
        world.until_status(name, serves, f"{revision} serves")
    for name in UNREADABLE:
        world.serve(name, model())
    world.assert_rest(*UNREADABLE, *READABLE, times=1)


@contextmanager
def _anything_goes(world: World) -> Iterator[None]:
    """Take all rules out of the CRD, for a while."""
    strict = world.kube.ask("GET", CRD)["spec"]["versions"]
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    _set_schema(world, [{**strict[0], "schema": {"openAPIV3Schema": loose}}])
    until(lambda: _stores(world, {"any": "thing"}), "anything goes")
    try:
        yield
    finally:
        _set_schema(world, strict)
        until(lambda: not _stores(world, {"any": "thing"}), "the rules hold again")


def _set_schema(world: World, versions: list[Json]) -> None:
    live = world.kube.ask("GET", CRD)
    world.kube.ask("PUT", CRD, {**live, "spec": {**live["spec"], "versions": versions}})


def _stores(world: World, spec: Json) -> bool:
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ModelDeployment", "spec": spec}
    folder = f"/apis/{GROUP}/v1alpha1/namespaces/{world.namespace}/modeldeployments"
    try:
        world.kube.would_create(folder, {**body, "metadata": {"name": "probe"}}, strict=False)
    except ApiRefusal:
        return False
    return True


def _report(world: World, name: str, message: str) -> None:
    """Be the Job controller and the node: a run ends well and leaves a message."""
    job = world.until(lambda: world.children(name).get("Job"), "a Job")[0]
    uid = world.the("Job", job)["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid, "controller": True}
    metadata = {"labels": {f"{GROUP}/modeldeployment": name}, "ownerReferences": [owner]}
    pod = {"containers": [{"name": "retraining", "image": "train:1"}]}
    world.create("Pod", f"{name}-pod", spec=pod, metadata=metadata)
    ended = _container("retraining", state={"terminated": {"exitCode": 0, "message": message}})
    world.patch("Pod", f"{name}-pod", {"status": {"containerStatuses": [ended]}}, "status")
    world.patch("Job", job, {"status": finished()}, "status")


def _container(name: str = "x", **fields: Any) -> Json:
    told = {"name": name, "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    return {**told, **fields}


def _mark(world: World, record: str, served_at: str) -> None:
    mark = {"metadata": {"annotations": {f"{GROUP}/served-at": served_at}}}
    world.patch("ControllerRevision", record, mark)


def _until_stalled(world: World, name: str, reason: str) -> Json:
    return world.until_status(
        name, lambda status: condition(status, "Stalled", "reason") == reason, f"it says {reason}"
    )


def _is_ready(status: Json) -> bool:
    return bool(status["phase"] == "Ready")
