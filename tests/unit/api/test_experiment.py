"""The spec of an Experiment as a schema that Kubernetes accepts."""

import json

from contender.api.crd import structural
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.steps import THRESHOLDS_MS

UNKNOWN_TO_KUBERNETES = ("patternProperties", "exclusiveMinimum", "exclusiveMaximum", "$ref")


def test_the_schema_is_structural() -> None:
    text = json.dumps(structural(ExperimentSpec))
    assert [word for word in UNKNOWN_TO_KUBERNETES if word in text] == []


def test_thresholds_are_durations_of_the_routers_buckets() -> None:
    schema = structural(ExperimentSpec)
    guardrail = schema["properties"]["guardrails"]["items"]["properties"]
    names = guardrail["threshold"]["enum"]
    assert len(names) == len(THRESHOLDS_MS)
    whole = [(name, one) for name, one in zip(names, THRESHOLDS_MS, strict=True) if one % 1000 == 0]
    assert all(seconds(name) * 1000 == one for name, one in whole)
    assert {name for name, _ in whole} == {name for name in names if not name.endswith("ms")}
