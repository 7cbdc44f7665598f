"""The report for a terminal."""

from collections.abc import Iterable, Iterator

from contender.api.v1alpha1.experiment_status import Comparison
from contender.report import sketch, told
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
        *(_comparison(one, found) for one in subject.status.comparisons or []),
        _section("Decisions", _rulings(found)),
        _section("Arms", _table(told.arms(subject))),
        _section("Guardrails", _table(told.guardrails(subject))),
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


def _comparison(one: Comparison, found: Replay) -> list[str]:
    curve = told.curve_of(found, one)
    lines = [one.message or "nothing is known yet"]
    if one.low:
        lines.append(
            f"{one.candidate} {one.challenger}, the incumbent {one.incumbent}; difference"
            f" {one.difference}, interval {one.low} .. {one.high}"
        )
        spent = "; the look at the horizon is spent" if one.spent else ""
        lines.append(f"evidence (ln E) {one.evidence:.2f}, needed {one.needed:.2f}{spent}")
    lines += _charts(curve) if curve else []
    return _section(f"Objective {one.objective}: {one.candidate} {one.state}", lines)


def _charts(curve: Curve) -> Iterator[str]:
    yield ""
    horizon = "; H: the look at the horizon" if any(one.spends for one in curve.points) else ""
    yield f"Evidence (ln E) over time, by {len(curve.points)} looks{horizon}"
    yield from sketch.evidence(curve)
    drawn = sketch.intervals(curve)
    yield ""
    if drawn:
        yield f"Interval by rows: {told.aimed(curve)} (|)"
        yield from drawn
    else:
        yield "No look knew yet how sure the difference is"


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
