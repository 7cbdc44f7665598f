"""Replays of whole Experiments whose truth is known: who is promoted, who is rejected, and when.

Requests become sums, sums looks as the recorder takes them, and looks go through all that an
operator decides. Seeds are fixed; shares are allowed three standard errors.
"""

from array import array
from collections.abc import Callable
from math import ceil
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pytest

from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import Look, Mean, read_look
from contender.core.experiment.weighing import PLANNED_ROWS
from contender.core.manifest import parse_time
from contender.recorder.joining import looks as recorder
from contender.recorder.joining.looks import GROWTH
from contender.recorder.joining.sums import PAIR_COUNTS, add, empty
from contender.recorder.model import StatisticKey
from contender.router.traffic import INCUMBENT
from contender.stats.planning import (
    Design,
    rows_needed,
    sequential_rows,
    unseen,
    variance_of_pairs,
)
from tests.properties.looking import at_most
from tests.properties.streams import Numbers, Stream, looks, stream
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    HALF,
    Json,
    comparison,
    started,
    told,
)

ALPHA = 0.05
RUNS = 40
ROWS = 2500
Random = np.random.Generator
Draw = Callable[[Random], Stream]
"""One Experiment's requests."""


class Ends(NamedTuple):
    """How many of all runs ended in which way."""

    runs: int
    promoted: int
    rejected: int
    rows: list[float]
    """Of those that were decided: after how many rows."""

    def __repr__(self) -> str:
        rows = f", after {median(self.rows):.0f} rows in the median" if self.rows else ""
        return f"{self.promoted} promoted and {self.rejected} rejected of {self.runs}{rows}"

    @property
    def decided(self) -> int:
        return self.promoted + self.rejected


def replayed(draw: Draw, runs: int = RUNS, **said: Any) -> Ends:
    """Return how runs end for v2.

    Args:
        draw: what comes.
        runs: how many.
        said: of the spec of the Experiment.
    """
    course, scene = started(**said)
    promoted = rejected = 0
    rows: list[float] = []
    for seed in range(runs):
        ended = ending(course, scene, draw(np.random.default_rng(seed)))
        won, lost = ended.status.leader == "v2", "v2" in ended.rejected
        promoted, rejected = promoted + won, rejected + lost
        if won or lost:
            rows.append(comparison(ended).rows)
    return Ends(runs, promoted, rejected, rows)


def ending(course: Course, scene: Scene, of: Stream) -> Course:
    """Return the Experiment after all looks at a stream."""
    assert course.status.began_at is not None
    began = parse_time(course.status.began_at).timestamp()
    return told(course, scene, [read_look(one) for one in looks(of, began)])


def is_rare(count: int, runs: int = RUNS, share: float = ALPHA) -> bool:
    return count <= at_most(share, runs) * runs


def is_frequent(count: int, share: float, runs: int = RUNS) -> bool:
    return count >= (share - 3 * (share * (1 - share) / runs) ** 0.5) * runs


# What comes.


def in_pairs(
    worse: float, better: float, rows: int = ROWS, names: tuple[str, ...] = ("v2",)
) -> Draw:
    """Return requests of one row that all arms answer. One of a hundred is too hard for all."""

    def draw(random: Random) -> Stream:
        hard = random.random(rows) < 0.01
        theirs = random.random(rows) < better
        losses = {INCUMBENT: _wrong(hard | theirs)}
        for name in names:
            ours = ~theirs & (random.random(rows) < worse / (1 - better))
            losses[name] = _wrong(hard | ours)
        return stream(random, losses, paired=True)

    return draw


def in_batches(discordant: float, alike: float, requests: int, rows: int) -> Draw:
    """Return requests of many rows that are alike, each wrong as often by either arm."""

    def draw(random: Random) -> Stream:
        def gaps(size: tuple[int, ...]) -> Numbers:
            chance = random.random(size)
            return np.where(chance < discordant / 2, 1.0, np.where(chance < discordant, -1.0, 0.0))

        # Two rows are alike if both copy their request: with probability sqrt(alike) squared.
        copies = random.random((requests, rows)) < alike**0.5
        gap = np.where(copies, gaps((requests, 1)), gaps((requests, rows))).ravel()
        losses = {INCUMBENT: _wrong(gap < 0), "v2": _wrong(gap > 0)}
        return stream(random, losses, paired=True, rows_each=rows)

    return draw


