"""The report as one page: HTML with its charts and style within, and nothing else."""

from collections.abc import Iterator, Sequence

from contender.core.experiment.decisions import TABLE
from contender.report import answers, bars, drawings, told
from contender.report.markup import Markup, element, joined
from contender.report.material import Material, Subject
from contender.report.replay import Curve, Replay, replay
from contender.report.shares import copies
from contender.report.style import STYLE
from contender.report.words import words

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page that asks nobody for anything."""
_TAGS = ("dt", "dd")
_GOOD = ("Promoted", "AwaitingSpec")
_OPEN = ("Inconclusive", "Superseded", "Aborted")
_BAD = ("Rejected", "Failed")


def page(material: Material) -> str:
    """Return the page.

    Raises:
        Unreadable: a look is none.
    """
    subject, found = material.subject, replay(material)
    body = [
        _head(subject),
        _section("What could not be read", _list(material.lacking)),
        _section("Plan", *_plan(subject)),
        _section("Objectives", *_objectives(subject, found)),
        _section("Decision", *(_decision(found) if told.is_weighed(material) else ())),
        _section("Guardrails", _table(told.guardrails(subject), kind="long")),
        _section("Traffic", *_traffic(subject)),
        _section("Arms", *_arms(subject)),
        _section("Different answers", *_differing(material)),
        _section("Words", _words(subject)),
    ]
    title = f"{subject.namespace}/{subject.name}: {subject.status.phase}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    whole = element("html", Markup("\n"), head, Markup("\n"), element("body", *body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _head(subject: Subject) -> Markup:
    """Return the verdict in words, and what it rests on."""
    phase = subject.status.phase
    kinds = {"good": _GOOD, "open": _OPEN, "bad": _BAD}
    kind = next((kind for kind, phases in kinds.items() if phase in phases), "")
    return element(
        "header",
        element("h1", told.who(subject)),
        element("p", told.times(subject), class_="muted"),
        element(
            "div",
            element("p", told.how(subject), class_="how"),
            _list([*told.summary(subject)]),
            class_=f"verdict {kind}".strip(),
        ),
    )


def _section(name: str, *content: Markup) -> Markup:
    if not joined(*content):
        return Markup("")
    return joined(Markup("\n"), element("section", element("h2", name), *content))


def _list(lines: Sequence[str]) -> Markup:
    if not lines:
        return Markup("")
    return element("ul", *(element("li", one) for one in lines))


def _table(found: told.Table | None, holds: frozenset[int] = frozenset(), kind: str = "") -> Markup:
    """Return a table.

    Args:
        found: its content; None: there is none.
        holds: numbers of rows that stand out.
        kind: class of the table.
    """
    if found is None:
        return Markup("")
    sides = ["right" if one in found.right else None for one in found.head]
    head = [element("th", one, class_=side) for one, side in zip(found.head, sides, strict=True)]
    rows = [
        element(
            "tr",
            *(element("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)),
            class_="holds" if number in holds else None,
        )
        for number, row in enumerate(found.rows)
    ]
    top = element("thead", element("tr", *head))
    below = element("tbody", joined(*rows, by="\n"))
    return element("div", element("table", top, below, class_=kind or None), class_="scroll")


def _figure(drawing: Markup, caption: str) -> Markup:
    scrolled = element("div", drawing, class_="scroll")
    return joined(Markup("\n"), element("figure", scrolled, element("figcaption", caption)))


def _plan(subject: Subject) -> Iterator[Markup]:
    yield _list([*told.design(subject)])
    yield _table(told.planned(subject))
    if plan := subject.status.plan:
        yield element("p", "plan ", element("code", plan.hash), class_="muted")


def _objectives(subject: Subject, found: Replay) -> Iterator[Markup]:
    yield _table(told.comparisons(subject))
    for one in subject.status.comparisons or []:
        yield element("h3", f"{one.about}: {one.candidate} {one.state}")
        yield element("p", one.message or "nothing is known yet")
        yield from (element("p", said, class_="muted") for said in told.at_horizon(one))
        curve = told.curve_of(found, one)
        if curve is None:
            yield element("p", told.NOT_WEIGHED, class_="muted")
        else:
            yield from _charts(subject, curve, _number(subject, one.candidate))


def _number(subject: Subject, arm: str) -> int:
    """Return the number of an arm, for its colour."""
    return subject.arms.index(arm) if arm in subject.arms else 0


def _charts(subject: Subject, curve: Curve, arm: int) -> Iterator[Markup]:
    epochs = subject.status.epochs or []
    if drawing := drawings.evidence(curve, arm, epochs):
        broken = not all(map(told.is_enough, curve.points))
        gaps = f" Where there is no line, {told.TOO_LITTLE}." if broken else ""
        yield _figure(
            drawing,
            f"Evidence at each of {len(curve.points)} looks that the goal is reached, or missed. It"
            f" may be looked at always: from the dashed line on, it is decided.{gaps}",
        )
    else:
        yield element("p", f"There is no evidence yet: {told.TOO_LITTLE}.", class_="muted")
    if drawing := drawings.intervals(curve, arm, epochs):
        aimed = told.aimed(curve, less="below", more="above")
        yield _figure(
            drawing,
            f"Difference (line) and its interval (band), which holds for all looks at once: {aimed}"
            " (dashed).",
        )


def _decision(found: Replay) -> Iterator[Markup]:
    rulings = [*told.rulings(found)]
    if not rulings:
        return
    for name, line, why in rulings:
        yield element("p", element("strong", f"{name}: "), line)
        yield element("p", why, class_="muted")
    held = frozenset(TABLE.index(one.rule) for one in found.rulings)
    by_rule = {
        number: ", ".join(one.candidate for one in found.rulings if one.rule is TABLE[number])
        for number in range(len(TABLE))
    }
    rows = [
        (rule.when.replace("`", ""), str(rule.decision), by_rule[number])
        for number, rule in enumerate(TABLE)
    ]
    head = "what is known of a candidate, decision, holds for"
    yield _table(told.table(head, rows), held)


def _traffic(subject: Subject) -> Iterator[Markup]:
    if epochs := subject.status.epochs:
        yield _figure(
            bars.traffic(subject.spec, epochs, subject.arms),
            "For how much of the requests each arm worked, in each stretch in which nothing about"
            " the traffic changed. Full colour: it answered callers; pale: it got copies.",
        )
        yield _table(told.epochs(subject))


def _arms(subject: Subject) -> Iterator[Markup]:
    yield _table(told.arms(subject))
    if drawing := bars.latency(subject.status.arms or []):
        yield _figure(drawing, "Times of the models, estimated from the routers that counted last.")


def _differing(material: Material) -> Iterator[Markup]:
    subject, rows = material.subject, material.rows
    for one in told.disagreed(material):
        yield element("p", f"{one}.")
    if rows is None:
        return
    if not copies(subject.spec, subject.status.epochs or []):
        yield element("p", "Each request was answered by one arm: there was nothing to compare.")
    elif not rows:
        yield element("p", "In all rows that were read, all arms gave the same answer.")
    else:
        yield element(
            "p",
            f"The first {len(rows)} of such rows, as capture has stored them: what it redacts was"
            f" never there. Behind an answer:{answers.RIGHT} right,{answers.WRONG} wrong, by the"
            " truth that came.",
            class_="muted",
        )
        yield _table(answers.table(rows, subject.arms, material.target), kind="wide")


def _words(subject: Subject) -> Markup:
    return element(
        "dl",
        *(
            element(tag, text)
            for one in words(subject)
            for tag, text in zip(_TAGS, one, strict=True)
        ),
    )
