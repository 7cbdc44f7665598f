"""Traffic plans of an endpoint with two challengers."""

from typing import Any

from contender.router.traffic import Arm, Traffic, Trial

INCUMBENT = Arm("incumbent", "churn-aaaaaaaa", "1", 8080)
V2 = Arm("v2", "churn-bbbbbbbb", "2", 8080)
V3 = Arm("v3", "churn-cccccccc", "3", 8080)
REVISIONS = (INCUMBENT.revision, V2.revision, V3.revision)

PLAIN = Traffic("churn", "shop", INCUMBENT)


def trial(**step: Any) -> Traffic:
    """Return a plan with a step of an experiment."""
    return Traffic("churn", "shop", INCUMBENT, Trial((V2, V3), salt="one", **step))
