"""However answers and truths come - in any order, twice, over restarts, before and after they are
old enough - the same is counted, and it is what a direct calculation has."""

import random
import tempfile
import uuid
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.recorder import upkeep
from contender.recorder.als_pb2 import Entry
from contender.recorder.joining.marks import Marks
from tests.recorder.books import Books
from tests.recorder.direct import calculated, counted, rounded
from tests.recorder.told import NOW, Call, stamp

EVERYONE = {
    "incumbent": ["v2", "v3"],
    "v2": ["incumbent", "v3"],
    "v3": ["incumbent", "v2"],
}
STAMPS = [
    stamp(),
    stamp(epoch="two", copies=EVERYONE, shares={"incumbent": 40, "v2": 30, "v3": 30}),
    b"",
]

FEEDBACK: list[dict[str, Any]] = [
    {"name": "churned", "kind": "Label", "delay": "10m"},
    {"name": "paid", "kind": "Label", "dependsOnAnswer": True},
    {"name": "gain", "kind": "Reward", "delay": "5m", "missing": "Zero"},
    {"name": "margin", "kind": "Reward", "delay": "10m"},
    {"name": "clicks", "kind": "Reward"},
]
END = NOW + 1500
"""Of each history: by then some requests are old enough for all feedbacks, and others for a few."""

predictions = st.fixed_dictionaries(
    {"label": st.sampled_from([0, 1]), "p": st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])}
)
"""Scores whose losses add up exactly in any order, but the logarithmic one."""


@st.composite
def histories(draw: st.DrawFn) -> list[Entry | dict[str, Any]]:
    """Return all that is ever told of some requests."""
    told: list[Entry | dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(1, 3))
        trial = draw(st.sampled_from(STAMPS))
        call = Call(
            f"{int(NOW)}-{uuid.UUID(int=number + 1)}",
            [{"x": n} for n in range(rows)],
            draw(st.sampled_from([NOW - 1000, NOW, NOW + 895, NOW + 905, NOW + 1300])),
            trial,
        )
        served = draw(st.sampled_from(["incumbent", "v2"] if trial == STAMPS[1] else ["incumbent"]))
        answer = st.lists(predictions, min_size=rows, max_size=rows)
        if draw(st.booleans()) or not trial:
            told.append(call.answered(draw(answer), arm=served))
        others = EVERYONE[served] if trial == STAMPS[1] else ["v2"] if trial else []
        for other in others:
            match draw(st.sampled_from(["answers", "fails", "overflows", "lost"])):
                case "answers":
                    told.append(call.copied(draw(answer), arm=other))
                case "fails":
                    told.append(call.copied(b"", arm=other, code=500))
                case "overflows":
                    flags = ["upstream_overflow"]
                    told.append(call.copied(b"", arm=other, code=503, flags=flags))
        for row in range(rows):
            told += [
                {
                    "id": f"{call.id}/{row}",
                    "name": draw(st.sampled_from([one["name"] for one in FEEDBACK])),
                    "value": draw(st.sampled_from([0, 1])),
                    "at": f"2026-01-0{day + 1}T00:00:00Z",
                }
                for day in range(draw(st.integers(0, 2)))
            ]
    return told


def play(
    told: list[Entry | dict[str, Any]], dice: random.Random, *, disturbed: bool
) -> dict[Any, list[float]]:
    """Return all sums, and the losses of all hours, after everything was told."""
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder), feedback=FEEDBACK)
        rest = [*told]
        while rest:
            together = dice.choice([1, 1, 2, 3]) if disturbed else 1
            tell(books, rest[:together], dice.choice([1, 1, 2]) if disturbed else 1)
            del rest[:together]
            if disturbed and dice.random() < 0.3:
                books.later(min(dice.choice([1, 120, 400]), END - books.now))
            if disturbed and dice.random() < 0.15:
                books.start()
        books.later(END - books.now)
        books.later(0)
        check(books)
        found: dict[Any, list[float]] = {**counted(books)}
        for key, data in books.store.hours(books.endpoint, 0, 2**40):
            if key.metric in ("loss", "labelled") and any(data):
                found[key] = rounded(array("d", data))
        books.store.close()
        return found


def tell(books: Books, told: list[Entry | dict[str, Any]], times: int) -> None:
    """Tell it once or more, truths and answers each in one batch."""
    for _ in range(times):
        if items := [one for one in told if isinstance(one, dict)]:
            books.send(*items)
        if entries := [one for one in told if not isinstance(one, dict)]:
            books.take(*entries)


def check(books: Books) -> None:
    """See that the sums are what a direct calculation has."""
    until = {"churned": END - 600, "gain": END - 300, "margin": END - 600}
    marks = Marks(until={name: int(moment * 1e6) for name, moment in until.items()})
    assert counted(books) == calculated(books, marks)


@settings(max_examples=40, deadline=None)
@given(told=histories(), seed=st.integers(0, 2**32))
def test_the_same_is_counted_in_whatever_order_it_comes(
    told: list[Entry | dict[str, Any]], seed: int
) -> None:
    dice = random.Random(seed)
    expected = play(told, dice, disturbed=False)
    shuffled = [*told]
    dice.shuffle(shuffled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "PORTION", dice.choice([1, 2, 5, 2000]))
        found = play(shuffled, dice, disturbed=True)
    assert {key: found.get(key) for key in found.keys() ^ expected.keys()} == {}
    for key, numbers in expected.items():
        assert found[key] == numbers, key
