"""Counting: what routers counted, taken over into an Experiment's status.

Routers count from their start on. Status remembers where each counter stood, so that what is
counted while no operator looks is not lost, and nothing is counted twice. Of a router that ended
only what it counted since the last look is lost, of all arms alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from contender.api.v1alpha1.experiment_status import (
    ArmCount,
    Epoch,
    ExperimentStatus,
    RouterCount,
)
from contender.api.v1alpha1.steps import Guardrail
from contender.core.experiment import guardrails
from contender.core.manifest import format_time
from contender.router.figures import Counted, Figures, figures
from contender.router.traffic import Traffic

MOST_EPOCHS = 60
"""Beyond them, neighbours that are alike are added up."""


@dataclass(frozen=True)
class Reports:
    """What all routers say."""

    traffic: Traffic
    """What they all do."""
    hash: str
    """Its hash."""
    by_router: Mapping[str, Mapping[str, Counted]]
    """By process and arm."""

    def latencies(self, arm: str) -> Figures:
        """Return the times of an arm, of all routers together."""
        found = Figures()
        for counted in self.by_router.values():
            if arm in counted:
                found = found + counted[arm].calls + counted[arm].copies
        return found


def read_reports(traffic: Traffic, hashed: str, scrapes: Mapping[str, str]) -> Reports:
    """Read the metrics of all routers."""
    found = {router: figures([scrape], traffic) for router, scrape in scrapes.items()}
    return Reports(traffic, hashed, found)


def count(
    status: ExperimentStatus,
    step: str,
    reports: Reports,
    checks: Sequence[Guardrail],
    now: datetime,
) -> ExperimentStatus:
    """Return the status with what was counted since the last look.

    Args:
        status: as it was written last.
        step: name of the step whose traffic it is.
        reports: what all routers say; they all do the same.
        checks: the guardrails, whose thresholds are counted.
        now: the present moment.
    """
    stood = {
        router: {arm: _count(arm, counted, checks) for arm, counted in arms.items()}
        for router, arms in reports.by_router.items()
    }
    counters = [
        RouterCount(router=router, counts=[*arms.values()])
        for router, arms in sorted(stood.items())
    ]
    epochs = [*(status.epochs or [])]
    if not epochs or (epochs[-1].traffic, epochs[-1].step) != (reports.hash, step):
        fresh = Epoch(
            step=step,
            since=format_time(now),
            traffic=reports.hash,
            shares=shares(reports.traffic),
            counts=[ArmCount(arm=arm.name) for arm in reports.traffic.arms],
        )
        return status.model_copy(
            update={
                "epochs": [*_shortened(epochs), fresh],
                "counters": counters,
                "counted_at": format_time(now),
            }
        )
    before = {
        entry.router: {one.arm: one for one in entry.counts} for entry in status.counters or []
    }
    added = [
        _since(before.get(router, {}).get(arm), one)
        for router, arms in stood.items()
        for arm, one in arms.items()
    ]
    if not any(one.requests or one.missing for one in added):
        return (
            status.model_copy(update={"counters": counters}) if _changed(before, stood) else status
        )
    counts = [
        _sum([one, *(more for more in added if more.arm == one.arm)]) for one in epochs[-1].counts
    ]
    epochs[-1] = epochs[-1].model_copy(update={"counts": counts})
    return status.model_copy(
        update={"epochs": epochs, "counters": counters, "counted_at": format_time(now)}
    )


def _changed(before: Mapping[str, object], stood: Mapping[str, object]) -> bool:
    return before.keys() != stood.keys()


def _shortened(epochs: list[Epoch]) -> list[Epoch]:
    """Add up the two neighbours that are most alike once there are too many: the same step with the
    same shares, else the oldest."""
    if len(epochs) < MOST_EPOCHS:
        return epochs
    same = [
        index
        for index, (one, other) in enumerate(pairwise(epochs))
        if (one.step, one.shares) == (other.step, other.shares)
    ]
    first = same[0] if same else 0
    one, other = epochs[first], epochs[first + 1]
    if not same:
        return [*epochs[1:]]
    counts = [
        _sum([mine, *(more for more in other.counts if more.arm == mine.arm)])
        for mine in one.counts
    ]
    return [*epochs[:first], other.model_copy(update={"counts": counts}), *epochs[first + 2 :]]


def shares(traffic: Traffic) -> dict[str, int]:
    """Return by arm the percent of the requests that it answers or gets copies of."""
    trial = traffic.trial
    if trial is None:
        return {traffic.incumbent.name: 100}
    if trial.shadow_others:
        return {arm.name: 100 for arm in traffic.arms}
    rest = 100 - sum(trial.weights.values())
    found = {traffic.incumbent.name: rest}
    for arm in trial.candidates:
        found[arm.name] = (
            trial.weights.get(arm.name, 0) + trial.shadows.get(arm.name, 0) * rest // 100
        )
    return found


def of_step(status: ExperimentStatus, step: str, arm: str) -> int:
    """Return how many requests and copies of an arm were counted in a step."""
    return sum(
        one.requests
        for epoch in status.epochs or []
        if epoch.step == step
        for one in epoch.counts
        if one.arm == arm
    )


def in_all(status: ExperimentStatus, arm: str) -> ArmCount:
    """Return all that was counted of an arm."""
    found = [one for epoch in status.epochs or [] for one in epoch.counts if one.arm == arm]
    return _sum([ArmCount(arm=arm), *found])


def evidence(
    status: ExperimentStatus, guardrail: Guardrail, candidate: str, incumbent: str
) -> list[guardrails.Epoch]:
    """Return what a guardrail looks at, epoch by epoch."""
    found: list[guardrails.Epoch] = []
    for epoch in status.epochs or []:
        counts = {one.arm: one for one in epoch.counts}
        ours, theirs = counts.get(candidate), counts.get(incumbent)
        share, rest = epoch.shares.get(candidate, 0), epoch.shares.get(incumbent, 0)
        if ours is None or theirs is None or not share:
            continue
        found.append(
            guardrails.Epoch(
                harmed=_harm(ours, guardrail),
                total=ours.requests,
                incumbent_harmed=_harm(theirs, guardrail),
                incumbent_total=theirs.requests,
                # With nobody beside it there is nothing to compare with.
                exposure=share / rest if rest else 0.0,
            )
        )
    return found


def _harm(one: ArmCount, guardrail: Guardrail) -> int:
    harmed = one.slow.get(guardrail.name, 0) if guardrail.threshold else one.errors
    return min(harmed, one.requests)


def _count(arm: str, counted: Counted, checks: Sequence[Guardrail]) -> ArmCount:
    both = counted.calls + counted.copies
    return ArmCount(
        arm=arm,
        requests=both.answered,
        errors=both.errors,
        missing=both.missing,
        slow={
            one.name: both.slower(milliseconds(one.threshold)) for one in checks if one.threshold
        },
    )


def milliseconds(threshold: str) -> float:
    """Return one of the thresholds of the API, such as `200ms` or `2s`, in milliseconds."""
    if threshold.endswith("ms"):
        return float(threshold.removesuffix("ms"))
    return 1000 * float(threshold.removesuffix("s"))


def _since(before: ArmCount | None, now: ArmCount) -> ArmCount:
    """Return what was counted since; all of it when the counters began anew."""
    if before is None or now.requests < before.requests:
        return now
    return ArmCount(
        arm=now.arm,
        requests=now.requests - before.requests,
        errors=max(0, now.errors - before.errors),
        missing=max(0, now.missing - before.missing),
        slow={key: max(0, value - before.slow.get(key, 0)) for key, value in now.slow.items()},
    )


def _sum(counts: Sequence[ArmCount]) -> ArmCount:
    keys = {key for one in counts for key in one.slow}
    return ArmCount(
        arm=counts[0].arm,
        requests=sum(one.requests for one in counts),
        errors=sum(one.errors for one in counts),
        missing=sum(one.missing for one in counts),
        slow={key: sum(one.slow.get(key, 0) for one in counts) for key in sorted(keys)},
    )


def quantile(times: Figures, share: float) -> str:
    """Return the time that this share of the answers keeps, between two bounds of the histogram
    by linear interpolation; empty when nothing is known.

    Args:
        times: what was counted.
        share: such as 0.95.
    """
    if not times.timed:
        return ""
    wanted = share * (times.timed + times.late)
    lower, below = 0.0, 0
    for bound, seen in sorted(times.times.items()):
        if seen >= wanted:
            part = (wanted - below) / (seen - below) if seen > below else 1.0
            return _time(lower + part * (bound - lower))
        lower, below = bound, seen
    return f">{_time(lower)}"


def _time(found: float) -> str:
    if found >= 1000:
        return f"{found / 1000:.1f}s"
    return f"{found:.0f}ms" if found >= 10 else f"{found:.1f}ms"
