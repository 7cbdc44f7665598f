"""The same data give the same verdict, however often one looked and whatever restarted."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from contender.api.v1alpha1.experiment_status import ExperimentStatus, StepStatus
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import Look
from contender.core.manifest import parse_time
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    SHADOW,
    Json,
    arm,
    halves,
    labelled,
    look,
    pair,
    restarted,
    started,
    told,
)

BEGAN = parse_time("2026-01-05T09:00:01Z").timestamp()
TWO: Json = {"names": ("v2", "v3")}
WAITS: Json = {**SHADOW, "until": {"atLeast": "23h", "atMost": "24h"}}
"""A step that a verdict does not end."""
BOTH: Json = {
    "name": "both",
    "split": {"weights": {"v2": 30, "v3": 30}},
    "until": {"verdict": True, "atMost": "24h"},
}


class Seen(NamedTuple):
    """What a look has more than the one before it."""

    rows: int
    v2: tuple[int, int]
    v3: tuple[int, int]
    share: float
    missing: int
    seconds: int


SEEN = st.builds(
    Seen,
    rows=st.integers(10, 600),
    v2=st.tuples(st.integers(0, 120), st.integers(0, 120)),
    v3=st.tuples(st.integers(0, 120), st.integers(0, 120)),
    share=st.sampled_from([1.0, 1.0, 1.0, 0.6]),
    missing=st.sampled_from([0, 0, 0, 40]),
    seconds=st.integers(0, 4000),
)
ANALYSES: tuple[Json, ...] = (
    {},
    {"horizon": {"rows": 1500}},
    {"horizon": {"duration": "2h"}, "onNoData": "Reject"},
    {"horizon": {"rows": 3000, "duration": "4h"}, "alpha": 0.2},
)
OBJECTIVES: tuple[list[Json], ...] = (
    [ACCURACY],
    [AS_GOOD, {**ACCURACY, "name": "again", "feedback": "left"}],
)
FEEDBACK = ("churned", "left")


def sequence(news: Sequence[Seen]) -> list[Look]:
    """Return looks at what adds up."""
    looks: list[Look] = []
    rows, wrong, missing, at = 0, {"v2": [0, 0], "v3": [0, 0]}, 0, 0
    for number, one in enumerate(news, start=1):
        rows, missing, at = rows + one.rows, missing + one.missing, at + one.seconds
        means, labelled_rows = [], round(rows * one.share)
        for feedback in FEEDBACK:
            means += [labelled("incumbent", rows, one.share, feedback=feedback)]
            means += [arm("incumbent", labelled_rows, 0.1, feedback=feedback)]
        for name, more in (("v2", one.v2), ("v3", one.v3)):
            counts = wrong[name]
            counts[0] += one.rows * more[0] // 1000
            counts[1] += one.rows * more[1] // 1000
            gap = (counts[0] - counts[1]) / rows
            for feedback in FEEDBACK:
                means += [labelled(name, rows, one.share, feedback=feedback)]
                means += [arm(name, labelled_rows, 0.1 + gap, feedback=feedback)]
            means += [
                {**pair(rows, *counts, name=name), "feedback": told_by} for told_by in FEEDBACK
            ]
        pairs = [halves(rows, name=name, rows=rows, overflow=missing) for name in wrong]
        looks.append(look(number, *means, pairs=pairs, at=BEGAN + at))
    return looks


@given(
    st.lists(SEEN, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.booleans()), max_size=12),
    st.sampled_from(range(len(ANALYSES))),
    st.sampled_from(range(len(OBJECTIVES))),
    st.sampled_from([(SHADOW,), (SHADOW, BOTH), (WAITS,)]),
    st.sampled_from(["Automatic", "Manual", "Recommend"]),
)
def test_the_same_looks_end_alike_however_they_come(
    news: list[Seen],
    chunks: list[tuple[int, bool, bool]],
    analysis: int,
    objectives: int,
    steps: tuple[Json, ...],
    promotion: str,
) -> None:
    """At once, one by one, or in any chunks; told again or not, with or without a restart between
    any two."""
    course, scene = started(
        steps=list(steps),
        analysis=ANALYSES[analysis],
        objectives=OBJECTIVES[objectives],
        promotion=promotion,
        **TWO,
    )
    looks = sequence(news)
    at_once = told(course, scene, looks)
    one_by_one = in_chunks = course
    for number in range(1, len(looks) + 1):
        one_by_one = restarted(told(one_by_one, scene, looks[:number]))
    done = 0
    for size, restarts, again in [*chunks, (len(looks), True, True)]:
        done = min(done + size, len(looks))
        known = in_chunks.status.look
        # The reader of looks has what status does not know, and the last that it knows.
        given_ = looks[:done] if again else looks[max(0, known - 1) : done]
        in_chunks = told(in_chunks, scene, given_)
        in_chunks = restarted(in_chunks) if restarts else in_chunks
    ended = ends(at_once, scene, looks)
    assert ends(one_by_one, scene, looks) == ended
    assert ends(in_chunks, scene, looks) == ended


def ends(course: Course, scene: Scene, looks: Sequence[Look]) -> ExperimentStatus:
    """Return the status once it is at rest. Of the step only its name: how far its pods and routers
    were is a matter of time."""
    for _ in range(3):
        course = restarted(told(course, scene, looks))
    assert course.status.step is not None
    step = StepStatus(name=course.status.step.name, index=course.status.step.index)
    return course.status.model_copy(update={"step": step})
