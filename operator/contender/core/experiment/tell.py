"""Tell: the status of an Experiment, for people and for the next look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contender.api.v1alpha1.experiment_status import (
    ArmStatus,
    GuardrailStatus,
    PlannedArm,
)
from contender.core.conditions import Judgement, set_conditions, truth
from contender.core.experiment import counting, orders, words
from contender.core.experiment.conduct import Conduct
from contender.core.experiment.course import STARTED, Course
from contender.core.experiment.machine import FINAL, Phase
from contender.core.experiment.progress import holds
from contender.core.manifest import parse_time
from contender.core.snapshot import Snapshot
from contender.router.traffic import INCUMBENT

FRESH = timedelta(seconds=10)
"""So often at most are mere counts written."""
_VOLATILE = (
    *("requests", "arms", "guardrails", "comparisons", "look", "epochs", "counters", "countedAt"),
    *("step", "message"),
)
_COUNTS = frozenset(
    {
        *("requests", "errors", "missing", "p50", "p95", "p99", "evidence", "message"),
        *("rows", "incumbent", "challenger", "difference", "low", "high"),
    }
)


@dataclass(frozen=True)
class RouterNews:
    """What an Experiment should know of the routers."""

    waits: str = ""
    """What they wait for; empty when nothing."""
    trouble: str = ""
    """What keeps them from being ready until somebody mends it; empty when nothing."""
    bypass: str = ""
    """Which callers may go past them; empty when none."""


def make_experiment_status(
    snapshot: Snapshot,
    conduct: Conduct,
    course: Course,
    routers: RouterNews,
) -> dict[str, Any]:
    """Return the status of an Experiment.

    Args:
        snapshot: what was seen.
        conduct: all Experiments of the endpoint.
        course: this one.
        routers: what the routers wait for, and who goes past them.
    """
    active = course.phase in STARTED
    status = course.status.model_copy(
        update={
            "observed_generation": course.owner["metadata"].get("generation", 1),
            "arms": _arms(snapshot, conduct, course),
            "guardrails": _guardrails(course) or None,
            "handled": orders.merged(course.status.handled, course.orders, _order_waits(course))
            or None,
        }
    )
    going = active or course.phase == Phase.PENDING
    message = _message(course, routers.waits, snapshot.now) if going else _ended(course)
    challengers = [one for one in status.arms or [] if one.role == "Challenger"]
    told = status.model_copy(
        update={
            "message": message,
            "weight": _weights(challengers),
            "requests": min((one.requests for one in challengers), default=None),
        }
    )
    conditions = set_conditions(
        list((course.owner.get("status") or {}).get("conditions") or []),
        _judge(course, message, routers if active else RouterNews()),
        generation=course.owner["metadata"].get("generation", 1),
        now=snapshot.now,
    )
    shown = told.model_dump(by_alias=True, exclude_none=True, exclude_defaults=False, mode="json")
    return {**_without_empty(shown), "conditions": conditions}


def _weights(challengers: list[ArmStatus]) -> str:
    if len(challengers) == 1:
        return str(challengers[0].weight)
    return ",".join(f"{one.name}:{one.weight}" for one in challengers)


def worth_writing(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a status says something new; mere counts may wait for a while."""
    if before == after:
        return False
    if _essence(before) != _essence(after):
        return True
    counted = before.get("countedAt")
    return not counted or now >= parse_time(counted) + FRESH


