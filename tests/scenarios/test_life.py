"""From the first apply to the last update: what is written, in which order, and what is not."""

from tests.scenarios.world import World, condition, model, serves

SCALED = {
    **model(),
    "scaling": {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"type": "CPU", "target": 70}]},
}


def test_the_first_apply_makes_each_child_once_and_tells_it_once(world: World) -> None:
    since = world.server.moment()
    world.apply("churn", SCALED)
    revision = world.until_wanted("churn", "1")
    world.settle()
    writes = [str(one) for one in world.writes(since)]
    made = [one for one in writes if "status" not in one]
    assert made == [
        f"create controllerrevisions {revision}",
        f"create services {revision}",
        "create services churn",
        f"create deployments {revision}",
        f"create horizontalpodautoscalers {revision}",
        f"create poddisruptionbudgets {revision}",
    ]
    # Once for what was made, and once for what the Deployment then says of itself.
    assert writes.count("patch modeldeployments/status churn") <= 2
    assert condition(world.status("churn"), "Reconciling") == "True"
    assert world.selected("churn") == revision


def test_a_change_of_the_pods_is_one_write_of_status(world: World) -> None:
    revision = world.serve("churn", SCALED)
    world.settle()
    since = world.server.moment()
    world.ready(revision, pods=1)
    world.until_status("churn", lambda status: status["serving"]["ready"] == 1, "one pod is ready")
    world.settle()
    assert [str(one) for one in world.writes(since)] == ["patch modeldeployments/status churn"]


def test_nothing_is_written_at_rest(world: World) -> None:
    world.serve("churn", SCALED)
    world.assert_rest("churn")


def test_an_update_switches_only_when_it_is_ready(world: World) -> None:
    first = world.serve("churn", SCALED)
    world.settle()
    since = world.server.moment()
    world.apply("churn", {**SCALED, "model": {**SCALED["model"], "image": "churn:2"}})
    second = world.until(
        lambda: (world.status("churn").get("candidate") or {}).get("revision"), "a candidate"
    )
    world.until(lambda: world.get("Deployment", second), "its Deployment")
    world.ready(second, pods=1)  # of two
    world.settle()
    assert world.selected("churn") == first
    assert serves(world.status("churn")) == first
    world.ready(second)
    world.until_status("churn", lambda status: serves(status) == second, "the second serves")
    writes = [str(one) for one in world.writes(since)]
    recorded = [one for one in writes if one == f"update controllerrevisions {second}"]
    assert len(recorded) == 1
    assert writes.index(recorded[0]) < writes.index("update services churn")
    assert world.selected("churn") == second
    assert world.get("Deployment", first), "a replaced revision keeps its pods for a while"
    world.assert_rest("churn")


def test_an_update_gets_as_many_pods_as_the_autoscaler_gave_the_first(world: World) -> None:
    first = world.serve("churn", SCALED)
    world.patch("Deployment", first, {"spec": {"replicas": 4}})
    world.ready(first)
    world.apply("churn", {**SCALED, "model": {**SCALED["model"], "image": "churn:2"}})
    second = world.until(
        lambda: (world.status("churn").get("candidate") or {}).get("revision"), "a candidate"
    )
    candidate = world.until(lambda: world.get("Deployment", second), "its Deployment")
    assert candidate["spec"]["replicas"] == 4
    assert world.the("Deployment", first)["spec"]["replicas"] == 4
    world.ready(second, pods=3)
    world.settle()
    assert world.selected("churn") == first
    world.ready(second)
    world.until_status("churn", lambda status: serves(status) == second, "the second serves")


def test_the_autoscaler_is_left_alone(world: World) -> None:
    revision = world.serve("churn", SCALED)
    world.settle()
    since = world.server.moment()
    for replicas in (3, 5, 2):
        world.patch("Deployment", revision, {"spec": {"replicas": replicas}})
        world.ready(revision)
    world.until_status("churn", lambda status: status["serving"]["replicas"] == 2, "two pods")
    world.settle()
    assert {one.kind for one in world.writes(since)} == {"modeldeployments/status"}
    assert world.the("Deployment", revision)["spec"]["replicas"] == 2


def test_many_quick_edits_end_with_the_last(world: World) -> None:
    world.serve("churn", model())
    for number in range(2, 22):
        world.patch(
            "ModelDeployment",
            "churn",
            {"spec": {"model": {"version": "2", "image": f"c:{number}"}}},
        )
    last = world.until(
        lambda: (
            candidate["revision"]
            if (candidate := world.status("churn").get("candidate"))
            and world.get("Deployment", candidate["revision"])
            and world.the("Deployment", candidate["revision"])["spec"]["template"]["spec"][
                "containers"
            ][0]["image"]
            == "c:21"
            else None
        ),
        "a candidate of the last edit",
    )
    world.ready(last)
    world.until_status("churn", lambda status: serves(status) == last, "the last serves")
    world.settle()
    alive = set(world.children("churn")["Deployment"])
    assert len(alive) <= 2, "those in between were left behind"
    assert len(world.children("churn")["ControllerRevision"]) <= 10
    world.assert_rest("churn")
