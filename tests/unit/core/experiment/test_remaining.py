"""How much longer it takes until an objective is decided."""

import re
from dataclasses import replace
from math import inf, isclose

import pytest

from contender.core.experiment import words
from contender.core.experiment.comparing import Difference
from contender.core.experiment.conduct import LOOK
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.machine import Phase
from contender.core.experiment.orders import read_orders
from contender.core.experiment.remaining import seconds_left
from contender.core.experiment.weighing import Task, weigh
from contender.core.manifest import parse_time
from contender.stats.estimates import Estimate
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    REVENUE,
    comparison,
    in_pairs,
    started,
    task,
    told,
)

HOUR, DAY = 3600.0, 86400.0
ROW_VARIANCE = 0.03


def found(value: float, rows: float, *, enough: bool = True) -> Difference:
    """Return a difference in pairs of which three of a hundred differ."""
    estimate = Estimate(value, ROW_VARIANCE / rows, rows)
    return Difference(estimate, 0.1, 0.1 + value, enough)


def decided_at(of: Task, value: float) -> float:
    """Return after how many rows the interval passes the goal if the difference stays."""
    rows = 1.0
    while not weigh(of, found(value, rows), at_horizon=False).verdict:
        rows *= 1.001
    return rows


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (task(), -0.01),
        (task(), 0.01),
        (task({**ACCURACY, "margin": 0.01}), -0.02),
        (task({**ACCURACY, "margin": 0.01}), 0.0),
        (task(AS_GOOD), 0.04),
        (task(REVENUE), 0.01),
        (task(REVENUE), -0.01),
        (task(alpha=0.01), -0.01),
        (task(horizon={"rows": 100_000}), -0.01),
    ],
)
def test_it_goes_on_until_the_interval_has_passed_the_goal(of: Task, value: float) -> None:
    """1,000 rows came in 1,000 s: as many rows more, as many seconds more."""
    left = seconds_left(of, found(value, 1000.0), 1000.0)
    assert left is not None
    assert isclose(1000 + left, decided_at(of, value), rel_tol=0.002)


def test_twice_as_many_rows_take_half_the_time() -> None:
    slow = seconds_left(task(), found(-0.01, 1000.0), 2 * HOUR)
    fast = seconds_left(task(), found(-0.01, 1000.0), HOUR)
    assert slow is not None
    assert fast is not None
    assert isclose(slow, 2 * fast)


def test_rows_count_from_when_the_first_truths_may_no_longer_be_late() -> None:
    late = task(feedback={"delay": "168h"})
    assert seconds_left(late, found(-0.01, 1000.0), 168 * HOUR + 1000) == seconds_left(
        task(), found(-0.01, 1000.0), 1000.0
    )
    assert seconds_left(late, found(-0.01, 1000.0), 168 * HOUR) is None


@pytest.mark.parametrize(
    ("horizon", "elapsed", "left"),
    [
        ({"rows": 2000}, 1000.0, 1000.0),
        ({"duration": "1h"}, 1000.0, 2600.0),
        ({"duration": "1h", "rows": 2000}, 1000.0, 1000.0),
        ({"duration": "30m", "rows": 2000}, 1000.0, 800.0),
        ({"duration": "10m"}, 1000.0, 0.0),
    ],
)
def test_the_horizon_may_come_sooner(
    horizon: dict[str, object], elapsed: float, left: float
) -> None:
    of = task(horizon=horizon)
    assert seconds_left(of, found(-0.006, 1000.0), elapsed) == left
    # An estimate that lies at the goal says nothing, but the horizon comes.
    assert seconds_left(of, found(0.0, 1000.0), elapsed) == left


