"""What a guardrail says of a candidate, in numbers and in words."""

from math import isclose, log

import pytest

from contender.api.v1alpha1.steps import Guardrail
from contender.core.experiment.guardrails import ALPHA, Epoch, judge

ERRORS = Guardrail(name="errors", metric="ErrorRate", max_ratio=1.5)
BOUND = Guardrail(name="errors", metric="ErrorRate", max=0.05)
BOTH = Guardrail(name="errors", metric="ErrorRate", max_ratio=1.5, max=0.05)
SLOW = Guardrail(name="slow", metric="LatencyAbove", threshold="200ms", max_ratio=2)


def epoch(harmed: int, theirs: int, of: int = 1000, exposure: float = 1.0) -> Epoch:
    return Epoch(harmed, round(of * exposure), theirs, of, exposure)


@pytest.mark.parametrize(
    ("guardrail", "epochs", "breached"),
    [
        (ERRORS, [], False),
        (ERRORS, [epoch(0, 0)], False),
        (ERRORS, [epoch(20, 20)], False),
        (ERRORS, [epoch(10, 20)], False),
        (ERRORS, [epoch(200, 60)], True),
        (ERRORS, [epoch(0, 500), epoch(200, 60)], True),
        (ERRORS, [epoch(15, 50, exposure=0.1)], False),
        (BOUND, [epoch(50, 0)], False),
        (BOUND, [epoch(100, 100)], True),
        (BOTH, [epoch(100, 100)], True),
        (BOTH, [epoch(40, 5)], True),
        (BOTH, [epoch(20, 20)], False),
        (SLOW, [epoch(150, 100)], False),
        (SLOW, [epoch(400, 100)], True),
    ],
)
def test_what_is_breached(guardrail: Guardrail, epochs: list[Epoch], breached: bool) -> None:
    found = judge(guardrail, epochs, tests=1)
    assert found.breached == breached
    assert (found.evidence >= found.needed) == breached


def test_many_guardrails_and_candidates_share_the_level() -> None:
    assert isclose(judge(ERRORS, [], tests=1).needed, log(1 / ALPHA))
    assert isclose(judge(ERRORS, [], tests=6).needed, log(6 / ALPHA))
    assert isclose(judge(BOTH, [], tests=1).needed, log(2 / ALPHA))


@pytest.mark.parametrize(
    ("guardrail", "epochs", "message"),
    [
        (
            ERRORS,
            [],
            "0 of 0 requests answered with errors, the incumbent's 0 of 0; allowed 1.5 x the"
            " incumbent's: nothing was counted yet",
        ),
        (
            BOTH,
            [epoch(3, 2), epoch(4, 2)],
            "7 of 2000 requests (0.35%) answered with errors, the incumbent's 4 of 2000 (0.20%);"
            " allowed 1.5 x the incumbent's and 5.00%: kept so far",
        ),
        (
            SLOW,
            [epoch(400, 100)],
            "400 of 1000 requests (40.00%) took longer than 200ms, the incumbent's 100 of 1000"
            " (10.00%); allowed 2 x the incumbent's: breached",
        ),
    ],
)
def test_what_is_said(guardrail: Guardrail, epochs: list[Epoch], message: str) -> None:
    assert judge(guardrail, epochs, tests=1).message == message
