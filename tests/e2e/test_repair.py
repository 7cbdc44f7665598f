"""What others take away or change comes back, and what is not ours stays as it is."""

from copy import deepcopy

from tests.e2e.kube import Json
from tests.e2e.load import load
from tests.e2e.models import python_job, reporting, result, spec
from tests.e2e.place import PATIENCE, Place, condition

CHILDREN = (
    "ControllerRevision",
    "CronJob",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Service",
)


def test_lost_status_and_lost_children_come_back_and_all_goes_with_the_owner(place: Place) -> None:
    place.apply("model", _full())
    revision = place.until_serving("model", "1")["serving"]["revision"]
    place.annotate("model", retrain="now")
    place.until_status("model", lambda one: one["retraining"].get("lastResult"), "a result")

    before = place.status("model")
    place.patch("ModelDeployment", "model", {"status": None}, part="status")
    place.until(lambda: _timeless(place.status("model")) == _timeless(before), "the same status")

    _misdirect(place, revision)
    with load(place.address("model")):
        _spoil(place, revision)
        _delete_children(place)
    status = place.until_serving("model", "1")
    assert status["serving"]["revision"] == revision
    assert len(place.all("Job")) == 1, "a run that was commanded before ran again"

    place.delete("ModelDeployment", "model")

    def left() -> list[str]:
        kinds = (*CHILDREN, "Job", "Pod", "ReplicaSet")
        return [f"{kind} {one['metadata']['name']}" for kind in kinds for one in place.all(kind)]

    place.until(lambda: not left(), "nothing left of it")


def test_a_service_of_somebody_else_is_left_alone(place: Place) -> None:
    port = {"name": "theirs", "port": 1234, "protocol": "TCP", "targetPort": 1234}
    place.create("Service", "model", spec={"selector": {"app": "theirs"}, "ports": [port]})
    before = place.the("Service", "model")
    place.apply("model", spec("1"))
    status = place.until_status(
        "model", lambda one: condition(one, "Stalled")["status"] == "True", "Stalled"
    )
    assert condition(status, "Stalled")["reason"] == "NameConflict"
    assert "model" in condition(status, "Stalled")["message"]
    assert place.the("Service", "model") == before

    place.delete("Service", "model")
    place.until_serving("model", "1")


def test_paused_nothing_is_written_and_callers_are_answered(place: Place) -> None:
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model")) as callers:
        place.apply("model", {**spec("1"), "paused": True})
        place.until_status("model", lambda one: one["phase"] == "Paused", "Paused")
        place.apply("model", {**spec("2"), "paused": True})
        budget = place.all("PodDisruptionBudget")[0]["metadata"]["name"]
        place.delete("PodDisruptionBudget", budget)
        status = place.until_status("model", lambda one: "spec wants 2" in one["message"], "seen")
        assert (status["phase"], status["serving"]["version"]) == ("Paused", "1")
        assert condition(status, "Available")["status"] == "True"
        assert len(place.all("Deployment")) == 1
        assert place.all("PodDisruptionBudget") == []

        # The annotation goes on holding what spec would release.
        place.annotate("model", paused="true")
        place.apply("model", spec("2"))
        status = place.until_status("model", lambda one: "spec wants 2" in one["message"], "seen")
        assert status["phase"] == "Paused"
        place.annotate("model", paused=None)
        place.until_serving("model", "2")
        callers.until_answered_by("2")
    place.until(lambda: place.all_events("model", "Resumed"), "an event of the end of the pause")


def _full() -> Json:
    """A spec that has every kind of child."""
    job = python_job(reporting(result("7", auc=0.9)))
    return {
        **spec("1", resources={"requests": {"cpu": "100m"}}),
        "scaling": {"maxReplicas": 2, "metrics": [{"type": "CPU", "target": 500}]},
        "retraining": {"schedule": "0 3 * * 0", "job": job},
    }


def _misdirect(place: Place, revision: str) -> None:
    """Have the Service find nobody: callers are refused until the operator puts that right."""
    place.patch("Service", "model", {"spec": {"selector": {"app": "elsewhere"}}})

    def is_right() -> bool:
        selector = place.the("Service", "model")["spec"]["selector"]
        return selector["contender.dev/revision"] == revision and "app" not in selector

    place.until(is_right, "the operator's selector")


def _spoil(place: Place, revision: str) -> None:
    """Change what the operator had written; it puts that right."""
    autoscaler = {"spec": {"maxReplicas": 9, "minReplicas": 2}}
    place.patch("HorizontalPodAutoscaler", revision, autoscaler)
    place.patch("CronJob", "model-retrain", {"spec": {"schedule": "1 1 1 1 *"}})
    place.patch("Deployment", revision, {"spec": {"progressDeadlineSeconds": 77}})

    def is_right() -> bool:
        scaler = place.the("HorizontalPodAutoscaler", revision)["spec"]
        cron = place.the("CronJob", "model-retrain")["spec"]
        deployment = place.the("Deployment", revision)["spec"]
        return (
            (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 2)
            and cron["schedule"] == "0 3 * * 0"
            and deployment["progressDeadlineSeconds"] == 600
        )

    place.until(is_right, "the operator's own fields")


def _delete_children(place: Place) -> None:
    """Delete every child that callers do not depend on at the moment, one kind after the other."""
    for kind in CHILDREN:
        if kind in ("Deployment", "Service"):
            continue  # without them nobody can answer
        for child in place.all(kind):
            name, uid = child["metadata"]["name"], child["metadata"]["uid"]
            place.delete(kind, name)

            def is_back(kind: str = kind, name: str = name, uid: str = uid) -> bool:
                found = place.get(kind, name)
                return found is not None and found["metadata"]["uid"] != uid

            place.until(is_back, f"a new {kind} {name}", PATIENCE)


def _timeless(status: Json) -> Json:
    """Leave out when conditions last changed."""
    bare = deepcopy(status)
    for one in bare.get("conditions") or []:
        one.pop("lastTransitionTime")
    return bare
