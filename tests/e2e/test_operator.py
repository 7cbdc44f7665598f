"""The operator itself comes and goes: callers never notice, and an upgrade restarts no model."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.paths import CHECKOUT, KUBECONFIG
from tests.e2e.experiments import ERRORS, Experiment, candidate, shadow, split, until_bare
from tests.e2e.kube import Json, Kube
from tests.e2e.load import load
from tests.e2e.models import spec
from tests.e2e.place import Place

SYSTEM, OPERATOR = "contender-system", "contender-operator"


@pytest.mark.alone
def test_it_may_be_killed_at_any_moment_of_an_update(place: Place, kube: Kube) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model"), rate=50) as callers:
        for version in ("2", "3", "4"):
            place.apply("model", spec(version))
            for _ in range(2):
                time.sleep(chance.uniform(0, 4))
                _kill(kube)
            place.until_serving("model", version)
            callers.until_answered_by(version)
    served = [one["version"] for one in place.status("model")["revisions"]]
    assert served == ["4", "3", "2", "1"]


@pytest.mark.alone
def test_it_may_be_killed_in_every_step_of_an_experiment(place: Place, kube: Kube) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    place.apply("model", {**spec("1"), "promotion": {"follow": "Winner"}})
    place.until_serving("model", "1")
    with load(place.address("model"), rate=50) as callers:
        experiment = Experiment(
            place,
            "v2",
            candidates=[candidate("v2", "2")],
            steps=[
                shadow(until={"atLeast": "10s", "requests": 100}),
                split("canary", {"v2": 10}, shadowOthers=True),
                split("half", {"v2": 50}),
            ],
            guardrails=[ERRORS],
            promotion="Automatic",
        )
        for step in ("look", "canary", "half"):
            time.sleep(chance.uniform(0, 3))
            _kill(kube)
            experiment.until_step(step)
        _kill(kube)
        status = experiment.until_phase("Promoted")
        callers.until_answered_by("2")
        until_bare(place)
    assert [one["errors"] for one in status["arms"]] == [0, 0]


@pytest.mark.alone
def test_an_abort_is_obeyed_that_was_given_while_it_was_away(place: Place, kube: Kube) -> None:
    place.apply("model", spec("1"))
    place.until_serving("model", "1")
    with load(place.address("model"), rate=50):
        steps = [split("half", {"v2": 50}, until={"atLeast": "1h"})]
        experiment = Experiment(place, "v2", candidates=[candidate("v2", "2")], steps=steps)
        experiment.until_step("half")
        with _no_operator(kube, place):
            experiment.order(abort="1", promote="v2/1")
        experiment.until_phase("Aborted")
        until_bare(place)


@pytest.mark.alone
def test_another_renderer_restarts_no_pod_until_a_refresh(
    place: Place, kube: Kube, tmp_path: Path
) -> None:
    place.apply("model", spec("1"))
    status = place.until_serving("model", "1")
    revision = status["serving"]["revision"]
    before = {pod["metadata"]["uid"] for pod in place.pods(revision)}
    with _no_operator(kube, place), _changed_operator(tmp_path, place.namespace):
        # Shown by an answer that only a running operator gives.
        place.annotate("model", rollback="nowhere/1")
        place.until_status("model", lambda one: one.get("handled"), "the other operator's answer")
        place.annotate("model", rollback=None)
        place.patch("Deployment", revision, {"spec": {"progressDeadlineSeconds": 77}})
        place.until(
            lambda: place.the("Deployment", revision)["spec"]["progressDeadlineSeconds"] == 600,
            "a repair to what was recorded",
        )
        assert {pod["metadata"]["uid"] for pod in place.pods(revision)} == before
        assert len(place.all("ControllerRevision")) == 1

        with load(place.address("model")):
            place.annotate("model", refresh="1")
            status = place.until_status(
                "model", lambda one: one["serving"]["revision"] != revision, "a new revision"
            )
        refreshed = status["serving"]["revision"]
        probe = place.pods(refreshed)[0]["spec"]["containers"][0]["lifecycle"]["preStop"]
        assert probe == {"sleep": {"seconds": 6}}
        records = {one["metadata"]["name"]: one for one in place.all("ControllerRevision")}
        assert records[revision]["data"]["renderer"] != records[refreshed]["data"]["renderer"]
    # The older operator leaves alone what the newer one made.
    place.until_serving("model", "1")
    assert place.status("model")["serving"]["revision"] == refreshed


def _pods(kube: Kube) -> list[Json]:
    return kube.all("Pod", SYSTEM, labelSelector=f"app.kubernetes.io/name={OPERATOR}")


def _kill(kube: Kube) -> None:
    for pod in _pods(kube):
        kube.delete("Pod", pod["metadata"]["name"], SYSTEM, seconds=0)


@contextmanager
def _no_operator(kube: Kube, place: Place) -> Iterator[None]:
    """Stop the operator of the cluster for a while."""
    kube.patch("Deployment", OPERATOR, SYSTEM, {"spec": {"replicas": 0}})
    try:
        place.until(lambda: not _pods(kube), "no operator")
        yield
    finally:
        kube.patch("Deployment", OPERATOR, SYSTEM, {"spec": {"replicas": 1}})
        place.until(lambda: _ready(kube), "the operator again")


def _ready(kube: Kube) -> bool:
    found = kube.get("Deployment", OPERATOR, SYSTEM)
    return found is not None and found["status"].get("readyReplicas", 0) == 1


@contextmanager
def _changed_operator(folder: Path, namespace: str) -> Iterator[None]:
    """Run an operator on this machine whose renderer is another one."""
    shutil.copytree(CHECKOUT / "operator" / "contender", folder / "contender")
    template = folder / "contender" / "core" / "template.py"
    text = template.read_text()
    for old, new in (
        ('RENDERER = "1"', 'RENDERER = "changed"'),
        ("ENDPOINT_REMOVAL_SECONDS = 5", "ENDPOINT_REMOVAL_SECONDS = 6"),
    ):
        assert old in text
        text = text.replace(old, new)
    template.write_text(text)
    arguments = ["operator", "--namespace", namespace, "--host", "127.0.0.1", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "KUBECONFIG": str(KUBECONFIG)}
    log = folder / "operator.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "contender", *arguments],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        print(log.read_text()[-5000:])
