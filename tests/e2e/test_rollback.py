"""Back to an earlier revision, and held there until Git says something new."""

from collections.abc import Callable

from tests.e2e.kube import Json
from tests.e2e.load import load
from tests.e2e.models import spec
from tests.e2e.place import Place, condition


def test_a_rollback_holds_while_the_same_spec_is_applied_again(place: Place) -> None:
    first = place.apply("model", spec("1"))
    old = place.until_serving("model", "1")["serving"]["revision"]
    with load(place.address("model")) as callers:
        place.apply("model", spec("2"))
        place.until_serving("model", "2")
        callers.until_answered_by("2")

        place.annotate("model", rollback=f"{old}/1")
        status = place.until_serving("model", "1")
        assert status["serving"]["revision"] == old
        assert condition(status, "Ready")["reason"] == "RolledBack"
        assert "held until spec changes" in status["message"]
        assert status["handled"] == [{"command": "rollback", "token": f"{old}/1", "result": "Done"}]

        # As Argo CD does, and with a change that is no new revision.
        for minimum in (1, 1, 2):
            place.apply("model", {**spec("2"), "scaling": {"minReplicas": minimum}})
            place.until_status("model", _is_ready_with(minimum), f"{minimum} pods ready")
            serving = place.status("model")["serving"]
            assert serving["revision"] == old

        unknown = "nowhere/1"
        place.annotate("model", rollback=unknown)
        status = place.until_status("model", lambda one: _refused(one, unknown), "a refusal")
        assert old in status["handled"][0]["message"]
        assert status["serving"]["revision"] == old

        place.apply("model", spec("3"))
        status = place.until_serving("model", "3")
        assert condition(status, "Ready")["reason"] == "Ready"
        callers.until_answered_by("3")
    assert first["metadata"]["uid"] == place.the("ModelDeployment", "model")["metadata"]["uid"]


def _is_ready_with(pods: int) -> Callable[[Json], bool]:
    def holds(status: Json) -> bool:
        ready = status["serving"]["ready"] == pods
        return ready and condition(status, "Ready")["status"] == "True"

    return holds


def _refused(status: Json, token: str) -> bool:
    answers = {(one["token"], one["result"]) for one in status.get("handled") or []}
    return (token, "Refused") in answers
