"""What a report tells, whatever it looks like: sentences and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contender.api.v1alpha1.experiment_status import Comparison
from contender.api.v1alpha1.objectives import Analysis, Objective
from contender.api.v1alpha1.steps import Step
from contender.core.experiment.decisions import TABLE
from contender.core.experiment.machine import Phase
from contender.report import figures
from contender.report.material import Subject
from contender.report.replay import Curve, Replay

NOT_WEIGHED = "its looks were not read, so that there is no chart"


@dataclass(frozen=True)
class Table:
    """A table."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()
    """Columns that hold numbers."""


def table(head: str, rows: Sequence[Sequence[str]], right: str = "") -> Table:
    """Return a table.

    Args:
        head: names of the columns, separated by commas.
        rows: their cells.
        right: names of those that hold numbers.
    """
    columns = tuple(one.strip() for one in head.split(","))
    numbers = frozenset(one.strip() for one in right.split(","))
    return Table(columns, tuple(tuple(row) for row in rows), numbers)


def who(subject: Subject) -> str:
    """Return which Experiment it is."""
    return f"Experiment {subject.namespace}/{subject.name} of ModelDeployment {subject.spec.target}"


def how(subject: Subject) -> str:
    """Return where it stands, or how it ended, and why."""
    status = subject.status
    verdict = status.verdict if status.phase != Phase.AWAITING_SPEC else None
    said = verdict.message if verdict else status.message
    return f"{status.phase}: {said}" if said else status.phase


def times(subject: Subject) -> str:
    """Return when it began and when it was decided."""
    status = subject.status
    told = [f"began {figures.told_moment(status.began_at)}"] if status.began_at else []
    if status.verdict:
        told.append(
            f"decided {figures.told_moment(status.verdict.decided_at)} ({status.verdict.reason})"
        )
    elif status.counted_at:
        told.append(f"counted until {figures.told_moment(status.counted_at)}")
    return ", ".join(told) or "it has not begun yet"


def planned(subject: Subject) -> Table | None:
    """Return who takes part; None before the start."""
    plan = subject.status.plan
    if plan is None:
        return None
    arms = (plan.incumbent, *plan.candidates)
    return table(
        "arm, version, revision, image",
        [(one.name, one.version, one.revision, one.image) for one in arms],
    )


def design(subject: Subject) -> Iterator[str]:
    """Iterate over what is to be found out, and how."""
    spec = subject.spec
    for one in spec.objectives or []:
        yield f"objective {one.name}: {goal(one)}"
    if spec.objectives:
        yield _analysis(spec.analysis or Analysis(), len(spec.candidates))
    yield f"steps: {', '.join(map(_step, spec.steps))}; promotion {spec.promotion}"


def goal(one: Objective) -> str:
    """Return what an objective asks for."""
    what = f"{one.loss} loss by {one.feedback}" if one.loss else f"reward {one.feedback}"
    by = figures.exact(one.loss or "", one.margin)
    if one.goal == "NonInferior":
        return f"{what}, not worse by {by}"
    return f"{what}, better by more than {by}" if one.margin else f"{what}, better"


def _analysis(analysis: Analysis, candidates: int) -> str:
    told = [f"alpha {analysis.alpha:g}"]
    if candidates > 1:
        told.append(f"shared by {candidates} candidates")
    horizon = analysis.horizon
    if horizon:
        ends = [
            f"{horizon.rows:,} rows" if horizon.rows else "",
            horizon.duration or "",
        ]
        told.append(f"horizon {' or '.join(filter(None, ends))}")
    else:
        told.append("no horizon")
    told.append(f"truths for {analysis.min_feedback_coverage:.0%} of the rows needed")
    return f"analysis: {', '.join(told)}"


def _step(step: Step) -> str:
    if step.shadow:
        return f"{step.name} (shadow {step.shadow.percent} %)"
    if step.split:
        shares = " ".join(f"{name} {weight} %" for name, weight in step.split.weights.items())
        return f"{step.name} (split {shares}{' and copies' if step.split.shadow_others else ''})"
    return f"{step.name} (pause)"


def comparisons(subject: Subject) -> Table | None:
    """Return what each objective says of each candidate; None without objectives."""
    found = subject.status.comparisons
    if not found:
        return None
    rows = [
        (
            *(one.objective, one.candidate, f"{one.rows:,}", one.incumbent, one.challenger),
            *(one.difference, f"{one.low} .. {one.high}" if one.low else ""),
            *(f"{one.evidence:.2f}", f"{one.needed:.2f}", one.state),
        )
        for one in found
    ]
    return table(
        "objective, candidate, rows, incumbent, challenger, difference, interval, ln E, needed,"
        " state",
        rows,
        "rows, incumbent, challenger, difference, interval, ln E, needed",
    )


def curve_of(found: Replay, one: Comparison) -> Curve | None:
    """Return what all looks say about what a comparison is about."""
    for curve in found.curves:
        if (curve.objective, curve.candidate) == (one.objective, one.candidate):
            return curve
    return None


def rulings(found: Replay) -> Iterator[tuple[str, str, str]]:
    """Iterate over candidates, the line of the decision table that holds, and why."""
    for one in found.rulings:
        when = one.rule.when if one.rule is not TABLE[-1] else "no other line of the table holds"
        yield one.candidate, f"{one.rule.decision}, {when.replace('`', '')}", one.why


def arms(subject: Subject) -> Table | None:
    """Return what arms have done; None before the start."""
    found = subject.status.arms
    if not found:
        return None
    rows = [
        (
            *(one.name, one.version, f"{one.weight} %", f"{one.shadow_percent} %"),
            *(f"{one.requests:,}", f"{one.errors:,}", _share(one.errors, one.requests)),
            *(f"{one.missing:,}", one.p50 or "-", one.p95 or "-", one.p99 or "-", one.state),
        )
        for one in found
    ]
    return table(
        "arm, version, weight, copies, requests, errors, of them, missing, p50, p95, p99, state",
        rows,
        "weight, copies, requests, errors, of them, missing, p50, p95, p99",
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def guardrails(subject: Subject) -> Table | None:
    """Return what guardrails say of candidates; None without any."""
    found = subject.status.guardrails
    if not found:
        return None
    rows = [
        (
            *(one.name, one.candidate, f"{one.evidence:.2f}", f"{one.needed:.2f}"),
            *("breached" if one.breached else "kept", one.message),
        )
        for one in found
    ]
    return table("guardrail, candidate, ln E, needed, state, counts", rows, "ln E, needed")


def epochs(subject: Subject) -> Table | None:
    """Return what was counted while nothing about the traffic changed; None before the start."""
    found = subject.status.epochs
    if not found:
        return None
    rows = [
        (
            *((one.step, figures.told_moment(one.since)) if not number else ("", "")),
            *(each.arm, f"{one.shares.get(each.arm, 0)} %", f"{each.requests:,}"),
            *(f"{each.errors:,}", f"{each.missing:,}"),
        )
        for one in found
        for number, each in enumerate(one.counts)
    ]
    head = "step, since, arm, share, requests, errors, missing"
    return table(head, rows, "share, requests, errors, missing")


def aimed(curve: Curve) -> str:
    """Return what a chart of intervals shows, and which side of the goal is the good one."""
    unit = " in points" if curve.loss in figures.POINTS else ""
    side = "right" if curve.is_reward else "left"
    what = "reward" if curve.is_reward else f"{curve.loss} loss"
    return (
        f"{what} of {curve.candidate} minus the incumbent's{unit}; better is to the {side} of the"
        f" goal, {figures.exact(curve.loss, curve.goal)}"
    )
