"""Segments: parts of the rows in which no candidate may do worse."""

from dataclasses import replace
from typing import Any

import pytest

from contender.api.v1alpha1.capture import Segment
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import Look
from contender.core.experiment.objections import objection
from contender.core.experiment.verdicts import tasks
from contender.core.experiment.weighing import Task, weigh
from contender.core.segments import id_of
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    TARGET,
    Json,
    arm,
    arm_of,
    halves,
    labelled,
    look,
    pair,
    started,
    task,
    told,
)

OLD: Json = {"name": "old", "at": "/age", "atLeast": 65}
YOUNG: Json = {"name": "young", "at": "/age", "below": 25}
ROWS: Json = {**TARGET["rows"], "segments": [OLD, YOUNG]}
ID = {one["name"]: id_of(Segment.model_validate(one)) for one in (OLD, YOUNG)}
BETTER, WORSE, EQUAL = (10, 100), (100, 10), (30, 30)
"""Of 1,000 rows, those in which the candidate alone is wrong, and the incumbent alone."""


def begun(rows: Json | None = None, **said: Any) -> tuple[Course, Scene]:
    analysis = {"segments": ["old", "young"], **said.pop("analysis", {})}
    return started({"rows": rows or ROWS}, analysis=analysis, **said)


def seen(number: int, **does: tuple[int, int]) -> Look:
    """Return a look at 10,000 rows, 1,000 of each segment: `every` row, or those of a segment."""
    return look(
        number,
        labelled("incumbent", 10_000),
        labelled("v2", 10_000),
        arm("incumbent", 10_000, 0.1),
        arm("v2", 10_000, 0.1),
        *(
            pair(10_000, *(10 * one for one in counts))
            if name == "every"
            else {**pair(1000, *counts), "segment": ID[name]}
            for name, counts in does.items()
        ),
        pairs=[halves(10_000, rows=10_000)],
    )


def state(course: Course, segment: str) -> str:
    return next(one.state for one in course.status.comparisons or [] if one.segment == segment)


def test_one_that_is_better_but_harms_a_segment_is_rejected() -> None:
    course = told(*begun(), [seen(1, every=BETTER, old=WORSE, young=BETTER)])
    assert [state(course, one) for one in ("", "old", "young")] == ["Reached", "Missed", "Reached"]
    assert course.phase == "Rejected"
    assert arm_of(course).message == (
        "accuracy in old: v2 errs 9.00 points more (5.30 .. 12.70) on 1,000 labelled rows of old;"
        " not worse: missed"
    )


def test_one_that_harms_nobody_wins() -> None:
    course = told(*begun(), [seen(1, every=BETTER, old=EQUAL, young=BETTER)])
    assert state(course, "old") == "Undecided"
    assert course.status.winner == "v2"


def test_a_segment_without_rows_stops_nobody() -> None:
    course = told(*begun(), [seen(1, every=BETTER)])
    assert state(course, "old") == "NoData"
    assert course.status.winner == "v2"


def test_a_segment_that_is_better_makes_nobody_win() -> None:
    course = told(*begun(), [seen(1, every=EQUAL, old=BETTER)])
    assert state(course, "old") == "Reached"
    assert (course.phase, course.status.leader) == ("Running", "")


def test_the_horizon_is_that_of_all_rows() -> None:
    began = begun(analysis={"horizon": {"rows": 10_000}})
    course = told(*began, [seen(1, every=EQUAL, old=EQUAL)])
    assert course.phase == "Inconclusive"
    assert "old" not in course.status.undecided


def test_where_a_margin_is_allowed_it_is_allowed_in_segments_too() -> None:
    slight = {"every": EQUAL, "old": (20, 5)}
    assert _task(AS_GOOD).goal == -0.05
    assert _task({**ACCURACY, "margin": 0.02}).goal == 0.0
    course = told(*begun(objectives=[AS_GOOD]), [seen(1, **slight)])
    assert course.status.winner == "v2"


def test_alpha_is_shared_by_segments() -> None:
    whole, part = task(segments=["old", "young"]), _task(ACCURACY)
    assert part.alpha == whole.alpha / 2
    course, scene = begun()
    assert [one.key for one in tasks(course, scene.snapshot.spec)] == [
        ("accuracy", "v2", ""),
        ("accuracy", "v2", "old"),
        ("accuracy", "v2", "young"),
    ]


def test_its_interval_is_that_of_its_part_of_alpha() -> None:
    one = seen(1, every=EQUAL, old=EQUAL)
    found = [each.compare(one) for each in (task(segments=["old", "young"]), _task(ACCURACY))]
    assert found[0]
    assert found[1]
    assert found[1].estimate.n == 1000
    weighed = weigh(_task(ACCURACY), found[1], at_horizon=False)
    whole = weigh(task(), found[1], at_horizon=False)
    assert weighed.low < whole.low


def test_a_segment_that_is_not_declared_any_more_decides_nothing() -> None:
    course, scene = begun()
    rows = scene.snapshot.spec.rows
    assert rows
    less = rows.model_copy(update={"segments": (rows.segments or [])[:1]})
    target = scene.snapshot.spec.model_copy(update={"rows": less})
    other = replace(scene, snapshot=replace(scene.snapshot, spec=target))
    course = told(course, other, [seen(1, every=BETTER, old=BETTER)])
    assert course.phase == "Running"
    message = (course.status.comparisons or [])[0].message
    assert "the target's spec.rows.segments declares no young any more" in message


def test_rows_of_another_definition_say_nothing() -> None:
    course, scene = begun({**ROWS, "segments": [{**OLD, "atLeast": 70}, YOUNG]})
    course = told(course, scene, [seen(1, every=BETTER, old=WORSE)])
    assert state(course, "old") == "NoData"
    assert course.status.winner == "v2"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (ROWS, ""),
        (
            {**ROWS, "segments": [OLD]},
            "analysis.segments: the target's spec.rows.segments declares no young; declared: old",
        ),
        (
            TARGET["rows"],
            "analysis.segments: the target's spec.rows.segments declares no old; declared: none",
        ),
    ],
)
def test_an_experiment_names_declared_segments(rows: Json, why: str) -> None:
    course, scene = begun(rows)
    assert objection(course.spec, scene.snapshot.spec) == why


def _task(objective: Json) -> Task:
    """Return an objective in one of two segments."""
    whole = task(objective, segments=["old", "young"])
    return replace(whole, segment=Segment.model_validate(OLD))
