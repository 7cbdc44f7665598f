"""The report in a terminal. `pytest tests/unit/report --update-golden` writes the texts anew."""

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from contender.report import sketch
from contender.report.checking import Check, Result
from contender.report.material import subject_of
from contender.report.replay import Curve, Point
from contender.report.text import checks, report
from tests.unit.report import situations
from tests.unit.report.situations import ENDED, Situation, material, played

GOLDEN = Path(__file__).parents[2] / "golden" / "report"
TOLD = (
    situations.one_of_two_breaches_a_guardrail,
    situations.a_better_one_is_seen_at_the_horizon,
    situations.a_reward_wins_in_a_split,
    situations.a_person_promotes_without_objectives,
    situations.it_goes_on,
)


@pytest.mark.parametrize("situation", TOLD)
def test_it_reads_as_expected(situation: Situation, update_golden: bool) -> None:
    told = report(material(played(situation)))
    expected = GOLDEN / f"{situation.__name__.replace('_', '-')}.txt"
    if update_golden:
        expected.write_text(told)
    assert told == expected.read_text()


@pytest.mark.parametrize("situation", [*ENDED, situations.it_goes_on])
def test_lines_are_plain_and_fit(situation: Situation) -> None:
    told = report(material(played(situation)))
    assert told.isascii()
    assert all(line == line.rstrip() for line in told.splitlines())
    drawn = [line for line in told.splitlines() if " |" in line and "|" in line[:13]]
    assert max(map(len, drawn), default=0) <= 90


def test_without_looks_the_rest_is_told() -> None:
    known = material(played(situations.a_better_one_is_promoted))
    told = report(replace(known, looks=(), lacking=("evidence over time: you may not",)))
    assert "Objective accuracy: v2 Reached" in told
    assert "over time, by" not in told
    assert "Decisions" not in told
    assert told.endswith("Not read\n  evidence over time: you may not\n")


def test_looks_at_the_same_rows_are_told_once() -> None:
    points = [
        Point(number, 60.0 * number, 9.0 * (number // 2), 0.1, 0.0, 0.2, 1.0, spends=False)
        for number in range(2, 8)
    ]
    curve = Curve("accuracy", "v2", "", "ZeroOne", False, 0.0, 3.0, tuple(points))
    drawn = [one.split("|")[0].strip() for one in sketch.intervals(curve)]
    assert drawn[:3] == ["9", "18", "27"]
    assert not any("|" in one for one in sketch.intervals(curve)[3:])


def test_before_enough_was_seen_there_is_no_evidence() -> None:
    points = [
        Point(number, 60.0 * number, 9.0, 0.1, -inf, inf, evidence, spends=False)
        for number, evidence in enumerate((0.0, 0.0, 1.0), 1)
    ]
    curve = Curve("accuracy", "v2", "", "ZeroOne", False, 0.0, 3.0, tuple(points))
    assert sum(line.count("*") for line in sketch.evidence(curve)) == 1
    assert sketch.evidence(replace(curve, points=tuple(points[:2]))) == []
    assert sketch.intervals(curve) == []


def test_before_the_start_little_is_told() -> None:
    trial = played(situations.it_goes_on)
    status = {"phase": "Pending", "message": "waits for Experiment other"}
    subject = subject_of({**trial.manifest, "status": status})
    told = report(replace(material(trial), subject=subject, looks=()))
    assert "Pending: waits for Experiment other\nit has not begun yet\n" in told
    assert "Arms" not in told


def test_a_check_that_differs_says_what_was_expected() -> None:
    found = [
        Check(Result.OK, "plan v1:1"),
        Check(Result.DIFFERS, "comparison a of v2: rows", "10", "11"),
        Check(Result.NOTE, "verdict: Aborted"),
    ]
    assert [*checks(found)] == [
        "ok       plan v1:1",
        "DIFFERS  comparison a of v2: rows",
        "           expected  10",
        "           found     11",
        "note     verdict: Aborted",
    ]
