"""What the operator has decided, however it met the looks, is sealed and found sound."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import read_look
from contender.core.manifest import parse_time
from contender.report.checking import Result, check
from contender.report.material import Material, subject_of
from contender.report.sealing import opened, seal, written
from contender.report.text import checks
from tests.unit.core.experiment import cases

Json = dict[str, Any]

ENDED = ("Promoted", "AwaitingSpec", "Rejected", "Inconclusive", "Aborted", "Superseded")


@dataclass(frozen=True)
class Story:
    """What may happen."""

    names: tuple[str, ...]
    errs: tuple[float, ...]
    """Of each candidate; the incumbent errs in a tenth of the rows."""
    labelled: float
    horizon: int | None
    on_no_data: str
    chunks: tuple[int, ...]
    """How many looks the operator meets at a time."""
    refused: tuple[int, ...]
    """By candidate: after which chunk the API server refuses its pods."""
    promotion: str
    seed: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    names = draw(st.sampled_from([("v2",), ("v2", "v3"), ("v2", "v3", "v4")]))
    each = len(names)
    return Story(
        names=names,
        errs=tuple(draw(st.lists(st.sampled_from([0.04, 0.1, 0.2]), min_size=each, max_size=each))),
        labelled=draw(st.sampled_from([1.0, 1.0, 0.85, 0.5])),
        horizon=draw(st.sampled_from([None, 200, 1000])),
        on_no_data=draw(st.sampled_from(["Inconclusive", "Reject"])),
        chunks=tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=8))),
        refused=tuple(
            draw(st.lists(st.sampled_from([0, 1, 2, 99, 99, 99]), min_size=each, max_size=each))
        ),
        promotion=draw(st.sampled_from(["Automatic", "Manual", "Recommend"])),
        seed=draw(st.integers(0, 999)),
    )


def looks_of(story: Story) -> list[Json]:
    """Return what the recorder has noted, at more and more rows."""
    random, n = Random(story.seed), 12
    found: list[Json] = []
    wrong = {name: [0, 0] for name in story.names}
    before = 0
    while len(found) < 90:
        for name, err in zip(story.names, story.errs, strict=True):
            for _ in range(n - before):
                if random.random() < 0.15:
                    wrong[name][random.random() > err / (err + 0.1)] += 1
        truths = max(2, round(n * story.labelled))
        means = [cases.labelled("incumbent", n, truths / n), cases.arm("incumbent", truths, 0.1)]
        for name, (worse, better) in wrong.items():
            means += [
                cases.labelled(name, n, truths / n),
                cases.arm(name, truths, max(0.0, 0.1 + (worse - better) / n)),
                cases.pair(truths, worse * truths // n, better * truths // n, name=name),
            ]
        halves = [cases.halves(n, name=name, rows=n) for name in story.names]
        at = parse_time("2026-01-05T09:00:10Z").timestamp() + 60 * len(found)
        found.append(cases.seen(len(found) + 1, *means, pairs=halves, at=at))
        before, n = n, max(n + 6, round(n * 1.06))
    return found


def played(story: Story, looks: Sequence[Json]) -> tuple[Course, Scene]:
    """Return how the operator has conducted it."""
    analysis: Json = {"onNoData": story.on_no_data}
    if story.horizon:
        analysis["horizon"] = {"rows": story.horizon}
    course, scene = cases.started(
        names=list(story.names), analysis=analysis, promotion=story.promotion
    )
    revisions = {one.name: one.revision for one in course.left}
    met, seconds = 0, 10.0
    for number, chunk in enumerate([*story.chunks, len(looks)]):
        met += chunk
        refused = {
            revisions[name]: "its pods are refused"
            for name, after in zip(story.names, story.refused, strict=True)
            if after <= number
        }
        sees = replace(scene, snapshot=replace(scene.snapshot, refused=refused))
        seconds += 60.0 * chunk
        # At least what status does not know yet, and the last that it does.
        shown = [read_look(one) for one in looks[:met] if one["number"] >= course.status.look]
        course = cases.restarted(cases.told(course, sees, shown, seconds))
        if course.phase not in ("Running", "Paused"):
            return course, scene
    day = 25 * 3600.0
    shown = [read_look(one) for one in looks if one["number"] >= course.status.look]
    return cases.restarted(cases.told(course, scene, shown, day)), scene


@settings(max_examples=25, deadline=None)
@given(stories())
def test_whatever_was_decided_follows_from_what_is_sealed(story: Story) -> None:
    looks = looks_of(story)
    course, scene = played(story, looks)
    status = course.status.model_dump(by_alias=True, exclude_none=True, mode="json")
    if course.phase not in ENDED:
        return
    manifest = {
        **course.owner,
        "spec": course.spec.manifest(),
        "status": json.loads(json.dumps(status)),
    }
    weighed = tuple(one for one in looks if one["number"] <= course.status.look)
    material = Material(subject_of(manifest), scene.snapshot.spec, weighed)
    found = check(*opened(written(seal(material))))
    differing = [one for one in found if one.result is Result.DIFFERS]
    assert differing == [], "\n".join(checks(found))
