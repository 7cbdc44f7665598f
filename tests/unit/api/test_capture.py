"""Capture, rows and feedback as the operator reads them."""

import json
import re

import pytest
from pydantic import ValidationError

from contender.api.crd import structural
from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.capture import (
    DEFAULT_RETENTION_AGE,
    POINTER_PATTERN,
    THRESHOLD_PATTERN,
    Capture,
    Feedback,
    Retention,
    Rows,
)
from contender.core.quantity import parse_quantity

MODEL = {"version": "1", "image": "churn:1"}


def test_absent_means_that_nothing_is_captured() -> None:
    spec = ModelDeploymentSpec.model_validate({"model": MODEL})
    assert (spec.capture, spec.rows, spec.feedback) == (None, None, None)


def test_an_empty_capture_keeps_every_request_for_thirty_days() -> None:
    capture = Capture.model_validate({})
    kept = capture.retention or Retention()
    assert (capture.percent, capture.max_body_bytes) == (100, 65536)
    assert (seconds(kept.age), int(parse_quantity(kept.size))) == (30 * 86400, 10 * 2**30)


def test_what_is_unset_keeps_everything_and_an_empty_list_nothing() -> None:
    assert Capture.model_validate({}).keep is None
    nothing = Capture.model_validate({"keep": []})
    assert nothing.keep == []
    assert nothing.canonical() == {"keep": []}


def test_the_whole_value_is_not_the_same_as_no_pointer() -> None:
    rows = Rows.model_validate({"request": "", "response": ""})
    assert (rows.request, rows.response, rows.output) == ("", "", None)
    assert rows.canonical() == {"request": "", "response": ""}


def test_feedback_is_excluded_when_missing_and_complete_at_once_unless_said() -> None:
    feedback = Feedback.model_validate({"name": "paid", "kind": "Label"})
    assert (feedback.delay, feedback.missing, feedback.depends_on_answer) == (
        "0s",
        "Exclude",
        False,
    )


@pytest.mark.parametrize("text", ["", "/", "/a", "/a/0", "/*/a", "//", "/a~1b/~0", "/ü x"])
def test_a_json_pointer_is_accepted(text: str) -> None:
    assert re.fullmatch(POINTER_PATTERN, text)
    assert Rows.model_validate({"preset": "V1", "entity": text}).entity == text


@pytest.mark.parametrize("text", ["a", "a/b", "$.a", "/a~2b", "/a~", "/~/b", "#/a", "*"])
def test_what_is_no_json_pointer_is_refused(text: str) -> None:
    assert not re.fullmatch(POINTER_PATTERN, text)
    with pytest.raises(ValidationError):
        Rows.model_validate({"preset": "V1", "entity": text})


def test_a_part_of_a_body_is_never_the_whole_body() -> None:
    with pytest.raises(ValidationError):
        Capture.model_validate({"redact": [""]})


@pytest.mark.parametrize("text", ["0", "1", "0.5", "0.123456", "1.0", "1.000000", "0.000000"])
def test_a_threshold_is_a_decimal_from_0_to_1(text: str) -> None:
    assert re.fullmatch(THRESHOLD_PATTERN, text)
    assert 0 <= float(text) <= 1


@pytest.mark.parametrize(
    "text", ["", ".5", "0.", "00.5", "1.1", "1.000001", "2", "-0.1", "5e-1", "0,5", "50%", "nan"]
)
def test_what_is_no_decimal_from_0_to_1_is_no_threshold(text: str) -> None:
    assert not re.fullmatch(THRESHOLD_PATTERN, text)


def test_a_number_is_no_threshold() -> None:
    with pytest.raises(ValidationError):
        Rows.model_validate({"preset": "V1", "score": "", "threshold": 0.5})


def test_the_rule_about_delays_knows_the_default_age() -> None:
    rules = structural(ModelDeploymentSpec)["x-kubernetes-validations"]
    about = [rule for rule in rules if rule.get("fieldPath") == ".capture.retention"]
    assert len(about) == 1
    assert Retention().age == DEFAULT_RETENTION_AGE
    assert f"'{DEFAULT_RETENTION_AGE}'" in json.dumps(about)
