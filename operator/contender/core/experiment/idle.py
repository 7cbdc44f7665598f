"""Idle: the status of Experiments that nothing can be done for."""

from datetime import datetime
from typing import Any

from contender.core.conditions import Judgement, set_conditions, truth
from contender.core.experiment.conduct import Unreadable
from contender.core.experiment.machine import FINAL, Phase
from contender.core.manifest import Manifest, format_time


def unreadable_status(one: Unreadable, now: datetime) -> dict[str, Any]:
    """Return the status of an Experiment that cannot be read: its traffic is the incumbent's."""
    return _plain(one.owner, "InvalidSpec", one.message, now, stalled=True)


def targetless_status(owner: Manifest, now: datetime) -> dict[str, Any]:
    """Return the status of an Experiment whose ModelDeployment is not there."""
    before = owner.get("status") or {}
    target = owner["spec"].get("target", "")
    said = f"ModelDeployment {target} does not exist"
    if before.get("phase", "Pending") == "Pending":
        return _plain(owner, "TargetNotFound", f"{said}: create it, or delete this", now)
    if before["phase"] in {str(phase) for phase in FINAL}:
        return dict(before)
    ended = {
        "phase": str(Phase.SUPERSEDED),
        "reason": "TargetDeleted",
        "verdict": {
            "outcome": str(Phase.SUPERSEDED),
            "reason": "TargetDeleted",
            "message": said,
            "decidedAt": format_time(now),
        },
    }
    told = {**before, **ended}
    told.pop("promotion", None)
    return _with_conditions(owner, told, "TargetDeleted", said, now, stalled=False, over=True)


def _plain(
    owner: Manifest, reason: str, message: str, now: datetime, *, stalled: bool = False
) -> dict[str, Any]:
    before = owner.get("status") or {}
    told = {"phase": "Pending", **before}
    return _with_conditions(owner, told, reason, message, now, stalled=stalled, over=False)


def _with_conditions(
    owner: Manifest,
    told: dict[str, Any],
    reason: str,
    message: str,
    now: datetime,
    *,
    stalled: bool,
    over: bool,
) -> dict[str, Any]:
    generation = owner["metadata"].get("generation", 1)
    judged = [
        Judgement("Progressing", "False", reason, message),
        Judgement("Decided", truth(over), reason, message),
        Judgement("Paused", "False", "NotPaused"),
        Judgement("Bypassed", "False", "AllThroughRouters"),
        Judgement("Reconciling", truth(not (stalled or over)), reason, message),
        Judgement(
            "Stalled",
            truth(stalled),
            reason if stalled else "NotStalled",
            message if stalled else "",
        ),
    ]
    conditions = set_conditions(
        list(told.get("conditions") or []), judged, generation=generation, now=now
    )
    return {
        **told,
        "message": message,
        "observedGeneration": generation,
        "conditions": conditions,
    }
