"""Commands, the pause, restarts, and neighbours in trouble."""

from typing import Any

from tests.scenarios.world import GROUP, World, condition, model, serves

RETRAINING = {"job": {"image": "train:1"}}


def answer(status: dict[str, Any], command: str) -> dict[str, str]:
    """Return what status answers to a command."""
    found = status.get("handled") or []
    return next((one for one in found if one["command"] == command), {})


def test_a_rollback_brings_back_a_stored_revision_and_holds_it(world: World) -> None:
    first = world.serve("churn", model("1"))
    second = world.serve("churn", model("2"))
    world.annotate("churn", rollback=f"{first}/monday")
    world.until_status("churn", lambda status: answer(status, "rollback"), "an answer")
    world.until(lambda: world.get("Deployment", first), "its Deployment")
    world.ready(first)
    status = world.until_status("churn", lambda status: serves(status) == first, "it serves")
    assert answer(status, "rollback")["result"] == "Done"
    assert condition(status, "Ready", "reason") == "RolledBack"
    assert world.the("ModelDeployment", "churn")["spec"]["model"]["version"] == "2"
    world.assert_rest("churn")
    third = world.serve("churn", model("3"))
    assert third not in (first, second)
    world.assert_rest("churn")


def test_a_rollback_to_nowhere_is_refused_and_says_where_to(world: World) -> None:
    first = world.serve("churn", model())
    world.annotate("churn", rollback="nowhere/1")
    status = world.until_status("churn", lambda status: answer(status, "rollback"), "an answer")
    assert answer(status, "rollback")["result"] == "Refused"
    assert first in answer(status, "rollback")["message"]
    assert serves(status) == first
    world.assert_rest("churn")


def test_a_refresh_makes_a_new_revision_of_the_same_words_once(world: World) -> None:
    first = world.serve("churn", model())
    world.annotate("churn", refresh="now")
    second = world.until(
        lambda: (world.status("churn").get("candidate") or {}).get("revision"), "a candidate"
    )
    world.until(lambda: world.get("Deployment", second), "its Deployment")
    world.ready(second)
    status = world.until_status("churn", lambda status: serves(status) == second, "it serves")
    assert second != first
    assert answer(status, "refresh")["result"] == "Done"
    world.assert_rest("churn")


def test_a_retraining_runs_once_for_each_token(world: World) -> None:
    world.serve("churn", {**model(), "retraining": RETRAINING})
    world.annotate("churn", retrain="one")
    [job] = world.until(lambda: world.children("churn").get("Job"), "a Job")
    world.until_status(
        "churn", lambda status: answer(status, "retrain").get("result") == "Done", "an answer"
    )
    world.run_succeeds(job, '{"version": "2", "image": "churn:2", "metrics": {"auc": 0.9}}')
    status = world.until_status(
        "churn", lambda status: condition(status, "Retrained") == "True", "the result"
    )
    assert status["retraining"]["lastResult"]["image"] == "churn:2"
    assert status["retraining"]["lastResult"]["metrics"] == {"auc": 0.9}
    world.assert_rest("churn")
    world.delete("Job", job)
    world.settle()
    assert "Job" not in world.children("churn"), "a handled token starts nothing again"
    world.annotate("churn", retrain="two")
    [another] = world.until(lambda: world.children("churn").get("Job"), "another Job")
    assert another != job


def test_while_paused_nothing_but_status_is_written(world: World) -> None:
    first = world.serve("churn", model("1"))
    world.apply("churn", {**model("1"), "paused": True})
    world.until_status("churn", lambda status: status["phase"] == "Paused", "the pause")
    since = world.server.moment()
    world.apply("churn", {**model("2"), "paused": True})
    world.patch("PodDisruptionBudget", first, {"spec": {"maxUnavailable": 9}})
    world.annotate("churn", rollback=f"{first}/now")
    world.until_status("churn", lambda status: answer(status, "rollback"), "an answer")
    world.settle()
    assert {one.kind for one in world.writes(since)} <= {"modeldeployments/status"}
    world.assert_rest("churn")
    world.annotate("churn", rollback=None)
    world.apply("churn", model("2"))
    world.until_wanted("churn", "2")
    assert world.the("PodDisruptionBudget", first)["spec"]["maxUnavailable"] == 1


