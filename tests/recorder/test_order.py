"""However answers and truths come - in any order, twice, over restarts - the same is counted."""

import random
import tempfile
import uuid
from array import array
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contender.recorder.als_pb2 import Entry
from tests.recorder.books import Books
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
            f"{int(NOW)}-{uuid.UUID(int=number + 1)}", [{"x": n} for n in range(rows)], NOW, trial
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
                    "name": draw(st.sampled_from(["churned", "gain"])),
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
        books = Books(Path(folder))
        for one in told:
            for _ in range(dice.choice([1, 1, 2]) if disturbed else 1):
                if isinstance(one, dict):
                    books.send(one)
                else:
                    books.take(one)
            if disturbed and dice.random() < 0.2:
                books.later(dice.choice([1, 120]))
            if disturbed and dice.random() < 0.1:
                books.start()
        books.later(200)
        books.later(1)
        found = {key: _rounded(data) for key, data, _ in books.store.statistics() if any(data)}
        hours = {
            key: _rounded(data)
            for key, data in books.store.hours(books.endpoint, 0, 2**40)
            if key.metric in ("loss", "labelled") and any(data)
        }
        books.store.close()
        return found | hours


def _rounded(data: bytes) -> list[float]:
    return [round(number, 9) for number in array("d", data)]


@settings(max_examples=40, deadline=None)
@given(told=histories(), seed=st.integers(0, 2**32))
def test_the_same_is_counted_in_whatever_order_it_comes(
    told: list[Entry | dict[str, Any]], seed: int
) -> None:
    dice = random.Random(seed)
    expected = play(told, dice, disturbed=False)
    shuffled = [*told]
    dice.shuffle(shuffled)
    found = play(shuffled, dice, disturbed=True)
    assert {key: found.get(key) for key in found.keys() ^ expected.keys()} == {}
    for key, numbers in expected.items():
        assert found[key] == numbers, key
