"""Traffic plans that mean nothing are refused."""

import pytest

from contender.router.traffic import Arm, Capture, Traffic, Trial

ONE = Arm("incumbent", "churn-aaaa", "1", 8080)
TWO = Arm("v2", "churn-bbbb", "2", 8080)
THREE = Arm("v3", "churn-cccc", "3", 8080)


@pytest.mark.parametrize(
    ("trial", "why"),
    [
        (Trial((TWO, TWO)), "same name"),
        (Trial((Arm("incumbent", "churn-bbbb", "2", 8080),)), "same name"),
        (Trial((TWO,), weights={"v3": 1}), "no candidates: v3"),
        (Trial((TWO,), shadows={"incumbent": 1}), "no candidates: incumbent"),
        (Trial((TWO,), weights={"v2": 101}), "from 0 to 100"),
        (Trial((TWO,), shadows={"v2": -1}), "from 0 to 100"),
        (Trial((TWO, THREE), weights={"v2": 60, "v3": 50}), "more than 100"),
    ],
)
def test_a_plan_that_means_nothing_is_refused(trial: Trial, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Traffic("churn", "shop", ONE, trial)


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_to_capture_that_means_nothing_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        Traffic("churn", "shop", ONE, capture=Capture("recorder.svc", percent))


def test_in_a_shadow_step_the_incumbent_is_copied_to_who_gets_any() -> None:
    plan = Traffic("churn", "shop", ONE, Trial((TWO, THREE), shadows={"v2": 100, "v3": 0}))
    assert plan.mirrors == {"incumbent": {"v2": 100}}


def test_when_others_are_shadowed_every_arm_is_copied_to_all_others() -> None:
    plan = Traffic("churn", "shop", ONE, Trial((TWO, THREE), weights={"v2": 1}, shadow_others=True))
    assert plan.mirrors == {
        "incumbent": {"v2": 100, "v3": 100},
        "v2": {"incumbent": 100, "v3": 100},
        "v3": {"incumbent": 100, "v2": 100},
    }