class Epoch(NamedTuple):
    """A stretch of a split."""

    rows: int
    share: float
    """Of requests, that the candidate answers."""
    theirs: float
    ours: float
    """How often each arm is wrong."""


def in_split(*epochs: Epoch) -> Draw:
    """Return requests of one row that one arm answers each."""

    def draw(random: Random) -> Stream:
        told_of = [(number, one) for number, one in enumerate(epochs) for _ in range(one.rows)]
        share, theirs, ours = (
            np.array([getattr(one, what) for _, one in told_of])
            for what in ("share", "theirs", "ours")
        )
        n = len(told_of)
        mine = random.random(n) < share
        wrong = random.random(n) < np.where(mine, ours, theirs)
        losses = {
            INCUMBENT: np.where(mine, np.nan, wrong),
            "v2": np.where(mine, wrong, np.nan),
        }
        epoch = np.array([number for number, _ in told_of])
        return stream(random, losses, paired=False, epoch=epoch)

    return draw


def _wrong(rows: Any) -> Numbers:
    found: Numbers = rows.astype(float)
    return found


# The looks of these tests are those of the recorder.


def recorded(of: Stream, rows: int) -> Look:
    """Return what the recorder sees after so many rows that have come one by one."""
    sums: dict[StatisticKey, array[float]] = {}

    def count(kind: str, arm: str, loss: str, epoch: int, amount: tuple[float, ...]) -> None:
        feedback = "churned" if loss else ""
        key = StatisticKey(1, "uid", f"e{epoch}", arm, kind, feedback, loss, "", "judge")
        add(kind, sums.setdefault(key, empty(kind)), amount, 1)

    for row in range(rows):
        bucket, epoch = float(of.bucket[row]), int(of.epoch[row])
        losses = {arm: float(one[row]) for arm, one in of.losses.items() if np.isfinite(one[row])}
        for arm, loss in losses.items():
            count("arm", arm, "ZeroOne", epoch, (bucket, loss))
            count("arm", arm, "Labelled", epoch, (bucket, 1.0))
        for candidate in of.candidates:
            named = {"requests": 1}
            if of.paired:
                count(
                    "pair",
                    candidate,
                    "ZeroOne",
                    epoch,
                    (bucket, losses[INCUMBENT], losses[candidate]),
                )
                named |= {"eligible": 1, "complete": 1, "rows": 1}
            count("pairs", candidate, "", epoch, tuple(named.get(one, 0) for one in PAIR_COUNTS))
    return read_look({"number": 1, "at": 0, **recorder.seen(sums)})


def place(mean: Mean) -> tuple[str, str, bool, str]:
    return mean.epoch, mean.arm, mean.paired, mean.loss


@pytest.mark.parametrize(
    "draw",
    [
        in_pairs(0.1, 0.05, rows=300),
        in_split(Epoch(150, 0.1, 0.1, 0.1), Epoch(150, 0.5, 0.2, 0.1)),
    ],
)
def test_a_stream_is_seen_as_the_recorder_sees_it(draw: Draw) -> None:
    of = draw(np.random.default_rng(3))
    for told_of in looks(of):
        mine = read_look(told_of)
        came = int(mine.at) + 1
        other = recorded(of, came)
        assert recorder.is_due(told_of["total"], 0)
        assert sorted(map(place, mine.means)) == sorted(map(place, other.means))
        for one, same in zip(
            sorted(mine.means, key=place), sorted(other.means, key=place), strict=True
        ):
            assert (one.n, one.buckets) == (same.n, same.buckets)
            assert [one.mean, one.row_variance, one.incumbent, one.challenger] == pytest.approx(
                [same.mean, same.row_variance, same.incumbent, same.challenger], abs=1e-12
            )
            assert one.bucket_variance == pytest.approx(same.bucket_variance, abs=1e-12)
        assert {*mine.halves} == {*other.halves}


