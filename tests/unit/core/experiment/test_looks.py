"""Looks as the recorder tells them."""

from array import array
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.looks import MISSING, Halves, Look, read_look
from contender.recorder.http.looks import SeenLook, SeenMean, SeenPairs
from contender.recorder.joining import looks as recorder
from contender.recorder.joining.sums import PAIR_COUNTS, add, empty
from contender.recorder.model import StatisticKey
from tests.unit.core.experiment.cases import arm, halves, labelled, look, pair, seen

WHOLE = seen(
    7,
    pair(100, 5, 3),
    arm("incumbent", 100, 0.1, buckets={"n": [60, 40], "sum": [7.0, 3.0]}),
    labelled("v2", 100, 0.9),
    pairs=[halves(90, rows=180, failedChallenger=5, overflow=2)],
    at=1767603601,
)


def recorded(kind: str, amounts: list[tuple[float, ...]], arm: str = "v2") -> recorder.Sums:
    """Return sums of the recorder."""
    sums: array[float] = empty(kind)
    for amount in amounts:
        add(kind, sums, amount, 1)
    feedback, loss = ("churned", "ZeroOne") if kind != "pairs" else ("", "")
    return {StatisticKey(1, "uid", "e1", arm, kind, feedback, loss, "", "judge"): sums}


def counts(**named: int) -> tuple[float, ...]:
    return tuple(float(named.get(name, 0)) for name in PAIR_COUNTS)


def told(*sums: recorder.Sums) -> Look:
    """Return what the operator reads of what the recorder has seen."""
    together = {key: numbers for one in sums for key, numbers in one.items()}
    return read_look({"number": 3, "at": 1767603601, **recorder.seen(together)})


def test_pairs_of_the_recorder_are_read() -> None:
    found = told(
        recorded("pair", [(1, 0, 1), (2, 0, 1), (3, 1, 0), (3, 0, 0)]),
        recorded("pairs", [counts(complete=4, rows=4, agree=1, disagree=3), counts(lost=1)]),
    )
    (one,) = found.means
    assert (one.epoch, one.arm, one.paired, one.feedback) == ("e1", "v2", True, "churned")
    assert (one.n, one.mean, one.incumbent, one.challenger) == (4, 0.25, 0.25, 0.5)
    assert one.row_variance == pytest.approx((3 - 1 / 4) / 3 / 4)
    assert one.bucket_variance is not None
    assert one.bucket_variance > 0
    assert found.halves == (Halves("e1", "v2", complete=4, missing=1),)


def test_an_arm_of_the_recorder_is_read() -> None:
    (one,) = told(recorded("arm", [(1, 1), (2, 0), (9, 0), (9, 1)])).means
    assert (one.arm, one.paired, one.loss, one.n, one.mean) == ("v2", False, "ZeroOne", 4, 0.5)
    assert one.row_variance == pytest.approx(1 / 12)


def test_that_nobody_can_tell_how_sure_it_is_by_request_is_read_as_that() -> None:
    (one,) = told(recorded("arm", [(5, 1), (5, 0)])).means  # all in one bucket
    assert one.bucket_variance is None


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ({}, Halves("e1", "v2", 0, 0)),
        ({"complete": 10, "rows": 10}, Halves("e1", "v2", 10, 0)),
        # A failure is no missing half, nor is what is never copied.
        ({"complete": 5, "failedIncumbent": 5, "ineligible": 9}, Halves("e1", "v2", 5, 0)),
        (
            {"overflow": 1, "lost": 2, "cancelled": 4, "unread": 8, "incumbentMissing": 16},
            Halves("e1", "v2", 0, 31),
        ),
        ({"complete": 1, "servedLost": 2}, Halves("e1", "v2", 1, 2)),
    ],
)
def test_how_many_pairs_are_whole(counted: dict[str, int], expected: Halves) -> None:
    one = {"epoch": "e1", "arm": "v2", "counts": counted}
    assert read_look(seen(1, pairs=[one])).halves == (expected,)


def test_what_is_counted_is_what_the_recorder_counts() -> None:
    assert {*MISSING} <= {*PAIR_COUNTS}


def test_what_is_read_is_what_the_recorder_tells() -> None:
    assert WHOLE.keys() - SeenLook.model_fields.keys() == set()
    for mean in WHOLE["means"]:
        assert mean.keys() <= SeenMean.model_fields.keys()
    for one in WHOLE["pairs"]:
        assert one.keys() == SeenPairs.model_fields.keys()


def test_buckets_of_the_recorder_are_read() -> None:
    found = told(recorded("arm", [(1, 1), (2, 0), (9, 0), (9, 1)])).means[0].buckets
    assert found is not None
    assert {number: n for number, n in enumerate(found.n) if n} == {1: 1, 2: 1, 9: 2}
    assert {number: one for number, one in enumerate(found.sums) if one} == {1: 1, 9: 1}


def test_buckets_are_read_where_they_are_told() -> None:
    buckets = {"n": [2.0, 0.0, 1.0], "sum": [1.0, 0.0, 0.5]}
    ours, theirs = read_look(
        seen(1, arm("v2", 3, 0.5, buckets=buckets), arm("incumbent", 9, 0.1))
    ).means
    assert ours.buckets is not None
    assert (ours.buckets.n, ours.buckets.sums) == ((2.0, 0.0, 1.0), (1.0, 0.0, 0.5))
    assert theirs.buckets is None


def test_means_are_found_by_arm_feedback_and_loss_in_each_epoch() -> None:
    found = look(
        1,
        arm("v2", 10, 0.1),
        arm("v2", 20, 0.1, epoch="e2"),
        arm("v2", 30, 0.1, feedback="other"),
        arm("v2", 40, 0.1, loss="Brier"),
        arm("v3", 50, 0.1),
        pair(60, 1, 1),
    )
    arms = found.of("v2", "churned", "ZeroOne", paired=False)
    assert {epoch: one.n for epoch, one in arms.items()} == {"e1": 10, "e2": 20}
    pairs = found.of("v2", "churned", "ZeroOne", paired=True)
    assert {epoch: one.n for epoch, one in pairs.items()} == {"e1": 60}


def _places(told: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = told.items() if isinstance(told, dict) else enumerate(told)
    found = [(*path, key) for key, _ in inner]
    inner = told.items() if isinstance(told, dict) else enumerate(told)
    for key, value in inner:
        if isinstance(value, (dict, list)):
            found += _places(value, (*path, key))
    return found


@given(
    st.sampled_from(_places(WHOLE)),
    st.sampled_from([None, "", "many", [], [1], {}, {"n": 1}, True, float("nan")]),
)
def test_nonsense_is_called_so_and_nothing_else_happens(
    place: tuple[Any, ...], nonsense: object
) -> None:
    """The reader of looks goes on asking after these errors, and only after these."""
    broken = deepcopy(WHOLE)
    inner: Any = broken
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = nonsense
    try:
        found = read_look(broken)
    except (KeyError, ValueError, TypeError):
        return
    assert isinstance(found, Look)


@pytest.mark.parametrize("missing", ["number", "at", "means", "pairs"])
def test_a_look_that_lacks_something_is_none(missing: str) -> None:
    with pytest.raises(KeyError):
        read_look({key: value for key, value in WHOLE.items() if key != missing})
