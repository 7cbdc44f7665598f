"""The report as one page: HTML with its charts and style within, and nothing else."""

import json
from collections.abc import Iterator, Sequence

from contender.core.experiment.decisions import TABLE
from contender.report import drawings, told
from contender.report.markup import Markup, element, joined
from contender.report.material import Json, Material, Subject
from contender.report.replay import Curve, Replay, replay

LONGEST_CELL = 400
"""Characters of a row that are shown."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page that asks nobody for anything."""

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1a1d21; --muted: #5b6470;
  --line: #d9dde3; --card: #f5f6f8; --mark: #fff3c4; --arm0: #6b7280; --arm1: #0067b3;
  --arm2: #c2500a; --arm3: #0a7d57; --arm4: #a83a7c; --arm5: #7d6200; --good: #0a6b3d;
  --bad: #b3261e; --onbar: #fff; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #e6e8eb;
  --muted: #9aa4b0; --line: #343a42; --card: #1d2126; --mark: #453a12; --arm0: #a3abb6;
  --arm1: #5fb3f0; --arm2: #f09a5b; --arm3: #4fc79a; --arm4: #e38dc0; --arm5: #d4b84a;
  --good: #5ecb93; --bad: #ff8a80; --onbar: #14171a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--back);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; } p { margin: .3rem 0; }
.muted { color: var(--muted); } .how { font-size: 1.1rem; margin-top: .5rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; } figure { margin: .6rem 0 1.2rem; }
figcaption { color: var(--muted); font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; } td, th { padding: .25rem .6rem .25rem 0;
  text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; white-space: nowrap; }
.right { text-align: right; font-variant-numeric: tabular-nums; }
tr.holds td { background: var(--mark); } code { font: .85em ui-monospace, monospace;
  overflow-wrap: anywhere; } ul { margin: .3rem 0; padding-left: 1.2rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--text);
  font: 12px system-ui, sans-serif; } svg .muted { fill: var(--muted); }
