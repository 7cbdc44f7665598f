"""The number of pods follows the load, and settings of scaling never restart a pod."""

from tests.e2e.kube import Json
from tests.e2e.load import load
from tests.e2e.models import spec
from tests.e2e.place import Place


def test_pods_come_with_the_load_and_go_without_it(place: Place) -> None:
    place.apply("model", _scaled(maxReplicas=3))
    revision = place.until_serving("model", "1")["serving"]["revision"]
    with load(place.address("model"), rate=30):
        place.until(lambda: len(place.pods(revision)) == 3, "three pods under load")
        place.until_status("model", lambda one: one["serving"]["ready"] == 3, "three ready pods")
        # An update under load starts with as many pods as the load needs.
        place.apply("model", _scaled("2", maxReplicas=3))
        serving = place.until_serving("model", "2")["serving"]
        assert serving["ready"] == 3
    place.until(lambda: len(place.pods(serving["revision"])) == 1, "one pod without load")


def test_new_limits_reach_the_autoscaler_without_a_rollout(place: Place) -> None:
    place.apply("model", _scaled(maxReplicas=3))
    revision = place.until_serving("model", "1")["serving"]["revision"]
    before = {pod["metadata"]["uid"] for pod in place.pods(revision)}

    place.apply("model", _scaled(minReplicas=2, maxReplicas=5, target=80))

    def limits() -> tuple[int, int, int]:
        found = place.the("HorizontalPodAutoscaler", revision)["spec"]
        target = found["metrics"][0]["containerResource"]["target"]["averageUtilization"]
        return found["minReplicas"], found["maxReplicas"], target

    place.until(lambda: limits() == (2, 5, 80), "the new limits")
    status = place.until_status("model", lambda one: one["serving"]["ready"] == 2, "two pods")
    assert status["serving"]["revision"] == revision
    assert before < {pod["metadata"]["uid"] for pod in place.pods(revision)}
    assert len(place.all("ControllerRevision")) == 1

    # Without metrics the number is fixed and the autoscaler goes.
    place.apply("model", {**spec("1", **_model()), "scaling": {"minReplicas": 1}})
    place.until(lambda: place.get("HorizontalPodAutoscaler", revision) is None, "no autoscaler")
    place.until(lambda: len(place.pods(revision)) == 1, "one pod")


def _model() -> Json:
    resources = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    return {"env": {"BURN_MS": "5"}, "resources": resources}


def _scaled(version: str = "1", *, target: int = 100, **limits: int) -> Json:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 5}}
    metrics = [{"type": "CPU", "target": target}]
    scaling = {**limits, "metrics": metrics, "behavior": behavior}
    return {**spec(version, **_model()), "scaling": scaling}
