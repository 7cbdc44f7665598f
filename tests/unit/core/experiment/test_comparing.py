"""How a candidate differs from the incumbent, and how sure that is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.comparing import (
    LEAST_OF_ARM,
    Difference,
    Question,
    compare,
)
from contender.core.experiment.looks import Look
from contender.stats.estimates import (
    LEAST_SPREAD,
    UNSEEN,
    careful_difference,
    mean_by_bucket,
    spread,
    weight,
)
from contender.stats.moments import Moments
from contender.stats.sequences import LEAST_ROWS
from tests.unit.core.experiment.cases import arm, look, pair

ROWS = Question("v2", "churned", "ZeroOne", bound=1.0, by_entity=False)
ENTITIES = replace(ROWS, by_entity=True)
UNBOUNDED = replace(ROWS, bound=None)
BUCKETS = 128


def found(of: Look, question: Question = ROWS) -> Difference:
    difference = compare(of, question)
    assert difference is not None
    return difference


def split(ours: float, theirs: float, n: int = 1000, m: int = 1000, **said: Any) -> Look:
    return look(1, arm("v2", n, ours, **said), arm("incumbent", m, theirs, **said))


# Who is compared.


def test_both_answers_to_the_same_rows_tell_more_than_different_rows() -> None:
    both = look(1, pair(100, 5, 3), arm("v2", 100, 0.9), arm("incumbent", 400, 0.2))
    one = found(both)
    assert one.estimate.value == pytest.approx(0.02)
    assert one.estimate.n == 100
    assert (one.incumbent, one.challenger) == pytest.approx((0.1, 0.12))


def test_without_pairs_the_rows_of_both_arms_are_compared() -> None:
    one = found(split(0.12, 0.1, n=300, m=700))
    assert one.estimate.value == pytest.approx(0.02)
    assert one.estimate.n == 1000
    assert (one.incumbent, one.challenger) == pytest.approx((0.1, 0.12))


def test_each_epoch_is_compared_by_what_there_is() -> None:
    """A shadow, and then a split."""
    both = look(
        1,
        pair(100, 5, 3),
        arm("v2", 50, 0.3, epoch="e2"),
        arm("incumbent", 450, 0.2, epoch="e2"),
    )
    one = found(both)
    assert one.estimate.value == pytest.approx((100 * 0.02 + 45 * 0.1) / 145)
    assert one.estimate.n == 600


@pytest.mark.parametrize(
    "lacking",
    [
        look(1),
        look(1, arm("v2", 100, 0.1)),
        look(1, arm("incumbent", 100, 0.1)),
        look(1, arm("v2", 100, 0.1), arm("incumbent", 100, 0.1, epoch="e2")),
        look(1, arm("v2", 1, 0.0), arm("incumbent", 100, 0.1)),
        look(1, pair(1, 0, 0)),
        look(1, arm("v3", 100, 0.1), arm("incumbent", 100, 0.1)),
        look(1, pair(100, 5, 3, name="v3")),
        look(1, arm("v2", 100, 0.1, loss="Brier"), arm("incumbent", 100, 0.1)),
    ],
)
def test_nothing_is_known_yet(lacking: Look) -> None:
    assert compare(lacking, ROWS) is None


def test_sums_beyond_all_numbers_tell_nothing() -> None:
    assert compare(split(1e200, -1e200, variance=1.0), UNBOUNDED) is None


# Epochs.


def test_a_moving_base_rate_is_no_difference() -> None:
    """Errors rise from 5 to 6 % while the candidate goes from 10 to 50 % (Simpson's paradox)."""
    one = found(
        look(
            1,
            *(arm("v2", 1000, 0.05), arm("incumbent", 9000, 0.05)),
            *(arm("v2", 5000, 0.06, epoch="e2"), arm("incumbent", 5000, 0.06, epoch="e2")),
        )
    )
    assert one.estimate.value == pytest.approx(0.0, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=2))
