"""With as many rows as are planned, what is there is found as often as was asked for: by what the
operator makes of a look. Seeds are fixed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from contender.core.experiment.looks import Look, read_look
from contender.core.experiment.weighing import Task, weigh
from contender.report.sizes import Question, sizes
from contender.stats.estimates import mean_by_bucket
from tests.unit.core.experiment.cases import ACCURACY, AS_GOOD, REVENUE, Json, task

Numbers = NDArray[np.float64]
Random = np.random.Generator

BUCKETS = 128
RUNS = 500
TOLERANCE = 0.055
"""Three standard errors of a share of .8 in so many runs."""


class Rows(NamedTuple):
    """What comes."""

    incumbent: Numbers
    """Losses, or rewards, row by row."""
    challenger: Numbers
    unit: NDArray[np.int64]
    """Which request each row is of."""
    ours: NDArray[np.bool_] | None
    """Which rows the challenger answers; None: both answer all."""


Draw = Callable[[Random, int], Rows]


def errors(discordant: float, gain: float, *, each: int = 1, icc: float = 0.0) -> Draw:
    """Return pairs in which one arm alone is wrong so often.

    Args:
        discordant: share of rows in which one arm alone is wrong.
        gain: how much more often that is the incumbent.
        each: rows of a request.
        icc: how alike they are.
    """

    def gaps(random: Random, size: tuple[int, int]) -> Numbers:
        chance = random.random(size)
        found: Numbers = np.where(
            chance < (discordant - gain) / 2, 1.0, np.where(chance < discordant, -1.0, 0.0)
        )
        return found

    def draw(random: Random, rows: int) -> Rows:
        requests = -(-rows // each)
        # Two rows are alike if both copy their request: with probability sqrt(icc) squared.
        copies = random.random((requests, each)) < icc**0.5
        gap = np.where(copies, gaps(random, (requests, 1)), gaps(random, (requests, each))).ravel()
        theirs, ours = ((gap < 0).astype(float), (gap > 0).astype(float))
        return Rows(theirs, ours, np.arange(len(gap)) // each, None)

    return draw


def split(share: float, incumbent: float, challenger: float) -> Draw:
    """Return a split in which each row is 1 so often."""

    def draw(random: Random, rows: int) -> Rows:
        ours = random.random(rows) < share
        theirs, mine = (
            (random.random(rows) < one).astype(float) for one in (incumbent, challenger)
        )
        return Rows(theirs, mine, np.arange(rows), ours)

    return draw


def look(random: Random, of: Rows, told: Json) -> Look:
    """Return how the recorder sees it."""
    bucket = random.integers(0, BUCKETS, int(of.unit.max()) + 1)[of.unit]

    def mean(name: Mapping[str, Any], values: Numbers, where: NDArray[np.int64]) -> Json:
        n = np.bincount(where, minlength=BUCKETS).astype(float)
        sums = np.bincount(where, values, BUCKETS).astype(float)
        by_bucket = mean_by_bucket(n, sums)
        return {
            "epoch": "e0",
            **told,
            **name,
            "n": len(values),
            "mean": float(values.mean()),
            "rowVariance": float(values.var(ddof=1)) / len(values),
            "bucketVariance": by_bucket.variance if by_bucket else None,
            "buckets": {"n": n.tolist(), "sum": sums.tolist()},
        }

    if of.ours is None:
        means = [mean({"arm": "v2", "kind": "pair"}, of.challenger - of.incumbent, bucket)]
    else:
        arms = (("v2", of.challenger, of.ours), ("incumbent", of.incumbent, ~of.ours))
        means = [
            mean({"arm": name, "kind": "arm"}, values[mine], bucket[mine])
            for name, values, mine in arms
        ]
    return read_look({"number": 1, "at": 0, "means": means, "pairs": []})


def found(of: Task, draw: Draw, rows: int, *, at_horizon: bool) -> float:
    """Return in what share of all runs the goal is passed after so many rows."""
    told = {"feedback": of.objective.feedback, "loss": of.loss}
    passed = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        difference = of.compare(look(random, draw(random, rows), told))
        assert difference is not None
        passed += weigh(of, difference, at_horizon=at_horizon).verdict == 1
    return passed / RUNS


DESIGNS = {
    "errors": (Question(share=0.1, discordant=0.12), ACCURACY, 0.05, errors(0.12, 0.05)),
    "rare errors": (Question(share=0.02, discordant=0.02), ACCURACY, 0.012, errors(0.02, 0.012)),
    "as good": (
        Question(share=0.1, discordant=0.1, goal="NonInferior", margin=0.05),
        AS_GOOD,
        0.0,
        errors(0.1, 0.0),
    ),
    "alike": (
        Question(share=0.1, discordant=0.1, rows_per_request=10, icc=0.3),
        ACCURACY,
        0.04,
        errors(0.1, 0.04, each=10, icc=0.3),
    ),
    "batches of rows that are not alike": (
        Question(share=0.1, discordant=0.1, rows_per_request=10),
        ACCURACY,
        0.03,
        errors(0.1, 0.03, each=10),
    ),
    "rows": (
        Question(share=0.1, discordant=0.1, by_entity=False),
        {**ACCURACY, "unit": "Row"},
        0.03,
        errors(0.1, 0.03),
    ),
    "split": (Question(share=0.2, split=0.5), ACCURACY, 0.06, split(0.5, 0.2, 0.14)),
    "small arm": (Question(share=0.2, split=0.1), ACCURACY, 0.1, split(0.1, 0.2, 0.1)),
    "reward": (
        Question(loss="Value", share=0.2, split=0.3),
        REVENUE,
        0.06,
        split(0.3, 0.2, 0.26),
    ),
}


@pytest.mark.parametrize("at_horizon", [False, True], ids=["always", "horizon"])
@pytest.mark.parametrize("design", DESIGNS)
def test_the_planned_rows_find_it_as_often_as_planned(design: str, at_horizon: bool) -> None:
    """This is the power of the last look: those before it add to it."""
    question, objective, gain, draw = DESIGNS[design]
    (size,) = sizes(question, [gain])
    assert size.always
    assert size.horizon
    rows = (size.horizon if at_horizon else size.always).rows
    of = task(objective, horizon={"rows": rows} if at_horizon else None)
    assert abs(found(of, draw, rows, at_horizon=at_horizon) - 0.8) < TOLERANCE
