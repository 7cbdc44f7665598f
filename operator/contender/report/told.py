"""What a report tells, whatever it looks like: sentences and tables."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contender.api.v1alpha1.experiment_status import Comparison
from contender.api.v1alpha1.objectives import Analysis, Objective
from contender.api.v1alpha1.steps import Step
from contender.core.experiment.decisions import TABLE
from contender.core.experiment.machine import Phase
from contender.report import figures
from contender.report.material import Material, Subject
from contender.report.replay import Curve, Point, Replay
from contender.report.shares import Share, shares

TOO_LITTLE = "too little was seen to decide anything"
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
        told.append(f"decided {_until(subject)} ({status.verdict.reason})")
    elif status.counted_at:
        told.append(f"counted until {_until(subject)}")
    return ", ".join(told) or "it has not begun yet"


def end_of(subject: Subject) -> str | None:
    """Return until when is told: when it was decided, or else when it was counted last."""
    status = subject.status
    return status.verdict.decided_at if status.verdict else status.counted_at


def _until(subject: Subject) -> str:
    began, end = subject.status.began_at, end_of(subject)
    after = f", {figures.between(began, end)} later" if began and end else ""
    return f"{figures.told_moment(end)}{after}"


def summary(subject: Subject) -> Iterator[str]:
    """Iterate over the sentences that a verdict rests on, unless it says them itself: all
    objectives, breached guardrails."""
    said = how(subject)
    for one in subject.status.comparisons or []:
        if one.message and one.message not in said:
            yield f"{one.about}: {one.message}"
    for guardrail in subject.status.guardrails or []:
        if guardrail.breached and guardrail.message not in said:
            yield f"guardrail {guardrail.name}: {guardrail.candidate}: {guardrail.message}"


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
        copies = ", copies to the others" if step.split.shadow_others else ""
        return f"{step.name} (split {shares}{copies})"
    return f"{step.name} (pause)"


def comparisons(subject: Subject) -> Table | None:
    """Return what each objective says of each candidate; None without objectives."""
    found = subject.status.comparisons
    if not found:
        return None
    rows = [
        (
            *(one.about, one.candidate, f"{one.rows:,}", *_means(subject, one)),
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


def _means(subject: Subject, one: Comparison) -> tuple[str, str, str, str]:
    """Return means of the incumbent and the candidate, their difference, and its interval."""
    loss = loss_of(subject, one)
    means = [figures.mean(loss, float(each)) for each in (one.incumbent, one.challenger) if each]
    if not (one.low and len(means) == 2):
        return "", "", "", ""
    low, high = (figures.amount(loss, float(end)) for end in (one.low, one.high))
    interval = f"{low.removesuffix(' points')} .. {high}"
    return means[0], means[1], figures.amount(loss, float(one.difference)), interval


def loss_of(subject: Subject, one: Comparison) -> str:
    """Return the loss that a comparison is about; empty: a reward."""
    objectives = subject.spec.objectives or []
    return next((each.loss or "" for each in objectives if each.name == one.objective), "")


def levels(subject: Subject, one: Comparison) -> str:
    """Return how both arms do; empty: nobody knows yet."""
    loss = loss_of(subject, one)
    incumbent, challenger, _, _ = _means(subject, one)
    if not incumbent:
        return ""
    if loss in figures.POINTS:
        return f"{one.candidate} errs in {challenger} of the rows, the incumbent in {incumbent}"
    what = f"{loss} loss" if loss else "reward"
    return f"mean {what} of {one.candidate} {challenger}, of the incumbent {incumbent}"


def at_horizon(one: Comparison) -> Iterator[str]:
    """Iterate over what became of the one look at the horizon, if it is over."""
    if one.spent and one.state in ("Reached", "Missed") and one.evidence < one.needed:
        yield "decided by the look at the horizon, by an interval of its own, which is narrower"
    elif one.spent:
        yield "the look at the horizon is over"


def is_weighed(material: Material) -> bool:
    """Return whether all looks that were weighed are known, or none is needed: else nobody can say
    what they led to."""
    subject = material.subject
    return not subject.spec.objectives or len(material.looks) >= subject.status.look


def is_enough(point: Point) -> bool:
    """Return whether so much was seen by a look that anything might be decided: before, there is no
    evidence."""
    return point.evidence != 0


def disagreed(material: Material) -> Iterator[str]:
    """Iterate over sentences that say how often candidates and incumbent gave different answers."""
    counts: dict[str, Counter[str]] = {}
    for one in material.looks[-1]["pairs"] if material.looks else ():
        counts.setdefault(str(one["arm"]), Counter()).update(one.get("counts") or {})
    for name in material.subject.arms[1:]:
        one = counts.get(name, Counter())
        both = one["agree"] + one["disagree"]
        if both:
            yield (
                f"{name} answered {one['disagree']:,} of {both:,} rows otherwise than the incumbent"
                f" ({one['disagree'] / both:.2%})"
            )


def curve_of(found: Replay, one: Comparison) -> Curve | None:
    """Return what all looks say about what a comparison is about."""
    for curve in found.curves:
        if (curve.objective, curve.candidate, curve.segment) == one.key:
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
    ends = [*(one.since for one in found[1:]), end_of(subject)]
    rows = []
    for one, end in zip(found, ends, strict=True):
        parts = shares(subject.spec, one)
        when = (one.step, figures.told_moment(one.since), _lasted(one.since, end))
        for number, each in enumerate(one.counts):
            part = parts.get(each.arm, Share(0, 0))
            rows.append(
                (
                    *(("", "", "") if number else when),
                    *(each.arm, f"{part.answers} %", f"{part.copies} %"),
                    *(f"{each.requests:,}", f"{each.errors:,}", f"{each.missing:,}"),
                )
            )
    head = "step, since, lasted, arm, answers, copies, requests, errors, missing"
    return table(head, rows, "lasted, answers, copies, requests, errors, missing")


def _lasted(since: str, end: str | None) -> str:
    return figures.between(since, end) if end else "-"


def aimed(curve: Curve, less: str = "to the left of", more: str = "to the right of") -> str:
    """Return what a chart of intervals shows, and which side of the goal is the good one.

    Args:
        curve: what is shown.
        less: where smaller numbers are.
        more: where larger ones are.
    """
    unit = " in points" if curve.loss in figures.POINTS else ""
    what = "reward" if curve.is_reward else f"{curve.loss} loss"
    return (
        f"{what} of {curve.candidate} minus the incumbent's{unit}; better is"
        f" {more if curve.is_reward else less} the goal, {figures.exact(curve.loss, curve.goal)}"
    )
