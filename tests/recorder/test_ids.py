"""Prediction ids: as routers write them, and nothing else."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.recorder.ids import LENGTH, packed, written

GOOD = "1790000000-6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b"


@given(st.integers(0, 2**32 - 1), st.uuids())
def test_an_id_is_packed_and_written_again(seconds: int, random: uuid.UUID) -> None:
    text = f"{seconds:010d}-{random}"
    assert len(packed(text)) == LENGTH
    assert written(packed(text)) == text


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.uuids())))
def test_ids_are_sorted_by_time(ids: list[tuple[int, uuid.UUID]]) -> None:
    found = [packed(f"{seconds:010d}-{random}") for seconds, random in ids]
    assert [int.from_bytes(one[:4]) for one in sorted(found)] == sorted(one for one, _ in ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 47,
        GOOD[11:],
        GOOD[:-1],
        GOOD + "0",
        GOOD.replace("1790000000", "9999999999"),
        GOOD.replace("1790000000", "-790000000"),
        GOOD.replace("6f1c", "6g1c"),
        GOOD.replace("6f1c", " f1c"),
        GOOD.replace("6f1c2a34-5b6d", "6f1c2a34 5b6d"),
        "\u0661" * 10 + GOOD[10:],
        GOOD + "/0",
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no prediction id"):
        packed(text)
