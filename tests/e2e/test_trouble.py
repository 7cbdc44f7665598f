"""A bad new version: the old one goes on serving, status says why, and a mended spec goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.load import load
from tests.e2e.models import PYTHON, spec
from tests.e2e.place import Place, condition

Json = dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """A way in which a new version cannot start."""

    reason: str
    says: str
    """A part of the sentence in status."""
    stalls: bool
    """Whether waiting is known to be in vain."""
    spoil: Callable[[Json], object]
    extra: dict[str, Any] = field(default_factory=lambda: {})
    """An object to make first."""


CASES = {
    "its image does not exist": Bad(
        "ImagePullBackOff",
        "container model: ",
        stalls=True,
        spoil=lambda spec: spec["model"].update(image="registry.invalid/none:1"),
    ),
    "it crashes": Bad(
        "CrashLoopBackOff",
        "container model exits with code 1: no weights at /model",
        stalls=True,
        spoil=lambda spec: spec["model"].update(
            command=[PYTHON, "-c", "raise SystemExit('no weights at /model')"]
        ),
    ),
    "its probe fails": Bad(
        "ProbeFailing",
        "HTTP probe failed with statuscode: 404",
        stalls=False,
        spoil=lambda spec: spec["model"]["probes"].update(path="/nowhere"),
    ),
    "the quota is used up": Bad(
        "FailedCreate",
        "exceeded quota: no-accelerators",
        stalls=True,
        spoil=lambda spec: spec["model"].update(
            resources={"requests": {"cpu": "10m"}, "limits": {"example.com/accelerator": 1}}
        ),
        extra={
            "kind": "ResourceQuota",
            "name": "no-accelerators",
            "spec": {"hard": {"requests.example.com/accelerator": "0"}},
        },
    ),
    "no node fits": Bad(
        "Unschedulable",
        "node(s) didn't match Pod's node affinity/selector",
        stalls=False,
        spoil=lambda spec: spec.update(pod={"nodeSelector": {"accelerator": "none-has-it"}}),
    ),
    "its ConfigMap is missing": Bad(
        "CreateContainerConfigError",
        'configmap "nobody-made-it" not found',
        stalls=True,
        spoil=lambda spec: spec["model"].update(
            envFrom=[{"configMapRef": {"name": "nobody-made-it"}}]
        ),
    ),
    "its account is not allowed": Bad(
        "ServiceAccountNotAllowed",
        "service account 'default' does not exist or does not carry the annotation",
        stalls=True,
        spoil=lambda spec: spec.update(pod={"serviceAccountName": "default"}),
    ),
}


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES.keys())
def test_the_old_version_serves_on_while_the_new_one_cannot(place: Place, bad: Bad) -> None:
    if bad.extra:
        place.create(**bad.extra)
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model")) as callers:
        spoiled = spec("2")
        bad.spoil(spoiled)
        place.apply("model", spoiled)
        sentence = f"serving 1; spec wants 2: {bad.reason}: "

        def told(status: Json) -> bool:
            message = condition(status, "Ready").get("message", "")
            return message.startswith(sentence) and bad.says in message

        status = place.until_status("model", told, f"{sentence!r} ... {bad.says!r}")
        ready, stalled = condition(status, "Ready"), condition(status, "Stalled")
        assert ready["status"] == "False"
        assert status["message"] == ready["message"]
        assert status["serving"]["version"] == "1"
        assert condition(status, "Available")["status"] == "True"
        if bad.stalls:
            assert (stalled["status"], stalled["reason"]) == ("True", bad.reason)
            assert ready["reason"] == bad.reason
            assert bad.says in stalled["message"]
            assert status["phase"] == "Stalled"
        else:
            assert stalled["status"] == "False"
            assert condition(status, "Reconciling")["status"] == "True"
            assert status["phase"] == "Updating"

        place.apply("model", spec("3"))
        status = place.until_serving("model", "3")
        assert condition(status, "Stalled")["status"] == "False"
        callers.until_answered_by("3")
        assert callers.versions == {"1", "3"}