def test_what_an_epoch_counts_does_not_depend_on_what_it_tells(
    rates: list[tuple[float, float]],
) -> None:
    sizes = ((100, 900), (2000, 2000))
    means = [
        arm(name, n, rate, epoch=f"e{number}")
        for number, (size, pair_of) in enumerate(zip(sizes, rates, strict=True))
        for name, n, rate in zip(("v2", "incumbent"), size, pair_of, strict=True)
    ]
    weights = [weight(*size) for size in sizes]
    gaps = [ours - theirs for ours, theirs in rates]
    expected = sum(w * gap for w, gap in zip(weights, gaps, strict=True)) / sum(weights)
    assert found(look(1, *means)).estimate.value == pytest.approx(expected, abs=1e-12)


def test_entities_that_come_back_are_not_so_many_entities() -> None:
    """Ten times the same rows of the same entities tell as much as once, if it is told by bucket
    who they are."""
    random = np.random.default_rng(1)
    n = random.integers(5, 20, BUCKETS).astype(float)
    sums = random.integers(-3, 4, BUCKETS).astype(float)

    def told(epochs: int, **more: Any) -> float:
        means = []
        for epoch in range(epochs):
            one = pair(int(n.sum()), 100, 100, epoch=f"e{epoch}", **more)
            variance = mean_by_bucket(n, sums)
            assert variance is not None
            means.append({**one, "bucketVariance": variance.variance})
        return found(look(1, *means), replace(ENTITIES, bound=None)).estimate.variance

    by_bucket = {"n": n.tolist(), "sum": sums.tolist()}
    assert told(10, buckets=by_bucket) == pytest.approx(told(1, buckets=by_bucket))
    assert told(10) == pytest.approx(told(1) / 10)


# How sure it is.


def test_a_row_stands_for_itself_or_for_its_entity() -> None:
    both = look(1, pair(10_000, 500, 300, entities=9.0))
    of_rows = found(both, UNBOUNDED).estimate.variance
    of_entities = found(both, replace(ENTITIES, bound=None)).estimate.variance
    assert of_entities == pytest.approx(9 * of_rows)


def test_few_buckets_never_make_rows_surer_than_they_are() -> None:
    both = look(1, pair(10_000, 500, 300, entities=0.2))
    assert found(both, ENTITIES) == found(both)


def test_of_entities_that_nobody_can_tell_apart_nothing_is_known() -> None:
    alone = pair(50, 5, 3)
    alone["bucketVariance"] = None
    assert compare(look(1, alone), ENTITIES) is None
    assert compare(look(1, alone), ROWS) is not None
    # Of other epochs it may be known.
    assert found(look(1, alone, pair(100, 5, 3, epoch="e2")), ENTITIES).estimate.n == 100


@pytest.mark.parametrize(("ours", "theirs"), [(0.0, 0.05), (0.05, 0.0), (0.2, 0.1), (0.1, 0.1)])
@pytest.mark.parametrize(("n", "m"), [(20, 1980), (500, 500)])
def test_a_small_arm_is_not_surer_than_both_together(
    ours: float, theirs: float, n: int, m: int
) -> None:
    """The variance is that of `careful_difference`, and of what neither arm has seen yet."""
    expected = careful_difference(
        Moments(n, n * ours, n * ours), Moments(m, m * theirs, m * theirs)
    )
    assert expected is not None
    unseen = UNSEEN / n**2 + UNSEEN / m**2
    assert found(split(ours, theirs, n, m)).estimate.variance == pytest.approx(
        expected.variance + unseen
    )


def test_models_that_always_agree_are_not_proven_to_agree() -> None:
    one = found(look(1, pair(100, 0, 0)))
    assert one.estimate.variance == pytest.approx(UNSEEN / 100**2)


def test_what_was_not_seen_counts_once_however_many_epochs_there_are() -> None:
    means = [pair(100, 0, 0, epoch=f"e{number}") for number in range(10)]
    assert found(look(1, *means)).estimate.variance == pytest.approx(UNSEEN / 1000**2)


def test_a_greater_loss_may_be_further_off() -> None:
    one = found(look(1, pair(100, 0, 0)), replace(ROWS, bound=13.8))
    assert one.estimate.variance == pytest.approx(UNSEEN * (13.8 / 100) ** 2)


