"""Why objectives can never be decided at a target, and how to mend it."""

from typing import Any

import pytest

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.core.experiment.objections import objection
from contender.stats.losses import LOSSES
from tests.unit.core.experiment.cases import ACCURACY, HALF, REVENUE, SHADOW, TARGET, Json, spec

SCORED: Json = {
    "preset": "V1",
    "output": "/label",
    "score": "/p",
    "task": "Binary",
    "positiveClass": "1",
}
NUMBERS: Json = {"preset": "V1", "task": "Regression"}
CLASSES: Json = {"preset": "V1", "task": "Multiclass"}
REPAID: Json = {"name": "repaid", "feedback": "repaid", "loss": "ZeroOne"}


def why(target: Json | None = None, **said: Any) -> str:
    """Return the objection to an Experiment at a target; None takes a field out of its spec."""
    whole = {**TARGET, **(target or {})}
    kept = {key: value for key, value in whole.items() if value is not None}
    return objection(
        ExperimentSpec.model_validate({"target": "churn", **spec(**said)}),
        ModelDeploymentSpec.model_validate(kept),
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({}, {}),
        ({"rows": SCORED}, {"objectives": [{**ACCURACY, "loss": "LogLoss"}]}),
        ({"rows": NUMBERS}, {"objectives": [{**ACCURACY, "loss": "Absolute"}]}),
        ({"rows": CLASSES}, {}),
        ({}, {"objectives": [REVENUE], "steps": [HALF]}),
        ({}, {"objectives": [REPAID], "steps": [SHADOW, HALF]}),
        ({}, {"steps": [{**HALF, "split": {"weights": {"v2": 0}, "shadowOthers": True}}]}),
        ({}, {"steps": [HALF]}),
        # Rewards need no rows.
        ({"rows": None}, {"objectives": [REVENUE], "steps": [HALF]}),
        # What compares nothing needs nothing.
        (
            {"rows": None, "capture": None, "feedback": None},
            {"objectives": None, "steps": [{**HALF, "until": {"requests": 1}}]},
        ),
    ],
)
def test_nothing_is_to_be_said(target: Json, said: Json) -> None:
    assert why(target, **said) == ""


@pytest.mark.parametrize(
    ("target", "said", "message"),
    [
        (
            {"capture": None},
            {},
            "objectives compare what is captured: set spec.capture in the target",
        ),
        (
            {},
            {"objectives": [{**ACCURACY, "feedback": "churn"}]},
            "objective accuracy: the target's spec.feedback declares no churn; declared: churned,"
            " left, paid, repaid",
        ),
        (
            {"feedback": None},
            {},
            "objective accuracy: the target's spec.feedback declares no churned; declared: none",
        ),
        (
            {},
            {"objectives": [{**REVENUE, "loss": "Squared"}], "steps": [HALF]},
            "objective revenue: paid is a reward, of which more is better: leave loss out",
        ),
        (
            {},
            {"objectives": [{"name": "accuracy", "feedback": "churned"}]},
            "objective accuracy: churned is a label: say by loss what a wrong answer costs",
        ),
        (
            {"rows": None},
            {},
            "objective accuracy: what was answered is not known: set spec.rows in the target",
        ),
        (
            {},
            {"objectives": [{**ACCURACY, "loss": "Squared"}]},
            "objective accuracy: Squared does not fit task Binary; fitting: ZeroOne",
        ),
        (
            {"rows": SCORED},
            {"objectives": [{**ACCURACY, "loss": "Squared"}]},
            "objective accuracy: Squared does not fit task Binary; fitting: ZeroOne, Brier,"
            " LogLoss",
        ),
        (
            {"rows": CLASSES},
            {"objectives": [{**ACCURACY, "loss": "Brier"}]},
            "objective accuracy: Brier does not fit task Multiclass; fitting: ZeroOne",
        ),
        (
            {"rows": NUMBERS},
            {},
            "objective accuracy: ZeroOne does not fit task Regression; fitting: Squared, Absolute",
        ),
        (
            {"rows": {"preset": "V1"}},
            {},
            "objective accuracy: what is predicted is not known: set spec.rows.task in the target",
        ),
        (
            {},
            {"objectives": [{**ACCURACY, "loss": "Brier"}]},
            "objective accuracy: Brier needs a probability: say in spec.rows.score of the target"
            " where it is",
        ),
        (
            {},
            {"objectives": [REVENUE]},
            "objective revenue: paid judges only who was served, and no step has both v2 and the"
            " incumbent answer callers: add a split with weights for both",
        ),
        (
            {},
            {"objectives": [REPAID], "names": ("v2", "v3"), "steps": [SHADOW, HALF]},
            "objective repaid: repaid judges only who was served, and no step has both v3 and the"
            " incumbent answer callers: add a split with weights for both",
        ),
        (
            {},
            {
                "objectives": [REVENUE],
                "steps": [{**HALF, "split": {"weights": {"v2": 0}, "shadowOthers": True}}],
            },
            "objective revenue: paid judges only who was served, and no step has both v2 and the"
            " incumbent answer callers: add a split with weights for both",
        ),
        (
            {},
            {"steps": [{**HALF, "split": {"weights": {"v2": 100}}}], "objectives": [REVENUE]},
            "objective revenue: paid judges only who was served, and no step has both v2 and the"
            " incumbent answer callers: add a split with weights for both",
        ),
        (
            {},
            {"names": ("v2", "v3"), "steps": [{**SHADOW, "shadow": {"percents": {"v3": 0}}}]},
            "objective accuracy: no step has both v3 and the incumbent answer requests: add a"
            " shadow, or a split with weights for both",
        ),
        (
            {},
            {"steps": [{**HALF, "split": {"weights": {"v2": 100}}}]},
            "objective accuracy: no step has both v2 and the incumbent answer requests: add a"
            " shadow, or a split with weights for both",
        ),
    ],
)
def test_what_can_never_be_decided(target: Json, said: Json, message: str) -> None:
    assert why(target, **said) == message


def test_the_first_objection_of_several_is_told() -> None:
    objectives = [ACCURACY, {**REVENUE, "feedback": "nothing"}, {**REPAID, "loss": "Brier"}]
    assert why(objectives=objectives).startswith("objective revenue: ")


@pytest.mark.parametrize("loss", [one.name for one in LOSSES])
@pytest.mark.parametrize("rows", [SCORED, NUMBERS, CLASSES, TARGET["rows"]])
def test_of_every_loss_something_is_said_unless_it_fits(loss: str, rows: Json) -> None:
    (kind,) = (one for one in LOSSES if one.name == loss)
    fits = rows["task"] in kind.tasks and ("score" in rows or not kind.needs_score)
    said = why({"rows": rows}, objectives=[{**ACCURACY, "loss": loss}])
    assert (said == "") == fits