def test_a_restart_writes_nothing(world: World) -> None:
    for name in ("churn", "fraud", "stock"):
        world.serve(name, {**model(), "retraining": {**RETRAINING, "schedule": "@daily"}})
    world.settle()
    since = world.server.moment()
    world.stop_operator()
    world.start_operator()
    world.settle()
    assert world.metric("controller_runtime_reconcile_total") >= 3
    assert [str(one) for one in world.writes(since)] == []


def test_killed_in_the_middle_it_goes_on_where_it_was(world: World) -> None:
    first = world.serve("churn", model("1"))
    world.apply("churn", model("2"))
    world.kill_operator()
    world.start_operator()
    second = world.until_wanted("churn", "2")
    world.ready(second)
    world.kill_operator()
    world.start_operator()
    world.until_status("churn", lambda status: serves(status) == second, "the second serves")
    world.settle()
    assert sorted(world.children("churn")["Deployment"]) == sorted([first, second])
    assert sorted(world.children("churn")["ControllerRevision"]) == sorted([first, second])
    world.assert_rest("churn")


def test_one_in_trouble_does_not_delay_others_and_says_why(world: World) -> None:
    broken = {**RETRAINING, "schedule": "@daily", "timeZone": "Europe/Nowhere"}
    world.apply("broken", {**model(), "retraining": broken})
    status = world.until_status(
        "broken", lambda status: condition(status, "Stalled") == "True", "it stalls"
    )
    assert condition(status, "Stalled", "reason") == "Invalid"
    assert "unknown time zone Europe/Nowhere" in status["message"]
    world.serve("churn", model())
    world.patch("ModelDeployment", "broken", {"spec": {"retraining": {"timeZone": "Etc/UTC"}}})
    world.until_status("broken", lambda status: condition(status, "Stalled") == "False", "mended")
    assert world.get("CronJob", "broken-retrain")


def test_nothing_is_made_for_one_that_was_deleted_meanwhile(world: World) -> None:
    revision = world.serve("churn", model("1"))
    world.stop_operator()
    world.apply("churn", model("2"))
    world.delete("ModelDeployment", "churn")
    since = world.server.moment()
    world.start_operator()
    world.serve("other", model())
    world.settle()
    touched = [one for one in world.writes(since) if not one.name.startswith("other")]
    assert touched == []
    assert world.children("churn")["Deployment"] == [revision], "what is left is the collector's"


def test_one_of_the_same_name_waits_until_the_old_children_are_gone(world: World) -> None:
    revision = world.serve("churn", model())
    world.delete("ModelDeployment", "churn")
    world.apply("churn", model())
    world.settle()
    owner = world.the("ModelDeployment", "churn")["metadata"]["uid"]
    left = world.the("Deployment", revision)
    assert left["metadata"]["ownerReferences"][0]["uid"] != owner, "not taken over"
    for kind, names in world.children("churn").items():  # the garbage collector
        for name in names:
            if world.the(kind, name)["metadata"]["ownerReferences"][0]["uid"] != owner:
                world.delete(kind, name)
    world.until(
        lambda: (
            (found := world.get("Deployment", revision))
            and found["metadata"]["ownerReferences"][0]["uid"] == owner
        ),
        "children of the new one",
    )


def test_what_happens_is_told_in_events(world: World) -> None:
    revision = world.serve("churn", model())

    def told() -> set[str]:
        return {event["reason"] for event in world.kube.all("Event", world.namespace)}

    world.until(lambda: {"RevisionCreated", "Switched", "Ready"} <= told(), "three Events")
    [switched] = [
        event for event in world.kube.all("Event", world.namespace) if event["reason"] == "Switched"
    ]
    assert revision in switched["message"]
    assert switched["involvedObject"]["name"] == "churn"


def test_users_objects_get_no_finalizers_and_no_annotations(world: World) -> None:
    world.serve("churn", model())
    world.settle()
    metadata = world.the("ModelDeployment", "churn")["metadata"]
    assert "finalizers" not in metadata
    assert not metadata.get("annotations")
    assert GROUP not in str(metadata.get("labels"))