def spread_over(entities: int, each: int, seed: int = 1) -> dict[str, list[float]]:
    """Return by bucket so many entities with rows, none of which is wrong."""
    where = np.random.default_rng(seed).integers(0, BUCKETS, entities)
    n = each * np.bincount(where, minlength=BUCKETS)
    return {"n": [float(one) for one in n], "sum": [0.0] * BUCKETS}


@pytest.mark.parametrize(("entities", "each"), [(30, 100), (100, 30), (400, 50), (2000, 2)])
def test_how_many_entities_there_are_is_seen_by_how_they_are_spread(
    entities: int, each: int
) -> None:
    rows = entities * each
    told = [pair(rows, 0, 0, buckets=spread_over(entities, each, seed)) for seed in range(20)]
    units = [(UNSEEN / found(look(1, one), ENTITIES).estimate.variance) ** 0.5 for one in told]
    assert np.mean(units) == pytest.approx(entities, rel=0.1)


def test_where_each_row_stands_for_itself_entities_do_not_matter() -> None:
    one = pair(4000, 0, 0, buckets=spread_over(40, 100))
    assert found(look(1, one)).estimate.variance == pytest.approx(UNSEEN / 4000**2)


def test_rows_that_are_spread_evenly_are_as_good_as_alone() -> None:
    evenly = {"n": [10.0] * BUCKETS, "sum": [0.0] * BUCKETS}
    one = found(look(1, pair(10 * BUCKETS, 0, 0, buckets=evenly)), ENTITIES)
    assert one.estimate.variance == pytest.approx(UNSEEN / (10 * BUCKETS) ** 2)


# Whether anything may be decided.


@pytest.mark.parametrize(("entities", "enough"), [(5, False), (15, False), (40, True)])
def test_few_entities_decide_nothing(entities: int, enough: bool) -> None:
    buckets = spread_over(entities, 100)
    one = pair(100 * entities, 0, 0, buckets=buckets)
    assert found(look(1, one), ENTITIES).enough is enough
    assert (spread(buckets["n"]) >= LEAST_SPREAD) is enough
    assert found(look(1, one), ROWS).enough


def test_one_arm_with_few_entities_decides_nothing() -> None:
    both = look(
        1,
        arm("v2", 1000, 0.1, buckets=spread_over(10, 100)),
        arm("incumbent", 9000, 0.1, buckets=spread_over(900, 10)),
    )
    assert not found(both, ENTITIES).enough


@pytest.mark.parametrize(
    ("rows", "enough"), [(LEAST_ROWS - 1, False), (LEAST_ROWS, True), (10 * LEAST_ROWS, True)]
)
def test_losses_without_a_bound_need_rows(rows: int, enough: bool) -> None:
    both = look(1, {**pair(rows, 0, 0), "rowVariance": 4.0 / rows})
    assert found(both, UNBOUNDED).enough is enough
    assert found(both, ROWS).enough
    assert found(both, UNBOUNDED).estimate.variance == pytest.approx(4.0 / rows)


@pytest.mark.parametrize(("ours", "enough"), [(LEAST_OF_ARM - 1, False), (LEAST_OF_ARM, True)])
def test_losses_without_a_bound_need_rows_of_each_arm(ours: int, enough: bool) -> None:
    assert found(split(2.0, 1.0, ours, 5000, variance=4.0), UNBOUNDED).enough is enough


@pytest.mark.parametrize(("carrying", "enough"), [(10, False), (100, True)])
def test_a_few_large_losses_decide_nothing(carrying: int, enough: bool) -> None:
    sums = [1000.0 * (-1) ** k if k < carrying else 0.01 * (-1) ** k for k in range(BUCKETS)]
    buckets = {"n": [10.0] * BUCKETS, "sum": sums}
    one = {**pair(10 * BUCKETS, 0, 0, buckets=buckets), "rowVariance": 1.0}
    assert found(look(1, one), UNBOUNDED).enough is enough
