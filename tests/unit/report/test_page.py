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

from contender.report import answers
from contender.report import drawings as charts
from contender.report.canvas import WIDTH
from contender.report.material import Material, subject_of, target_of
from contender.report.page import page
from contender.report.replay import Curve, Point
from contender.report.told import NOT_WEIGHED
from tests.unit.report import situations
from tests.unit.report.situations import ENDED, Situation, material, played
from tests.unit.report.trial import TARGET, Trial, spec

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
    assert {"Traffic by step and arm", "Latency by arm"} <= {*titles}
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
    assert "<th>time, UTC</th><th>incumbent</th><th>v2</th><th>churned</th><th>row</th>" in told
    assert "<td>2026-01-31 12:00:00</td><td>1 \N{BALLOT X}</td><td>0 \N{CHECK MARK}</td>" in told
    assert '"note": "&lt;b&gt;&amp;amp;&lt;/b&gt;"' in told
    assert f"<td>{'a' * 160}...</td>" in told


def test_that_all_answered_alike_is_told() -> None:
    assert "all arms gave the same answer" in page(with_rows())
    assert "prediction id" not in page(material(played(situations.it_goes_on)))


def test_where_each_request_has_one_answer_nothing_is_compared() -> None:
    told = page(material(played(situations.a_reward_wins_in_a_split), rows=()))
    assert "Each request was answered by one arm" in told
    assert "same answer" not in told


def test_how_often_arms_disagree_is_told() -> None:
    told = page(material(played(situations.one_of_two_breaches_a_guardrail)))
    assert re.search(
        r"v2 answered \d+ of \d+ rows otherwise than the incumbent \(\d+\.\d+%\)", told
    )


@pytest.mark.parametrize(
    ("rows", "answer", "truth", "mark"),
    [
        ({"task": "Binary", "positiveClass": "1"}, 1, "1", " \N{CHECK MARK}"),
        ({"task": "Binary", "positiveClass": "1"}, 1.0, 0, " \N{BALLOT X}"),
        ({"task": "Binary", "positiveClass": "yes"}, "no", "never", " \N{CHECK MARK}"),
        ({"task": "Multiclass"}, "cat", "dog", " \N{BALLOT X}"),
        ({"task": "Regression"}, 1, 2, ""),
        ({"task": "Multiclass"}, None, "dog", ""),
        ({"task": "Multiclass"}, "cat", None, ""),
    ],
)
def test_an_answer_is_right_or_wrong_as_it_is_judged(
    rows: dict[str, Any], answer: object, truth: object, mark: str
) -> None:
    known = target_of({"spec": {**TARGET, "rows": {"preset": "V1", "output": "/label", **rows}}})
    row = {"arm": "incumbent", "output": answer, "feedback": {"churned": {"value": truth}}}
    (cells,) = answers.table([row], ["incumbent"], known).rows
    assert cells[1] == ("" if answer is None else str(answer)) + mark


def test_better_is_below_or_above_as_it_is_drawn() -> None:
    assert "better is below the goal" in page_of(situations.a_better_one_is_promoted)
    assert "better is above the goal" in page_of(situations.a_reward_wins_in_a_split)


def test_the_verdict_and_what_it_rests_on_come_first() -> None:
    told = page_of(situations.one_of_two_breaches_a_guardrail)
    head = told[told.index("<header>") : told.index("</header>")]
    assert '<div class="verdict good"><p class="how">Promoted: v2 (version 2) serves</p>' in head
    assert re.search(r"<li>accuracy: v2 errs .* better: reached</li>", head)
    assert "<li>guardrail errors: v3: 60 of 300 requests" in head


def test_without_looks_nobody_says_what_they_led_to() -> None:
    known = material(played(situations.a_better_one_is_promoted))
    told = page(replace(known, looks=(), lacking=("evidence over time: you may not",)))
    assert "<h2>Decision</h2>" not in told
    assert NOT_WEIGHED in told


def test_where_too_little_was_seen_there_is_no_evidence() -> None:
    points = [
        Point(number, 60.0 * number, 9.0 * number, 0.1, 0.0, 0.2, evidence, spends=False)
        for number, evidence in enumerate((0.0, 1.0, 2.0, 0.0, 3.0, 0.0), 1)
    ]
    curve = Curve("accuracy", "v2", "", "ZeroOne", False, 0.0, 3.0, tuple(points))
    drawing = charts.evidence(curve, 1)
    assert drawing is not None
    (line,) = drawings(drawing)[0].iter("polyline")
    assert len(line.attrib["points"].split()) == 2
    assert charts.evidence(replace(curve, points=(points[0],)), 1) is None


def test_answers_and_copies_are_drawn_apart() -> None:
    steps = [
        {
            "name": "canary",
            "split": {"weights": {"v2": 10}, "shadowOthers": True},
            "until": {"verdict": True, "atMost": "24h"},
        }
    ]
    trial = Trial(spec("v2", steps=steps)).epoch("canary", incumbent=100, v2=100)
    told = page(material(trial.count(incumbent=(90,), v2=(90,))))
    assert "90 % answered, 10 % copied to it" in told
    assert "10 % answered, 90 % copied to it" in told


def test_words_that_not_everybody_knows_are_explained() -> None:
    told = page_of(situations.a_reward_wins_in_a_split)
    assert "<dt>reward</dt>" in told
    assert "<dt>split</dt>" in told
    assert "ZeroOne" not in told
    assert "<dt>ZeroOne loss</dt>" in page_of(situations.a_better_one_is_promoted)


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
    assert "The last 24 of 40 stretches" in told
    assert "<td>step0</td>" in told
