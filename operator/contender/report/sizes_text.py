"""How many rows an Experiment needs, for a terminal and for machines."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from contender.report import figures, sketch, told
from contender.report.material import Json
from contender.report.sizes import Need, Question, Size, Suggestion

_INDENT = "  "


def forecast(
    question: Question,
    found: Sequence[Size],
    suggested: Suggestion | None,
    assumptions: Sequence[str],
) -> str:
    """Return what effects take, as text.

    Args:
        question: what is to be found out.
        found: what effects take.
        suggested: what may be written into a spec.
        assumptions: what is not known, and what is taken in its place.
    """
    lines = [*_about(question), "", *_sizes(question, found)]
    if assumptions:
        lines += ["", "Assumed", *(f"{_INDENT}{one}" for one in assumptions)]
    return "\n".join([*lines, "", *_suggested(question, suggested)]) + "\n"


def _about(question: Question) -> Iterator[str]:
    what = "reward" if question.loss == "Value" else f"{question.loss} loss"
    how = (
        "in pairs: both arms answer the same rows"
        if question.split is None
        else f"in a split: {_percent(question.split)} of the rows of both arms are the candidate's"
    )
    goal = (
        f"not worse by {figures.exact(question.loss, question.margin)}"
        if question.goal == "NonInferior"
        else f"better by more than {figures.exact(question.loss, question.margin)}"
        if question.margin
        else "better"
    )
    name = f"objective {question.name}: " if question.name else ""
    yield f"{name}{what}, {goal}, {how}"
    shared = f", shared by {question.candidates} candidates" if question.candidates > 1 else ""
    yield f"alpha {question.alpha:g}{shared}, power {_percent(question.power)}"
    yield ", ".join(_known(question))


def _known(question: Question) -> Iterator[str]:
    if question.is_share and question.share is not None:
        verb = "earns in" if question.loss == "Value" else "errs in"
        yield f"the incumbent {verb} {_percent(question.share)} of the rows"
    elif question.variance is not None:
        of = "the difference in a row" if question.split is None else "a row"
        yield f"variance of {of} {figures.number(question.variance)}"
    if question.discordant is not None and question.split is None:
        yield f"arms disagree on {_percent(question.discordant)} of them"
    if question.rate:
        part = f", of which {_percent(question.part)} are compared" if question.part < 1 else ""
        yield f"{question.rate:.3g} requests/s{part}"
    each = question.rows_per_request
    yield "one row a request" if each == 1 else f"{each:.3g} rows a request"
    if question.icc:
        yield f"intra-class correlation {question.icc:g}"
    when = f"after {figures.span(question.delay)}" if question.delay else "at once"
    yield f"a truth for {_percent(question.labelled)} of them {when}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


_HEAD = ("better by", "rows", "requests", "time", "rows", "requests", "time", "rows")
_GROUPS = (("looking always", 3), ("with a horizon", 3), ("looking once", 1))
"""Names of what stands beside each other in the table, and of how many columns."""


def _sizes(question: Question, found: Sequence[Size]) -> Iterator[str]:
    rows = [(figures.exact(question.loss, one.gain), *_cells(one)) for one in found if not one.why]
    if rows:
        drawn = told.Table(_HEAD, tuple(rows), frozenset(_HEAD))
        wide = sketch.widths(drawn)
        line, at = " " * wide[0], 1
        for name, columns in _GROUPS:
            line += f"  {name:>{sum(wide[at : at + columns]) + 2 * (columns - 1)}}"
            at += columns
        yield line
        yield from sketch.table(drawn)
    for one in found:
        if one.why:
            yield f"better by {figures.exact(question.loss, one.gain)}: {one.why}"


def _cells(one: Size) -> tuple[str, ...]:
    assert one.always
    assert one.horizon
    assert one.once
    return (*_cells_of(one.always), *_cells_of(one.horizon), f"{one.once.rows:,}")


def _cells_of(need: Need) -> tuple[str, str, str]:
    time = "?" if need.seconds is None else figures.span(need.seconds)
    return f"{need.rows:,}", f"{need.requests:,}", time


def _suggested(question: Question, found: Suggestion | None) -> Iterator[str]:
    if found is None:
        yield "Suggested: none of these effects can be found. Look for a larger one"
        return
    yield f"Suggested, to find a candidate that is {_candidate(question, found.gain)}"
    yield f"{_INDENT}analysis: {{horizon: {{rows: {found.rows}}}}}"
    if found.hours is not None:
        yield f"{_INDENT}until: {{verdict: true, atMost: {found.hours}h}}"
    elif question.rate is None:
        yield f"{_INDENT}until.atMost: say --rate, how many requests a second come"
    else:
        yield f"{_INDENT}until.atMost: it takes longer than a year. Look for a larger effect"


def _candidate(question: Question, gain: float) -> str:
    if gain == 0:
        return "just as good"
    return f"{'better' if gain > 0 else 'worse'} by {figures.exact(question.loss, abs(gain))}"


def as_json(
    question: Question,
    found: Sequence[Size],
    suggested: Suggestion | None,
    assumptions: Sequence[str],
) -> Json:
    """Return the same for machines; arguments are those of `forecast`."""
    return {
        "objective": question.name or None,
        "asked": {key: value for key, value in asdict(question).items() if key != "name"},
        "assumptions": [*assumptions],
        "effects": [asdict(one) for one in found],
        "suggestion": asdict(suggested) if suggested else None,
    }
