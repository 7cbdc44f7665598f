"""From `kubectl apply` to predictions: what a new user does and sees."""

import csv
import json
import math
import subprocess
import sys
from operator import mul
from pathlib import Path

import pytest
import yaml

from dev.cluster.node import Node
from tests.e2e.load import knock, load
from tests.e2e.place import Place, is_true

CHECKOUT = Path(__file__).parents[2]
HELD_OUT = CHECKOUT / "examples" / "breast-cancer" / "held-out.csv"
MODELS = ("breast-cancer", "breast-cancer-go")


@pytest.mark.restricted
def test_the_examples_answer_as_their_models_say_before_and_after_an_update(place: Place) -> None:
    _apply_examples(place, "version-1")
    place.kubectl("wait", "mdep", *MODELS, "--for=condition=Ready", "--timeout=180s")
    for name in MODELS:
        knock(place.address(name))
        assert _predictions(place, name) == _expected("1")

    with load(place.address("breast-cancer")) as callers:
        _apply_examples(place, "version-2")
        place.until_serving("breast-cancer", "2")
        callers.until_answered_by("2")
    assert _predictions(place, "breast-cancer") == _expected("2")
    assert _predictions(place, "breast-cancer-go") == _expected("1")

    _check_columns(place)
    _check_events(place)
    _check_words(place)


def _apply_examples(place: Place, version: str) -> None:
    """Apply the examples as they are, but into the namespace of this test."""
    folder = CHECKOUT / "manifests" / "examples" / version
    documents = [
        document
        for document in yaml.safe_load_all(place.kubectl("kustomize", str(folder)))
        if document["kind"] != "Namespace"
    ]
    for document in documents:
        document["metadata"]["namespace"] = place.namespace
    place.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(documents))


def _predictions(place: Place, name: str) -> list[str]:
    """What examples/predict.py prints for every held-out row."""
    script = str(CHECKOUT / "examples" / "predict.py")
    url = f"http://{place.address(name)}"
    command = [sys.executable, script, url, "--rows", "143"]
    answer = subprocess.run(
        Node().command_inside(command), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()[1:]
    return [" ".join(line.split()[1:5]) for line in lines[: lines.index("")]]


def _expected(version: str) -> list[str]:
    """What the model says by plain arithmetic: label, predicted label, probability, version."""
    folder = HELD_OUT.parent
    model = json.loads((folder / f"model-{version}.json").read_text())
    expected: list[str] = []
    for line in list(csv.reader(HELD_OUT.read_text().splitlines()))[1:]:
        *row, label = map(float, line)
        sum_ = model["intercept"] + sum(map(mul, model["coef"], row))
        p = 1 / (1 + math.exp(-sum_))
        expected.append(f"{label:.0f} {int(p >= 0.5)} {p:.3f} {version}")
    return expected


def _check_columns(place: Place) -> None:
    header, *rows = place.kubectl("get", "mdep").splitlines()
    names = "NAME READY PHASE SERVING CANDIDATE WEIGHT REPLICAS REASON AGE"
    assert header.split() == names.split()
    assert [row.split()[:-1] for row in rows] == [
        ["breast-cancer", "True", "Ready", "2", "1", "Ready"],
        ["breast-cancer-go", "True", "Ready", "1", "1", "Ready"],
    ]
    wide = place.kubectl("get", "modeldeployments", "-o", "wide")
    assert f"http://breast-cancer.{place.namespace}.svc" in wide
    assert "serving 2" in wide
    named = place.kubectl("get", "contender", "-o", "name").splitlines()
    assert named == [f"modeldeployment.contender.dev/{name}" for name in MODELS]


def _check_events(place: Place) -> None:
    def told() -> set[tuple[str, str]] | None:
        events = place.all_events("breast-cancer")
        reasons = {event["reason"] for event in events}
        wanted = {"RevisionCreated", "Switched", "Ready"}
        return {(event["type"], event["reason"]) for event in events} if wanted <= reasons else None

    assert {kind for kind, _ in place.until(told, "the events of an update")} == {"Normal"}
    messages = [
        event["message"]
        for event in place.all_events("breast-cancer")
        if event["reason"] == "Switched"
    ]
    assert any("(version 2) serves callers in place of" in message for message in messages)


def _check_words(place: Place) -> None:
    explained = place.kubectl("explain", "mdep.spec.model.warmup")
    assert "minReady" in explained
    assert "Successful readiness answers in a row" in explained
    described = place.kubectl("describe", "mdep/breast-cancer")
    assert "Switched" in described
    assert is_true(place.status("breast-cancer"), "Available")
