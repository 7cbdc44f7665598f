"""What one look says about an objective."""

from dataclasses import replace
from math import inf, isclose, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.comparing import Difference
from contender.core.experiment.looks import Look
from contender.core.experiment.weighing import (
    PLANNED_ROWS,
    Task,
    Weighed,
    coverage,
    needed,
    unjudged,
    weigh,
)
from contender.stats.estimates import Estimate
from contender.stats.fixed import SEQUENTIAL_SHARE, z_interval
from contender.stats.losses import LOSSES
from contender.stats.sequences import LEAST_ROWS, interval, mixture
from tests.unit.core.experiment.cases import (
    ACCURACY,
    AS_GOOD,
    REVENUE,
    Json,
    arm,
    in_pairs,
    labelled,
    look,
    pair,
    task,
)


def said(of: Task, seen: Look, *, at_horizon: bool = False) -> Weighed:
    found = of.compare(seen)
    assert found is not None
    return weigh(of, found, at_horizon=at_horizon)


def differing(
    value: float, error: float = 0.001, n: float = 10_000, enough: bool = True
) -> Difference:
    """Return a difference, candidate minus incumbent, with its standard error."""
    return Difference(Estimate(value, error * error, n), 0.1, 0.1 + value, enough)


# Which way is better, and by how much it has to be.


@pytest.mark.parametrize(
    ("objective", "difference", "verdict"),
    [
        # Of losses, less is better.
        (ACCURACY, -0.03, 1),
        (ACCURACY, 0.03, -1),
        (ACCURACY, 0.0, 0),
        ({**ACCURACY, "margin": 0.02}, -0.03, 1),
        ({**ACCURACY, "margin": 0.02}, -0.02, 0),
        ({**ACCURACY, "margin": 0.02}, -0.01, -1),
        ({**ACCURACY, "margin": 0.02}, 0.0, -1),
        (AS_GOOD, 0.0, 1),
        (AS_GOOD, 0.04, 1),
        (AS_GOOD, 0.05, 0),
        (AS_GOOD, 0.06, -1),
        (AS_GOOD, -0.06, 1),
        # Of rewards, more is.
        (REVENUE, 0.03, 1),
        (REVENUE, -0.03, -1),
        (REVENUE, 0.0, 0),
        ({**REVENUE, "margin": 0.02}, 0.03, 1),
        ({**REVENUE, "margin": 0.02}, 0.01, -1),
        ({**REVENUE, "goal": "NonInferior", "margin": 0.05}, -0.04, 1),
        ({**REVENUE, "goal": "NonInferior", "margin": 0.05}, -0.05, 0),
        ({**REVENUE, "goal": "NonInferior", "margin": 0.05}, -0.06, -1),
    ],
)
def test_on_which_side_of_the_goal_it_is(objective: Json, difference: float, verdict: int) -> None:
    found = weigh(task(objective), differing(difference), at_horizon=False)
    assert found.verdict == verdict
    assert found.gain == pytest.approx(
        difference if objective["name"] == "revenue" else -difference
    )
    assert found.low < found.gain < found.high


@given(
    st.sampled_from([ACCURACY, AS_GOOD, REVENUE, {**REVENUE, "margin": 0.03}]),
    st.floats(-0.3, 0.3),
    st.floats(1e-4, 0.2),
    st.integers(10, 10**6),
    st.floats(0.001, 0.2),
)
def test_it_is_decided_just_when_the_evidence_is_as_much_as_needed(
    objective: Json, value: float, error: float, n: int, alpha: float
) -> None:
    of = task(objective, alpha=alpha)
    found = weigh(of, differing(value, error, n), at_horizon=False)
    if not isclose(found.evidence, needed(of), abs_tol=1e-6):
        assert (found.verdict != 0) == (found.evidence > needed(of))


@given(st.floats(-0.3, 0.3), st.floats(1e-4, 0.2), st.integers(10, 10**6))
def test_of_a_loss_as_much_is_said_as_of_a_reward_with_the_other_sign(
    value: float, error: float, n: int
) -> None:
    loss = weigh(task(ACCURACY), differing(value, error, n), at_horizon=False)
    reward = weigh(task(REVENUE), differing(-value, error, n), at_horizon=False)
    assert (loss.gain, loss.low, loss.high, loss.evidence, loss.verdict) == (
        *(reward.gain, reward.low, reward.high, reward.evidence, reward.verdict),
    )