def _essence(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of a status without counts."""
    kept = {key: value for key, value in status.items() if key not in _VOLATILE}
    conditions = [
        {key: value for key, value in one.items() if key != "message"}
        for one in status.get("conditions") or []
    ]
    arms = [_bare(one) for one in status.get("arms") or []]
    checks = [
        _bare(one) for told in ("guardrails", "comparisons") for one in status.get(told) or []
    ]
    epochs = [one["traffic"] for one in status.get("epochs") or []]
    step = _bare(status.get("step") or {})
    routers = [one["router"] for one in status.get("counters") or []]
    return {
        **kept,
        "conditions": conditions,
        "told": [arms, checks, epochs, step, routers],
    }


def _bare(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in _COUNTS}


def _without_empty(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value not in ("", [], 0)}


def _arms(snapshot: Snapshot, conduct: Conduct, course: Course) -> list[ArmStatus] | None:
    plan = course.status.plan
    if plan is None:
        return None
    before = {one.name: one for one in course.status.arms or []}
    left = [one.name for one in course.left]
    wish = course.wish
    weights = dict(wish.weights) if wish else {}
    settled = conduct.settled and course is conduct.active
    found: list[ArmStatus] = []
    for one in (plan.incumbent, *plan.candidates):
        known = before.get(one.name)
        is_incumbent = one.name == INCUMBENT
        desired = _desired(course, one.name, weights)
        counted = counting.in_all(course.status, one.name)
        shown = wish.shadows.get(one.name, 0) if wish and not is_incumbent else 0
        if wish and wish.shadow_others and one.name in (*left, INCUMBENT):
            shown = 100 - desired
        over = course.phase not in STARTED
        update: dict[str, Any] = {
            "name": one.name,
            "role": "Incumbent" if is_incumbent else "Challenger",
            "revision": one.revision,
            "version": one.version,
            "ready": snapshot.pods_ready(one.revision),
            "desired_weight": desired,
            "weight": desired if settled or over else _weight(known, is_incumbent=is_incumbent),
            "shadow_percent": shown if settled or over or known is None else known.shadow_percent,
            "requests": counted.requests,
            "errors": counted.errors,
            "missing": counted.missing,
        }
        if conduct.reports and settled:
            times = conduct.reports.latencies(one.name)
            for key, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                update[key] = counting.quantile(times, share)
        if course.phase == Phase.PROMOTED and one.name == course.status.winner:
            update["state"] = "Won"
        found.append((known or ArmStatus.model_validate(update)).model_copy(update=update))
    return found


def _desired(course: Course, arm: str, weights: Mapping[str, int]) -> int:
    if course.phase == Phase.PROMOTED:
        return 100 if arm == course.status.winner else 0
    return 100 - sum(weights.values()) if arm == INCUMBENT else weights.get(arm, 0)


def _weight(known: ArmStatus | None, *, is_incumbent: bool) -> int:
    """Return the weight that was seen last; before the first step everything is the incumbent's."""
    if known is None or known.weight == known.requests == 0:
        return 100 if is_incumbent else 0
    return known.weight


def _guardrails(course: Course) -> list[GuardrailStatus]:
    plan = course.status.plan
    if plan is None:
        return []
    return [
        words.told_guardrail(candidate.name, one)
        for candidate in plan.candidates
        for one in course.findings(candidate.name)
    ]


def _order_waits(course: Course) -> str:
    return "it waits for the start" if course.phase == Phase.PENDING else "about to be carried out"


def _message(course: Course, waits: str, now: datetime) -> str:
    status = course.status
    if course.phase == Phase.PENDING:
        return status.message
    at = status.step
    step = f"step {at.name} ({at.index + 1} of {len(course.spec.steps)})" if at else ""
    if course.phase == Phase.PAUSED:
        return f"{step}: {holds(course, now)}"
    if winner := course.winner:
        return f"{_takes_over(winner)}{course.how_won}"
    parts = [one for one in (at.message if at else "", waits) if one]
    gone = [f"{name} was rejected" for name in course.rejected]
    said = "; ".join(dict.fromkeys([*parts, *gone]))
    return f"{step}: {said}" if said else step


def _takes_over(winner: PlannedArm) -> str:
    return f"{winner.name} (version {winner.version}) takes over as soon as it has the pods"


def _ended(course: Course) -> str:
    if course.phase == Phase.AWAITING_SPEC and (promotion := course.status.promotion):
        winner = course.winner
        version = winner.version if winner else ""
        return (
            f"{course.status.winner} has won{course.how_won}: it serves once the spec of"
            f" ModelDeployment {course.spec.target} names version {version}"
            f" (status.promotion.patch); its pods are kept until {promotion.until}"
        )
    if course.phase == Phase.INCONCLUSIVE and course.winner:
        return f"{_takes_over(course.winner)}{course.how_won}"
    return course.status.verdict.message if course.status.verdict else ""


def _judge(course: Course, message: str, routers: RouterNews) -> list[Judgement]:
    phase, reason = course.phase, course.status.reason or str(course.phase)
    failed = phase == Phase.FAILED
    going = phase in (Phase.PENDING, Phase.RUNNING)
    over = phase in FINAL or phase == Phase.INCONCLUSIVE
    return [
        Judgement(
            "Progressing", truth(phase == Phase.RUNNING), str(phase) if going else reason, message
        ),
        Judgement("Decided", truth(over), reason if over else str(phase), message),
        Judgement(
            "Paused",
            truth(phase == Phase.PAUSED),
            "WaitsForPerson" if phase == Phase.PAUSED else "NotPaused",
            message if phase == Phase.PAUSED else "",
        ),
        Judgement(
            "Bypassed",
            truth(bool(routers.bypass)),
            "OlderConnections" if routers.bypass else "AllThroughRouters",
            routers.bypass,
        ),
        Judgement(
            "Reconciling",
            truth(going and not routers.trouble),
            str(phase),
            message if going else "",
        ),
        Judgement(
            "Stalled",
            truth(failed or bool(routers.trouble)),
            reason if failed else "RouterNotReady" if routers.trouble else "NotStalled",
            message if failed else routers.trouble,
        ),
    ]