def test_looks_are_taken_when_the_recorder_takes_them() -> None:
    totals = [one["total"] for one in looks(in_pairs(0.1, 0.1)(np.random.default_rng(1)))]
    assert all(
        recorder.is_due(total, last) for last, total in zip([0, *totals], totals, strict=False)
    )
    # Not one of them comes later than a request after it was due: five more are known by then.
    assert not any(
        recorder.is_due(total - 5, last) for last, total in zip([0, *totals], totals, strict=False)
    )


# Equal ones.


EQUAL: dict[str, tuple[Draw, Json]] = {
    "5 % of the rows differ": (in_pairs(0.025, 0.025), {}),
    "a horizon at the end": (
        in_pairs(0.05, 0.05, rows=1030),
        {"analysis": {"horizon": {"rows": 1000}}},
    ),
    "50 alike rows a request": (in_batches(0.1, 0.5, 200, 50), {}),
    "a split of 10 %": (in_split(Epoch(ROWS, 0.1, 0.1, 0.1)), {"steps": [HALF]}),
    "a ramp while errors become more": (
        in_split(
            Epoch(800, 0.01, 0.05, 0.05), Epoch(800, 0.1, 0.1, 0.1), Epoch(900, 0.5, 0.2, 0.2)
        ),
        {"steps": [HALF]},
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_one_that_is_equal_is_neither_promoted_nor_rejected(name: str) -> None:
    draw, said = EQUAL[name]
    found = replayed(draw, **said)
    assert is_rare(found.decided), found


WORSE_BY_THE_MARGIN: dict[str, tuple[Draw, Json]] = {
    "in pairs": (in_pairs(0.05, 0.0), {}),
    "in a split of 10 %": (in_split(Epoch(ROWS, 0.1, 0.001, 0.051)), {"steps": [HALF]}),
}


@pytest.mark.parametrize("name", WORSE_BY_THE_MARGIN)
def test_one_that_is_worse_by_the_margin_is_not_taken_for_as_good(name: str) -> None:
    draw, said = WORSE_BY_THE_MARGIN[name]
    found = replayed(draw, objectives=[AS_GOOD], **said)
    assert is_rare(found.decided), found


def test_rows_of_a_request_that_are_taken_for_independent_decide_what_is_not_there() -> None:
    """What `unit: Row` is not for."""
    found = replayed(in_batches(0.1, 0.5, 200, 50), 20, objectives=[{**ACCURACY, "unit": "Row"}])
    assert found.decided > 10, found


# One that is better, and one that is worse.


DESIGN = Design(
    effect=-0.05,
    variance=variance_of_pairs(0.12, -0.05),
    bucketed=1,
    unseen=unseen(1.0, [1.0]),
)


def test_one_that_is_better_is_promoted_by_the_planned_rows() -> None:
    rows = sequential_rows(DESIGN, planned=PLANNED_ROWS)
    found = replayed(in_pairs(0.035, 0.085, rows=rows))
    assert is_frequent(found.promoted, 0.8), found
    assert found.rejected == 0, found
    # Who looks all the time needs more rows than are planned for one look, but not much more.
    assert 0.5 < median(found.rows) / rows_needed(DESIGN).fixed < 2.5, found


def test_with_a_horizon_nearly_as_few_rows_are_enough_as_for_one_look() -> None:
    rows = rows_needed(DESIGN).horizon
    # The first look after so many rows is the one at the horizon.
    draw = in_pairs(0.035, 0.085, rows=ceil(GROWTH * rows))
    found = replayed(draw, analysis={"horizon": {"rows": rows}})
    assert is_frequent(found.promoted, 0.8), found
    assert found.rejected == 0, found


def test_one_that_is_worse_is_rejected() -> None:
    rows = sequential_rows(DESIGN, planned=PLANNED_ROWS)
    found = replayed(in_pairs(0.085, 0.035, rows=rows))
    assert is_frequent(found.rejected, 0.8), found
    assert found.promoted == 0, found


def test_one_that_is_better_is_found_in_a_ramp() -> None:
    ramp = in_split(
        Epoch(1000, 0.01, 0.1, 0.03), Epoch(1000, 0.1, 0.15, 0.05), Epoch(2000, 0.5, 0.2, 0.1)
    )
    found = replayed(ramp, 20, steps=[HALF])
    assert is_frequent(found.promoted, 0.9, 20), found
    assert found.rejected == 0, found


def test_the_same_model_is_soon_known_to_be_as_good() -> None:
    found = replayed(in_pairs(0.0, 0.0, rows=400), 5, objectives=[AS_GOOD])
    assert found.promoted == 5
    assert max(found.rows) <= 300


# Several candidates.


def three(random: Random) -> Stream:
    """One is better, one is equal, one is worse."""
    rows = ROWS
    theirs = random.random(rows) < 0.1
    shares = {"v2": (0.03, 0.3), "v3": (0.1, 1.0), "v4": (0.2, 1.0)}
    losses = {INCUMBENT: _wrong(theirs)}
    for name, (alone, with_it) in shares.items():
        wrong = random.random(rows) < np.where(theirs, with_it, alone)
        losses[name] = _wrong(wrong) if name != "v3" else _wrong(_exchanged(random, theirs))
    return stream(random, losses, paired=True)


def _exchanged(random: Random, wrong: Any) -> Any:
    """Return errors that are as frequent, a third of them in other rows."""
    moved = random.random(len(wrong)) < 0.3
    return np.where(moved, random.random(len(wrong)) < 0.1, wrong)


def test_of_three_the_better_one_wins_and_the_worse_one_goes() -> None:
    """Alpha is shared, and the experiment ends when one has won."""
    runs = 20
    course, scene = started(names=("v2", "v3", "v4"))
    ended = [ending(course, scene, three(np.random.default_rng(seed))) for seed in range(runs)]
    assert is_frequent(sum(one.status.winner == "v2" for one in ended), 0.95, runs)
    assert is_frequent(sum("v4" in one.rejected for one in ended), 0.95, runs)
    assert is_rare(sum("v3" in (one.status.winner, *one.rejected) for one in ended), runs)


# Truths that come late.


def late(uninformative: float, *, at_once: bool, delay: float = 0.0) -> Draw:
    """Return requests of equal arms; that the candidate was wrong becomes known late.

    Args:
        uninformative: the share of other rows of which the truth is as late.
        at_once: whether what is late comes at one moment, when all requests have; else each of it
            four hours after its request.
        delay: in seconds, how late truths are told to be.
    """

    def draw(random: Random) -> Stream:
        chance = random.random(ROWS)
        theirs, ours = chance < 0.05, (chance >= 0.05) & (chance < 0.1)
        is_late = ours | (random.random(ROWS) < uninformative)
        took = 2.0 * ROWS - np.arange(ROWS) if at_once else np.full(ROWS, 14_400.0)
        losses = {INCUMBENT: _wrong(theirs), "v2": _wrong(ours)}
        return stream(random, losses, paired=True, late=np.where(is_late, took, 0.0), delay=delay)

    return draw


def test_truths_that_are_late_are_waited_for() -> None:
    """Seven of ten rows have a truth early, and by those the candidate is better."""
    of = late(0.3, at_once=True)
    eager = replayed(of, 10, analysis={"minFeedbackCoverage": 0.0})
    assert eager.promoted == 10, eager
    careful = replayed(of, RUNS // 2)
    assert is_rare(careful.decided, RUNS // 2), careful


def test_rows_count_when_they_are_as_old_as_their_truths_may_be_late() -> None:
    """Coverage alone would not help: all truths are there but those that speak against it."""
    assert replayed(late(0.0, at_once=False), 10).promoted == 10
    careful = replayed(late(0.0, at_once=False, delay=14_400.0), RUNS // 2)
    assert is_rare(careful.decided, RUNS // 2), careful