svg .strong { font-weight: 600; } svg .small { font-size: 11px; }
svg .onbar { fill: var(--onbar); font-size: 11px; }
.grid { stroke: var(--line); } .zero { stroke: var(--muted); }
.bound { stroke: var(--bad); stroke-dasharray: 6 4; stroke-width: 1.5; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .band { opacity: .18; }
.horizon { fill: none; stroke: var(--text); stroke-width: 1.5; }
""" + "".join(
    f".line.arm{one} {{ stroke: var(--arm{one}); }}"
    f" .band.arm{one}, .bar.arm{one}, .dot.arm{one} {{ fill: var(--arm{one}); }}\n"
    for one in range(6)
)
_GOOD = ("Promoted", "AwaitingSpec")
_BAD = ("Rejected", "Failed", "Inconclusive", "Superseded")


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
        _section("Decision", *_decision(found)),
        _section("Guardrails", _table(told.guardrails(subject))),
        _section("Traffic", *_traffic(subject)),
        _section("Latency", *_latency(subject)),
        _section("Disagreements", *_rows(material.rows)),
    ]
    title = f"{subject.namespace}/{subject.name}: {subject.status.phase}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    whole = element("html", Markup("\n"), head, Markup("\n"), element("body", *body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _head(subject: Subject) -> Markup:
    phase = subject.status.phase
    kind = "good" if phase in _GOOD else "bad" if phase in _BAD else ""
    return element(
        "header",
        element("h1", told.who(subject)),
        element("p", told.how(subject), class_=f"how {kind}".strip()),
        element("p", told.times(subject), class_="muted"),
    )


def _section(name: str, *content: Markup) -> Markup:
    if not joined(*content):
        return Markup("")
    return joined(Markup("\n"), element("section", element("h2", name), *content))


def _list(lines: Sequence[str]) -> Markup:
    if not lines:
        return Markup("")
    return element("ul", *(element("li", one) for one in lines))


def _table(found: told.Table | None, holds: frozenset[int] = frozenset()) -> Markup:
    """Return a table.

    Args:
        found: its content; None: there is none.
        holds: numbers of rows that stand out.
    """
    if found is None:
        return Markup("")
    kinds = ["right" if one in found.right else None for one in found.head]
    head = [element("th", one, class_=kind) for one, kind in zip(found.head, kinds, strict=True)]
    rows = [
        element(
            "tr",
            *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)),
            class_="holds" if number in holds else None,
        )
        for number, row in enumerate(found.rows)
    ]
    inner = joined(element("tr", *head), *rows, by="\n")
    return element("div", element("table", inner), class_="scroll")


def _figure(drawing: Markup, caption: str) -> Markup:
    return joined(Markup("\n"), element("figure", drawing, element("figcaption", caption)))


def _plan(subject: Subject) -> Iterator[Markup]:
    yield _list([*told.design(subject)])
    yield _table(told.planned(subject))
    if plan := subject.status.plan:
        yield element("p", "plan ", element("code", plan.hash), class_="muted")


def _objectives(subject: Subject, found: Replay) -> Iterator[Markup]:
    yield _table(told.comparisons(subject))
    for one in subject.status.comparisons or []:
        yield element("h3", f"{one.objective}: {one.candidate} {one.state}")
        yield element("p", one.message or "nothing is known yet")
        curve = told.curve_of(found, one)
        if curve is None:
            yield element("p", told.NOT_WEIGHED, class_="muted")
        else:
            yield from _charts(curve, _number(subject, one.candidate))


def _number(subject: Subject, arm: str) -> int:
    """Return the number of an arm, for its colour."""
    return subject.arms.index(arm) if arm in subject.arms else 0


def _charts(curve: Curve, arm: int) -> Iterator[Markup]:
    yield _figure(
        drawings.evidence(curve, arm),
        f"Evidence that the goal is reached, or missed, at each of {len(curve.points)} looks. It"
        " may be looked at always: from the dashed line on, it is decided.",
    )
    if drawing := drawings.intervals(curve, arm):
        yield _figure(
            drawing,
            f"Difference and its interval, valid over all looks: {told.aimed(curve)}.",
        )


def _decision(found: Replay) -> Iterator[Markup]:
    rulings = [*told.rulings(found)]
    if not rulings:
        return
    for name, line, why in rulings:
        yield element("p", element("strong", name), f" {line}")
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
            drawings.traffic(epochs, subject.arms),
            "Share of the requests that each arm answered or got copies of, one bar for each"
            " stretch in which nothing about the traffic changed.",
        )
        yield _table(told.epochs(subject))
    yield _table(told.arms(subject))


def _latency(subject: Subject) -> Iterator[Markup]:
    if drawing := drawings.latency(subject.status.arms or []):
        yield _figure(drawing, "Times of the models, estimated from the routers that counted last.")


def _rows(rows: Sequence[Json] | None) -> Iterator[Markup]:
    if rows is None:
        return
    if not rows:
        yield element("p", "Among the rows that were read, all arms answered alike.")
        return
    arms = sorted({name for one in rows for name in _answers(one)})
    truths = sorted({name for one in rows for name in one.get("feedback") or {}})
    cells = [
        (
            str(one.get("time", "")),
            _short(one.get("row")),
            *(_short(_answers(one).get(name)) for name in arms),
            *(_short((one.get("feedback") or {}).get(name, {}).get("value")) for name in truths),
            str(one.get("id", "")),
        )
        for one in rows
    ]
    head = ("time", "row", *arms, *truths, "prediction id")
    yield element(
        "p",
        f"The first {len(rows)} rows to which arms gave different answers, as capture has stored"
        " them: what it redacts was never there.",
    )
    yield _table(told.Table(head, tuple(cells)))


def _answers(row: Json) -> dict[str, object]:
    """Return what each arm answered."""
    served = {str(row.get("arm", "")): row.get("output")}
    copies = row.get("copies") or {}
    return served | {str(name): one.get("output") for name, one in copies.items()}


def _short(value: object) -> str:
    """Return a value in one cell; nothing for null."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}..."