# How sure one has to be.


def test_the_interval_is_the_one_that_holds_at_every_look() -> None:
    found = weigh(task(), differing(-0.01), at_horizon=False)
    expected = interval(Estimate(0.01, 1e-6, 10_000), mixture(PLANNED_ROWS, 0.05), 0.05)
    assert (found.low, found.high) == expected


def test_candidates_share_alpha() -> None:
    alone = task()
    of_five = replace(alone, candidates=5)
    assert needed(alone) == pytest.approx(log(1 / 0.05))
    assert needed(of_five) == pytest.approx(log(5 / 0.05))
    wide, narrow = (weigh(one, differing(0.0), at_horizon=False) for one in (of_five, alone))
    assert wide.low < narrow.low
    assert wide.high > narrow.high


def test_a_horizon_keeps_most_of_alpha_for_its_one_look() -> None:
    with_horizon = task(horizon={"rows": 10_000})
    assert needed(with_horizon) == pytest.approx(log(1 / (SEQUENTIAL_SHARE * 0.05)))
    sequential = interval(Estimate(0.01, 1e-6, 10_000), mixture(10_000, 0.01), 0.01)
    found = weigh(with_horizon, differing(-0.01), at_horizon=False)
    assert (found.low, found.high) == sequential


@pytest.mark.parametrize(("errors", "early", "at_the_end"), [(2.0, 0, 0), (2.1, 0, 1), (3.8, 1, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_at_the_horizon_less_is_needed(
    errors: float, early: int, at_the_end: int, sign: int
) -> None:
    of = task(horizon={"rows": 10_000})
    found = differing(-sign * errors * 0.001)
    assert weigh(of, found, at_horizon=False).verdict == sign * early
    assert weigh(of, found, at_horizon=True).verdict == sign * at_the_end
    low, high = z_interval(found.estimate, 0.04)
    assert (low > 0 or high < 0) == bool(at_the_end)


def test_without_a_horizon_nothing_is_kept_for_it() -> None:
    assert task().spending.fixed == 0.0
    assert task(horizon={"duration": "336h"}).spending.fixed == pytest.approx(0.04)


def test_before_anything_may_be_decided_nothing_speaks_for_anything() -> None:
    found = weigh(task(), differing(-0.3, enough=False), at_horizon=False)
    assert (found.verdict, found.evidence) == (0, 0.0)
    assert found.low > 0  # what was seen is shown nevertheless


# Two models that are the same.


@pytest.mark.parametrize("rows", [250, 1000, 10**6])
def test_the_same_model_is_not_inferior(rows: int) -> None:
    assert said(task(AS_GOOD), in_pairs(1, rows, 0, 0)).verdict == 1


@pytest.mark.parametrize("rows", [10, 50, 100])
def test_a_few_rows_prove_nothing_of_the_same_model(rows: int) -> None:
    assert said(task(AS_GOOD), in_pairs(1, rows, 0, 0)).verdict == 0


def test_a_horizon_makes_it_sooner() -> None:
    """After about 6 / margin rows, if these are what was planned."""
    of = task(AS_GOOD, horizon={"rows": 100})
    assert said(of, in_pairs(1, 100, 0, 0), at_horizon=True).verdict == 1


@pytest.mark.parametrize("rows", [10, 100, 1000, 10**4, 10**6])
@pytest.mark.parametrize("at_horizon", [False, True])
def test_the_same_model_is_never_better_and_never_worse(rows: int, at_horizon: bool) -> None:
    of = task(ACCURACY, horizon={"rows": 100})
    found = said(of, in_pairs(1, rows, 0, 0), at_horizon=at_horizon)
    assert found.verdict == 0
    assert found.low < 0 < found.high


def test_the_same_model_is_not_better_by_a_margin() -> None:
    of = task({**ACCURACY, "margin": 0.05})
    assert said(of, in_pairs(1, 1000, 0, 0)).verdict == -1


@pytest.mark.parametrize("loss", ["Squared", "Absolute"])
def test_where_losses_have_no_bound_models_that_always_agree_are_never_decided(loss: str) -> None:
    of = task({**AS_GOOD, "loss": loss})
    found = said(of, look(1, {**pair(10**6, 0, 0), "loss": loss}))
    assert (found.verdict, found.evidence) == (0, 0.0)
    assert (found.low, found.high) == (-inf, inf)


@pytest.mark.parametrize("rows", [LEAST_ROWS - 1, LEAST_ROWS])
def test_where_losses_have_no_bound_many_rows_are_needed(rows: int) -> None:
    of = task({**ACCURACY, "loss": "Squared", "unit": "Row"})
    one = {**pair(rows, 0, 0), "loss": "Squared", "mean": -1.0, "rowVariance": 1e-4}
    assert said(of, look(1, one)).verdict == (rows >= LEAST_ROWS)


@pytest.mark.parametrize("loss", [one.name for one in LOSSES])
def test_the_greatest_loss_is_that_of_the_loss(loss: str) -> None:
    worst = next(one.worst for one in LOSSES if one.name == loss)
    assert task({**ACCURACY, "loss": loss}).bound == worst


def test_a_reward_has_no_greatest_value() -> None:
    assert task(REVENUE).bound is None
    assert task(REVENUE).loss == "Value"


def test_what_is_told_of_both_arms() -> None:
    found = said(task(), look(1, arm("v2", 200, 0.05), arm("incumbent", 800, 0.1)))
    assert (found.rows, found.incumbent, found.challenger) == pytest.approx((1000, 0.1, 0.05))


# Whether truths are complete.


def covered(*means: Json, **said: Any) -> Any:
    return coverage(task(**said), look(1, *means))


def test_of_no_rows_nothing_is_known() -> None:
    found = covered()
    assert (found.incumbent, found.challenger, found.least, found.differs) == (
        *(None, None, None, False),
    )


def test_shares_are_of_all_epochs_together() -> None:
    found = covered(
        labelled("incumbent", 100, 0.5),
        labelled("incumbent", 300, 0.9, epoch="e2"),
        labelled("v2", 100, 1.0),
    )
    assert (found.incumbent, found.challenger) == pytest.approx((0.8, 1.0))
    assert found.least == pytest.approx(0.8)


@pytest.mark.parametrize("means", [[labelled("incumbent", 10, 0.7)], [labelled("v2", 10, 0.7)]])
def test_one_arm_alone_has_the_smallest_share(means: list[Json]) -> None:
    assert covered(*means).least == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [
        (0.9, 0.9, False),
        (1.0, 1.0, False),
        (0.9, 0.95, True),
        (0.95, 0.9, True),
        (0.9, 0.91, False),
    ],
)
def test_whether_truths_come_alike(ours: float, theirs: float, differs: bool) -> None:
    found = covered(labelled("v2", 2000, ours), labelled("incumbent", 2000, theirs))
    assert found.differs is differs


def test_three_rows_do_not_tell_whether_truths_come_alike() -> None:
    """All three of the candidate have one, as they had in 86 % of the cases."""
    assert not covered(labelled("v2", 3), labelled("incumbent", 1000, 0.95)).differs


def test_a_small_epoch_does_not_outweigh_a_large_one() -> None:
    found = covered(
        *(labelled("v2", 30, 0.7), labelled("incumbent", 30, 1.0)),
        *(labelled("v2", 5000, 0.9, epoch="e2"), labelled("incumbent", 5000, 0.9, epoch="e2")),
    )
    assert not found.differs


def test_rows_with_a_truth_may_lack_a_loss() -> None:
    seen = look(1, labelled("v2", 1000, 0.9), arm("v2", 450, 0.1), arm("v2", 405, 0.1, epoch="e2"))
    assert unjudged(task(), seen, "v2") == pytest.approx(0.05)
    assert unjudged(task(), seen, "incumbent") == 0.0


def test_losses_of_rows_that_are_not_asked_about_any_more_are_none_too_few() -> None:
    assert unjudged(task(), look(1, labelled("v2", 100), arm("v2", 200, 0.1)), "v2") == 0.0
