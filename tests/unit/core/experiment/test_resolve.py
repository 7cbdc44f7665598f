"""The hash of a plan: it is another one if anything else is tested, and the same if not."""

import re
from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.experiment_status import PlannedArm
from contender.core.experiment.resolve import CHANGEABLE, plan_hash
from tests.unit.core.experiment.cases import ACCURACY, HALF, TARGET, Json, candidate, spec

SEGMENTS: Json = {
    "segments": [
        {"name": "north", "at": "/region", "values": ["n"]},
        {"name": "south", "at": "/region", "values": ["s"]},
    ]
}
ROWS: Json = {**TARGET["rows"], **SEGMENTS}
INCUMBENT: Json = {
    "name": "incumbent",
    "revision": "churn-1",
    "version": "1",
    "image": "registry/churn:1",
    "model_hash": "h1",
}
V2 = PlannedArm(
    name="v2", revision="churn-2", version="2", image="registry/churn:2", model_hash="h2"
)


def hashed(target: Json | None = None, incumbent: Json | None = None, **said: Any) -> str:
    """Return the hash of a plan in which something is otherwise."""
    wanted = {"target": "churn", **spec(analysis={"segments": ["north"]}), **said}
    return plan_hash(
        ExperimentSpec.model_validate(
            {key: value for key, value in wanted.items() if value is not None}
        ),
        ModelDeploymentSpec.model_validate({**TARGET, "rows": ROWS, **(target or {})}),
        [PlannedArm(**{**INCUMBENT, **(incumbent or {})}), V2],
    )


def feedback(**more: Json) -> Json:
    """Return the target's feedback, with more said of some."""
    return {"feedback": [{**one, **more.get(one["name"], {})} for one in TARGET["feedback"]]}


@pytest.mark.parametrize(
    "same",
    [
        {"incumbent": {"revision": "churn-other"}},  # the same model in other pods
        {"promotion": "Manual"},
        {"promotion": "Recommend"},
        {"paused": True},
        {"objectives": [{**ACCURACY, "goal": "Superior"}]},  # the default
        {"target": {"scaling": {"minReplicas": 3}}},
        {"target": feedback(paid={"delay": "24h"})},
        {"target": {"rows": {**ROWS, "segments": SEGMENTS["segments"][:1]}}},
    ],
    ids=str,
)
def test_what_may_change_meanwhile_is_not_in_it(same: Json) -> None:
    assert hashed(**same) == hashed()


@pytest.mark.parametrize(
    "other",
    [
        {"incumbent": {"version": "9"}},
        {"incumbent": {"image": "registry/other:1"}},
        {"incumbent": {"model_hash": "h9"}},
        {"target": {"rows": {**ROWS, "positiveClass": "0"}}},
        {"target": feedback(churned={"delay": "24h"})},
        {"target": {"rows": {**ROWS, "segments": [{**SEGMENTS["segments"][0], "values": ["x"]}]}}},
        {"candidates": [candidate("v3")]},
        {"steps": [HALF]},
        {"match": {"headers": [{"name": "x-country", "exact": "de"}]}},
        {"stickiness": {"header": "x-user"}},
        {"guardrails": [{"name": "errors", "metric": "ErrorRate", "max": 0.1}]},
        {"objectives": [{**ACCURACY, "margin": 0.01}]},
        {"objectives": [{**ACCURACY, "loss": "Squared"}]},
        {"analysis": {"segments": ["north"], "alpha": 0.1}},
        {"analysis": None},
    ],
    ids=str,
)
def test_what_is_tested_is_in_it(other: Json) -> None:
    assert hashed(**other) != hashed()


def test_without_objectives_the_target_does_not_matter() -> None:
    steps = [{"name": "look", "shadow": {}, "until": {"requests": 10}}]
    plain: Json = {"objectives": None, "analysis": None, "steps": steps}
    assert hashed(**plain) == hashed(target={"rows": None, "feedback": None}, **plain)


def test_all_that_the_api_server_lets_nobody_change_is_in_it_and_nothing_else() -> None:
    extra: Any = ExperimentSpec.model_config["json_schema_extra"]
    fixed = {
        one["fieldPath"].removeprefix(".")
        for one in extra["x-kubernetes-validations"]
        if re.search(r"\boldSelf\b", one["rule"])
    }
    assert fixed == ExperimentSpec.model_fields.keys() - {*CHANGEABLE}
