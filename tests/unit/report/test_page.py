"""The page: whole by itself, escaped, and the same for the same Experiment.

`pytest tests/unit/report --update-golden` writes it anew.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from contender.report.drawings import WIDTH
from contender.report.material import Material, subject_of
from contender.report.page import page
from tests.unit.report import situations
from tests.unit.report.situations import ENDED, Situation, material, played
from tests.unit.report.trial import Trial, spec

GOLDEN = Path(__file__).parents[2] / "golden" / "report"
ALL = [*ENDED, situations.it_goes_on]
CHARACTER = 6.6
"""Width of a character of a chart, about."""


@dataclass
class Outline(HTMLParser):
    """What a page is made of."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def page_of(situation: Situation) -> str:
    return page(material(played(situation)))


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


def drawings(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg .*?</svg>", text, re.DOTALL)]


def test_it_looks_as_expected(update_golden: bool) -> None:
    known = material(played(situations.it_was_aborted_when_it_ran_again), rows=tuple(rows()))
    told = page(known)
    expected = GOLDEN / "it-was-aborted-when-it-ran-again.html"
    if update_golden:
        expected.write_text(told)
    assert told == expected.read_text()


@pytest.mark.parametrize("situation", ALL)
def test_it_asks_nobody_for_anything(situation: Situation) -> None:
    found = outline(page_of(situation))
    assert {"script", "link", "img", "iframe", "object", "base", "form"} & {*found.tags} == set()
    assert not [name for name, _ in found.attributes if name in ("src", "href", "style")]
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert "url(" not in "".join(found.text)


@pytest.mark.parametrize("situation", ALL)
def test_the_same_experiment_is_the_same_page(situation: Situation) -> None:
    assert page_of(situation) == page(material(played(situation)))


@pytest.mark.parametrize("situation", ALL)
def test_charts_are_named_and_nothing_lies_outside(situation: Situation) -> None:
    for one in drawings(page_of(situation)):
        assert one.find("title") is not None
        assert one.attrib["aria-label"]
        height = float(one.attrib["viewBox"].split()[3])
        for place, limit in _places(one, height):
            assert -0.1 <= place <= limit + 0.1, (one.findtext("title"), place, limit)
        for text in one.iter("text"):
            left, right = _extent(text)
            assert left >= -1, text.text
            assert right <= WIDTH + 1, text.text


def _places(drawing: ElementTree.Element, height: float) -> Iterator[tuple[float, float]]:
    for one in drawing.iter():
        for name, limit in (("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("cx", WIDTH)):
            if name in one.attrib:
                yield float(one.attrib[name]), limit
        for name in ("y", "y1", "y2", "cy"):
            if name in one.attrib:
                yield float(one.attrib[name]), height
        for pair in one.attrib.get("points", "").split():
            x, y = pair.split(",")
            yield from ((float(x), WIDTH), (float(y), height))


def _extent(text: ElementTree.Element) -> tuple[float, float]:
    """Return about where a text begins and ends."""
    if "transform" in text.attrib:
        return 0.0, 0.0
    at, wide = float(text.attrib["x"]), CHARACTER * len(text.text or "")
    match text.attrib.get("text-anchor", "start"):
        case "middle":
            return at - wide / 2, at + wide / 2
        case "end":
            return at - wide, at
        case _:
            return at, at + wide


@pytest.mark.parametrize("situation", ALL)
def test_numbers_of_an_axis_do_not_lie_on_each_other(situation: Situation) -> None:
    for one in drawings(page_of(situation)):
        texts = [
            (*_extent(text), float(text.attrib["y"]), text.text)
            for text in one.iter("text")
            if text.attrib.get("class") == "muted" and "transform" not in text.attrib
        ]
        for number, (left, right, y, told) in enumerate(texts):
            for other_left, other_right, other_y, other in texts[number + 1 :]:
                apart = abs(y - other_y) >= 9 or right <= other_left or other_right <= left
                assert apart, (one.findtext("title"), told, other)


def test_every_candidate_has_its_charts_and_the_line_that_held_stands_out() -> None:
    told = page(material(played(situations.one_of_two_breaches_a_guardrail)))
    titles = [one.findtext("title") or "" for one in drawings(told)]
    assert [one for one in titles if one.startswith("Evidence")] == [
        "Evidence for accuracy of v2 over time",
        "Evidence for accuracy of v3 over time",
    ]
    assert {"Traffic by epoch", "Latency by arm"} <= {*titles}
    held = re.findall(r'<tr class="holds"><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', told)
    assert held == [
        ("it breaches a guardrail, or never gets ready", "Reject", "v3"),
        ("it has reached all objectives", "Promote", "v2"),
    ]


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": "1769860800-1b3e63c4-5f7e-4f52-9a0e-0c3f3d1f7a55/0",
            "time": "2026-01-31T12:00:00.250000Z",
            "arm": "incumbent",
            "row": {"customer": "hmac:19189b4fa8dcc860", "age": 41, "note": "<b>&amp;</b>"},
            "outcome": "ANSWERED",
            "output": 1,
            "copies": {"v2": {"version": "2", "outcome": "ANSWERED", "output": 0, "score": None}},
            "feedback": {"churned": {"value": 0, "at": "2026-02-27T08:00:00Z"}},
        },
        {"arm": "incumbent", "output": "a" * 500, "row": None, "copies": {}, "feedback": {}},
    ]


def with_rows(*found: dict[str, Any]) -> Material:
    return material(played(situations.it_was_aborted_when_it_ran_again), rows=found)


def test_rows_are_shown_with_all_answers_and_the_truth() -> None:
    told = page(with_rows(*rows()))
    assert "<th>incumbent</th><th>v2</th><th>churned</th>" in told
    assert "<td>1</td><td>0</td><td>0</td>" in told
    assert '"note": "&lt;b&gt;&amp;amp;&lt;/b&gt;"' in told
    assert f"<td>{'a' * 400}...</td>" in told


def test_that_all_answered_alike_is_told() -> None:
    assert "all arms answered alike" in page(with_rows())
    assert "Disagreements" not in page(material(played(situations.it_goes_on)))


NASTY = "</style><script>alert(1)</script>\" onload='x' &"


def test_whatever_anybody_writes_is_text() -> None:
    trial = played(situations.one_of_two_breaches_a_guardrail)
    manifest = {**trial.manifest, "metadata": {**trial.manifest["metadata"], "name": NASTY}}
    status = manifest["status"]
    plan = {**status["plan"], "incumbent": {**status["plan"]["incumbent"], "image": NASTY}}
    arms = [{**one, "message": NASTY, "p50": NASTY} for one in status["arms"]]
    epochs = [{**one, "step": NASTY} for one in status["epochs"]]
    manifest["status"] = {**status, "plan": plan, "arms": arms, "epochs": epochs}
    known = replace(material(trial), subject=subject_of(manifest), lacking=(NASTY,))
    told = page(replace(known, rows=({"output": NASTY, "arm": NASTY, "row": NASTY, "id": NASTY},)))
    assert "script" not in outline(told).tags
    assert "<script" not in told
    assert NASTY in "".join(outline(told).text)


def test_many_epochs_are_shortened_in_the_chart_only() -> None:
    trial = Trial(spec("v2"))
    for number in range(40):
        trial.epoch(f"step{number}", incumbent=60, v2=40).count(incumbent=(6,), v2=(4,))
    told = page(material(trial))
    assert "The last 24 of 40 epochs" in told
    assert "<td>step0</td>" in told
