"""Traffic plans of an endpoint with two challengers."""

from dataclasses import replace
from typing import Any

from contender.router.traffic import Arm, Capture, Traffic, Trial

RECORDER = "contender-recorder"
RECORDER_HOST = f"{RECORDER}.contender-system.svc"

INCUMBENT = Arm("incumbent", "churn-aaaaaaaa", "1", 8080)
V2 = Arm("v2", "churn-bbbbbbbb", "2", 8080)
V3 = Arm("v3", "churn-cccccccc", "3", 8080)
REVISIONS = (INCUMBENT.revision, V2.revision, V3.revision)

PLAIN = Traffic("churn", "shop", INCUMBENT)


def trial(**step: Any) -> Traffic:
    """Return a plan with a step of an experiment."""
    return Traffic("churn", "shop", INCUMBENT, Trial((V2, V3), salt="one", **step))


def captured(plan: Traffic, percent: int = 100, most: int = 65536) -> Traffic:
    """Return a plan that tells the recorder what is asked and answered."""
    return replace(plan, capture=Capture(RECORDER_HOST, percent, most))