@pytest.mark.parametrize(
    ("of", "what", "elapsed"),
    [
        (task(), found(0.0, 1000.0), 1000.0),
        (task(), found(-0.005, 1000.0), 1000.0),  # the standard error is .0055
        (task({**ACCURACY, "margin": 0.01}), found(-0.01, 1000.0), 1000.0),
        (task(AS_GOOD), found(0.05, 1000.0), 1000.0),
        (task(), found(-0.01, 1000.0, enough=False), 1000.0),
        (task(), found(-0.01, 1000.0), 0.0),
        (task(), Difference(Estimate(-0.01, 0.0, 1000.0), 0.1, 0.09, enough=True), 1000.0),
    ],
)
def test_nobody_can_always_tell(of: Task, what: Difference, elapsed: float) -> None:
    assert seconds_left(of, what, elapsed) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "about 1 min more"),
        (100.0, "about 2 min more"),
        (9 * 60.0, "about 9 min more"),
        (599.0, "about 10 min more"),
        (21 * 60.0, "about 20 min more"),
        (57 * 60.0, "about 55 min more"),
        (58 * 60.0, "about 1 h more"),
        (1.6 * HOUR, "about 2 h more"),
        (3.2 * HOUR, "about 3 h more"),
        (35.6 * HOUR, "about 36 h more"),
        (36 * HOUR, "about 2 days more"),
        (2.2 * DAY, "about 2 days more"),
        (30 * DAY, "about 30 days more"),
        (30.1 * DAY, "more than 30 days"),
        (inf, "more than 30 days"),
    ],
)
def test_it_is_told_as_roughly_as_anybody_can_tell(seconds: float, said: str) -> None:
    assert words.how_long(seconds) == said


# What status says.

LEFT = re.compile(r"not yet decided, about (\d+) (min|h|days) more$")


def after(hours: float, *numbers: int) -> tuple[Course, Scene]:
    """Return an Experiment whose candidate does somewhat better, after looks of so many 1,000
    rows that came in so many hours."""
    course, scene = started()
    began = _began(course)
    looks = [
        in_pairs(number, 1000 * number, 8 * number, 18 * number, at=began + hours * HOUR)
        for number in numbers
    ]
    return told(course, scene, looks, after=hours * HOUR), scene


def _began(course: Course) -> float:
    assert course.status.began_at
    return parse_time(course.status.began_at).timestamp()


def test_status_says_it_and_keeps_it_until_the_next_look() -> None:
    course, scene = after(1.0, 1)
    message = comparison(course).message
    assert LEFT.search(message), message
    assert course.status.step is not None
    assert course.status.step.message == f"until a verdict: {message}"
    later = told(course, scene, [], after=2 * HOUR)
    assert comparison(later).message == message


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.ABORTED, Phase.INCONCLUSIVE])
def test_it_is_told_only_while_it_goes_on(phase: Phase) -> None:
    course, scene = after(1.0, 1)
    if phase is Phase.PAUSED:
        course = replace(course, spec=course.spec.model_copy(update={"paused": True}))
        course = told(course, scene, [], after=HOUR + LOOK.total_seconds())
        again = in_pairs(2, 1100, 9, 20, at=_began(course) + 1.1 * HOUR)
        assert comparison(told(course, scene, [again], after=2 * HOUR)).rows == 1100
        course = told(course, scene, [again], after=2 * HOUR)
    elif phase is Phase.INCONCLUSIVE:
        course = told(course, scene, [], after=25 * HOUR)
    else:
        annotations = {"contender.dev/abort": "1"}
        metadata = {**course.owner["metadata"], "annotations": annotations}
        owner = {**course.owner, "metadata": metadata}
        course = replace(course, owner=owner, orders=read_orders(owner, course.status))
        course = told(course, scene, [], after=2 * HOUR)
    assert course.phase == phase
    assert comparison(course).message.endswith("better: not yet decided")
    assert "more" not in (course.status.verdict.message if course.status.verdict else "")


def test_at_the_horizon_nothing_more_is_to_come() -> None:
    course, scene = started(analysis={"horizon": {"rows": 1000}})
    of = in_pairs(1, 1000, 30, 30, at=_began(course) + HOUR)
    ended = told(course, scene, [of], after=HOUR)
    assert ended.phase == Phase.INCONCLUSIVE
    assert comparison(ended).message.endswith("better: not yet decided")
