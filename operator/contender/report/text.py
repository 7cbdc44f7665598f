"""The report for a terminal."""

from collections.abc import Iterable, Iterator

from contender.api.v1alpha1.experiment_status import Comparison
from contender.report import figures, sketch, told
from contender.report.checking import Check, Result
from contender.report.material import Material, Subject
from contender.report.replay import Curve, Replay, replay

_INDENT = "  "
_WIDTH = max(len(one) for one in Result)


def report(material: Material) -> str:
    """Return what is known of an Experiment.

    Raises:
        Unreadable: a look is none.
    """
    subject, found = material.subject, replay(material)
    sections = [
        [told.who(subject), told.how(subject), told.times(subject)],
        _plan(subject),
        *(_comparison(subject, one, found) for one in subject.status.comparisons or []),
        _section("Decisions", _rulings(found) if told.is_weighed(material) else ()),
        _section("Arms", _table(told.arms(subject))),
        _section("Different answers", told.disagreed(material)),
        _section("Guardrails", _guardrails(subject)),
        _section("Traffic", _table(told.epochs(subject))),
        _section("Not read", material.lacking),
    ]
    return "\n\n".join("\n".join(one) for one in sections if one) + "\n"


def _section(name: str, lines: Iterable[str]) -> list[str]:
    found = [f"{_INDENT}{one}".rstrip() for one in lines]
    return [name, *found] if found else []


def _table(found: told.Table | None) -> list[str]:
    return sketch.table(found) if found else []


def _plan(subject: Subject) -> list[str]:
    plan = subject.status.plan
    lines = [*told.design(subject), *_table(told.planned(subject))]
    return _section(f"Plan {plan.hash}" if plan else "Plan", lines)


def _comparison(subject: Subject, one: Comparison, found: Replay) -> list[str]:
    curve = told.curve_of(found, one)
    lines = [one.message or "nothing is known yet"]
    if levels := told.levels(subject, one):
        lines.append(levels)
        lines.append(f"evidence (ln E) {one.evidence:.2f}, needed {one.needed:.2f}")
    lines += [*told.at_horizon(one)]
    lines += _charts(curve) if curve else []
    return _section(f"Objective {one.about}: {one.candidate} {one.state}", lines)


def _guardrails(subject: Subject) -> Iterator[str]:
    for one in subject.status.guardrails or []:
        state = "breached" if one.breached else "kept"
        evidence = f"evidence (ln E) {one.evidence:.2f}, breached from {one.needed:.2f} on"
        yield f"{one.name}: {one.candidate} {state}; {evidence}"
        yield f"{_INDENT}{one.message}"


def _charts(curve: Curve) -> Iterator[str]:
    yield ""
    drawn = sketch.evidence(curve)
    if drawn:
        enough = [one for one in curve.points if told.is_enough(one)]
        horizon = "; H: the look at the horizon" if any(one.spends for one in enough) else ""
        yield f"Evidence (ln E) over time, by {_looks(len(enough), len(curve.points))}{horizon}"
        yield from drawn
    else:
        yield f"No evidence yet: {told.TOO_LITTLE}"
    drawn = sketch.intervals(curve)
    yield ""
    if drawn:
        yield f"Interval by rows: {told.aimed(curve)} (|)"
        yield from drawn
    else:
        yield "No look knew yet how sure the difference is"


def _looks(enough: int, count: int) -> str:
    """Return how many looks there were, and how many of them saw too little."""
    looks = figures.plural(enough, "look")
    return looks if enough == count else f"{looks}; at {count - enough:,} more {told.TOO_LITTLE}"


def _rulings(found: Replay) -> Iterator[str]:
    for candidate, line, why in told.rulings(found):
        yield f"{candidate}: {line}"
        yield f"{_INDENT}{why}"


def checks(found: Iterable[Check]) -> Iterator[str]:
    """Iterate over the lines that say what was checked."""
    for one in found:
        yield f"{one.result:<{_WIDTH}}  {one.what}"
        if one.result is Result.DIFFERS:
            yield f"{'':<{_WIDTH}}    expected  {one.expected}"
            yield f"{'':<{_WIDTH}}    found     {one.found}"
