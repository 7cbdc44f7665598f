"""Webhooks of others change or refuse our writes: told once, never fought."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from contender.core import names
from tests.e2e.kube import Json
from tests.faults.webhook import Broken, Denied, Webhook
from tests.scenarios.world import World, condition, model, serves

Mutation = Callable[[str, Json], None]


def mirror(operation: str, child: Json) -> None:
    """Take images from another registry."""
    spec = child.get("spec") or {}
    for template in (spec, (spec.get("jobTemplate") or {}).get("spec") or {}):
        for container in ((template.get("template") or {}).get("spec") or {}).get("containers", []):
            container["image"] = f"mirror/{container['image'].removeprefix('mirror/')}"


def sidecar(operation: str, child: Json) -> None:
    """Put a container of its own beside ours."""
    if child["kind"] == "Deployment":
        containers = child["spec"]["template"]["spec"]["containers"]
        if len(containers) == 1:
            containers.append({"name": "sidecar", "image": "sidecar:1"})


def limit(operation: str, child: Json) -> None:
    """Let nobody have more than one pod."""
    if child["kind"] == "Deployment":
        child["spec"]["replicas"] = 1


def label(operation: str, child: Json) -> None:
    """Say everywhere whose it is."""
    child["metadata"]["labels"]["team"] = "shop"
    if child["kind"] == "Deployment":
        child["spec"]["template"]["metadata"]["labels"]["team"] = "shop"


def port(operation: str, child: Json) -> None:
    """Give Services another port."""
    if child["kind"] == "Service":
        child["spec"]["ports"][0]["port"] = 8000


def late(operation: str, child: Json) -> None:
    """Change something on updates only."""
    if child["kind"] == "Deployment" and operation == "UPDATE":
        child["spec"]["revisionHistoryLimit"] = 5


def unmark(operation: str, child: Json) -> None:
    """Take our annotation away, and leave one."""
    annotations = child["metadata"].setdefault("annotations", {})
    annotations.pop(names.ANNOTATION_APPLIED, None)
    annotations["example.com/checked"] = "yes"


def unlabel(operation: str, child: Json) -> None:
    """Take one of our labels away."""
    child["metadata"]["labels"].pop("app.kubernetes.io/name", None)


def stamp(operation: str, child: Json) -> None:
    """Write the time, in an annotation and in a field of ours."""
    child["metadata"].setdefault("annotations", {})["example.com/at"] = str(time.time_ns())
    if child["kind"] == "Deployment":
        child["spec"]["progressDeadlineSeconds"] = 700 + time.time_ns() % 100


MUTATIONS: dict[str, Mutation] = {
    one.__name__: one for one in (mirror, sidecar, limit, label, port, late, unmark, unlabel, stamp)
}
"""Each ModelDeployment has the name of what is done to its children."""


LEFT: dict[str, tuple[str, ...]] = {
    "mirror": (
        "Deployment {revision}: spec.template.spec.containers[0].image",
        "CronJob mirror-retrain: spec.jobTemplate.spec.template.spec.containers[0].image",
    ),
    "sidecar": ("Deployment {revision}: spec.template.spec.containers",),
    "limit": ("Deployment {revision}: spec.replicas",),
    "port": ("Service {revision}: spec.ports[0].port", "Service port: spec.ports[0].port"),
    "unmark": ("Service {revision}: metadata.annotations.contender.dev/applied", "and more"),
    "unlabel": ("Service {revision}: metadata.labels.app.kubernetes.io/name", "and more"),
    "stamp": ("Deployment {revision}: spec.progressDeadlineSeconds",),
}
"""What status then says; of what is only added it says nothing."""


def spec(number: int) -> Json:
    """Return a spec of which everything depends on the number."""
    return {
        **model(str(number)),
        "scaling": {"minReplicas": 1 + number, "maxReplicas": 1 + number},
        "retraining": {"schedule": "0 4 1 1 *", "job": {"image": f"train:{number}"}},
    }


def test_what_a_webhook_changes_is_written_once_and_told(world: World, tmp_path: Path) -> None:
    with Webhook(world.server, world.namespace, tmp_path, mutate):
        start = world.server.moment()
        revisions = _switch_all(world, 1)
        world.settle()
        for name, revision in revisions.items():
            _assert_told(world, name, revision)
            assert ("stored otherwise" in world.status(name)["message"]) == (name in LEFT)
        # Records are written once more for the mark that they serve.
        assert max(_updates(world, start).values()) <= 2
        world.assert_rest(*MUTATIONS, times=1)

        restart = world.server.moment()
        world.stop_operator()
        world.start_operator()
        world.settle()
        assert max(_updates(world, restart).values()) == 1
        world.assert_rest(*MUTATIONS, times=1)

        # Three pods are needed to take over from two: where a webhook allows one, none do.
        revisions = _switch_all(world, 2, but="limit")
        world.settle()
        for name, revision in revisions.items():
            _assert_reached(world, name, revision)
            _assert_told(world, name, revision)
        assert "spec.replicas" in world.status("limit")["message"]
        world.assert_rest(*MUTATIONS, times=1)


def test_a_webhook_that_hides_our_children_from_us_is_told(world: World, tmp_path: Path) -> None:
    def hide(operation: str, child: Json) -> Json:
        if child["kind"] == "PodDisruptionBudget":
            del child["metadata"]["labels"][names.LABEL_OWNER]
        return child

    with Webhook(world.server, world.namespace, tmp_path, hide):
        world.apply("churn", model())
        status = _until_stalled(world, "churn", "LabelLost")
        assert "is stored without its label contender.dev/modeldeployment" in status["message"]
        since = world.server.moment()
        _until_refused(world, "churn", since, times=2)
        assert {one.kind for one in world.writes(since)} == {"poddisruptionbudgets"}
    world.until_status("churn", _goes_on, "it heals by itself")
    world.serve("churn", model())
    world.assert_rest("churn")


def test_a_denial_and_a_fault_are_told_and_heal_by_themselves(world: World, tmp_path: Path) -> None:
    def refuse(operation: str, child: Json) -> Json:
        if child["kind"] != "Deployment":
            return child
        match child["metadata"]["labels"][names.LABEL_OWNER]:
            case "denied":
                raise Denied("images must be signed")
            case "broken":
                raise Broken("out of order")
            case "slow":
                time.sleep(2)  # longer than the API server waits
        return child

    told = {
        "denied": ("ApplyFailed", "denied the request: images must be signed"),
        "broken": ("WebhookFailed", "failed calling webhook"),
        "slow": ("WebhookFailed", "failed calling webhook"),
    }
    first = {name: world.serve(name, model("1")) for name in told}
    with Webhook(world.server, world.namespace, tmp_path, refuse):
        since = world.server.moment()
        for name in told:
            world.apply(name, model("2"))
        for name, (reason, message) in told.items():
            status = _until_stalled(world, name, reason)
            assert message in status["message"]
            assert serves(status) == first[name] == world.selected(name)
            _until_refused(world, name, since, times=5)
        statuses = Counter(one.name for one in world.writes(since) if "status" in one.kind)
        # One tells of the candidate, one that it is refused, perhaps one more, as the API server
        # has several words for a webhook that is too slow: none for each try.
        assert max(statuses.values()) <= 3
    # All at once: each goes on by itself when its back-off is over.
    second = {name: _switch(world, name, "2") for name in told}
    assert all(second[name] != first[name] for name in told)
    world.assert_rest(*told)


def mutate(operation: str, child: Json) -> Json:
    """Do what the name of the ModelDeployment says."""
    MUTATIONS[child["metadata"]["labels"][names.LABEL_OWNER]](operation, child)
    return child


def _switch_all(world: World, number: int, but: str = "") -> dict[str, str]:
    for name in MUTATIONS:
        world.apply(name, spec(number))
    return {name: _switch(world, name, str(number)) for name in MUTATIONS if name != but}


def _switch(world: World, name: str, version: str) -> str:
    """Be the controllers until a version serves; return its revision."""
    revision = world.until_wanted(name, version)
    world.ready(revision)
    world.until_status(name, lambda status: serves(status) == revision, f"{revision} serves")
    return revision


def _assert_told(world: World, name: str, revision: str) -> None:
    message = world.status(name)["message"]
    for part in LEFT.get(name, ()):
        assert part.format(revision=revision) in message, message


def _assert_reached(world: World, name: str, revision: str) -> None:
    """Check that the children have the second spec, and what the webhook makes of it."""
    deployment, job = world.the("Deployment", revision), world.the("CronJob", f"{name}-retrain")
    template = job["spec"]["jobTemplate"]["spec"]["template"]
    registry = "mirror/" if name == "mirror" else ""
    assert template["spec"]["containers"][0]["image"] == f"{registry}train:2"
    pod = deployment["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"{registry}churn:2"
    assert deployment["spec"]["replicas"] == 3
    assert world.selected(name) == revision


def _updates(world: World, since: int) -> Counter[str]:
    """Count the updates of each child."""
    return Counter(str(one) for one in world.writes(since) if one.verb == "update")


def _until_stalled(world: World, name: str, reason: str) -> Json:
    return world.until_status(
        name, lambda status: condition(status, "Stalled", "reason") == reason, f"it says {reason}"
    )


def _until_refused(world: World, owner: str, since: int, times: int) -> None:
    def look() -> bool:
        refused = [
            one
            for one in world.asked(since)
            if one.verb == "create" and one.code >= 400 and one.name.startswith(owner)
        ]
        return len(refused) >= times

    world.until(look, f"{owner} is refused again and again")


def _goes_on(status: Json) -> bool:
    return condition(status, "Stalled") == "False"
