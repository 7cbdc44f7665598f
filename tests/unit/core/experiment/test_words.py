"""What comparisons and decisions say to people."""

from math import inf, log

import pytest

from contender.api.v1alpha1.experiment_status import Comparison
from contender.core.experiment import words
from contender.core.experiment.decisions import Case, Decision
from contender.core.experiment.weighing import Task, Weighed
from tests.unit.core.experiment.cases import ACCURACY, AS_GOOD, REVENUE, Json, task

BY_A_POINT: Json = {**ACCURACY, "margin": 0.01}
BRIER: Json = {**ACCURACY, "loss": "Brier", "margin": 0.005}


def weighed(gain: float, low: float, high: float, rows: float = 8412) -> Weighed:
    return Weighed(rows, 0.0624, 0.0624 - gain, gain, low, high, evidence=6.0, verdict=0)


BETTER = weighed(0.0212, 0.0093, 0.0331)
WORSE = weighed(-0.0212, -0.0331, -0.0093)
UNSURE = weighed(0.001, -0.0049, 0.0069)


def told(of: Task, found: Weighed, state: str = "Undecided", evidence: float = 6.024) -> Comparison:
    before = Comparison(objective="accuracy", candidate="v2")
    return words.told(of, found, before, state=state, evidence=evidence, spent=False)


@pytest.mark.parametrize(
    ("objective", "found", "state", "does", "goal"),
    [
        (
            ACCURACY,
            BETTER,
            "Reached",
            "errs 2.12 points less (0.93 .. 3.31)",
            "better: reached",
        ),
        (
            ACCURACY,
            WORSE,
            "Missed",
            "errs 2.12 points more (0.93 .. 3.31)",
            "better: missed",
        ),
        (
            ACCURACY,
            UNSURE,
            "Undecided",
            "errs 0.10 points less (-0.49 .. 0.69)",
            "better: not yet decided",
        ),
        (
            AS_GOOD,
            WORSE,
            "Reached",
            "errs 2.12 points more (0.93 .. 3.31)",
            "less than 5.00 points worse: reached",
        ),
        (
            BY_A_POINT,
            BETTER,
            "Undecided",
            "errs 2.12 points less (0.93 .. 3.31)",
            "more than 1.00 points better: not yet decided",
        ),
        (
            BRIER,
            BETTER,
            "Reached",
            "has 0.0212 less Brier loss (0.0093 .. 0.0331)",
            "more than 0.005 better: reached",
        ),
        (
            BRIER,
            WORSE,
            "Missed",
            "has 0.0212 more Brier loss (0.0093 .. 0.0331)",
            "more than 0.005 better: missed",
        ),
        (
            REVENUE,
            BETTER,
            "Reached",
            "earns 0.0212 more (0.0093 .. 0.0331)",
            "better: reached",
        ),
        (
            REVENUE,
            WORSE,
            "Missed",
            "earns 0.0212 less (0.0093 .. 0.0331)",
            "better: missed",
        ),
    ],
)
def test_a_comparison(objective: Json, found: Weighed, state: str, does: str, goal: str) -> None:
    message = told(task(objective), found, state).message
    rows = "rows" if objective == REVENUE else "labelled rows"
    assert message == f"v2 {does} on 8,412 {rows}; {goal}"


@pytest.mark.parametrize(
    ("state", "lacks", "stands"),
    [
        ("Undecided", "", "not yet decided, about 3 h more"),
        ("Undecided", "few truths came", "not decided while few truths came"),
        ("Reached", "", "reached"),
        ("Missed", "", "missed"),
    ],
)
def test_what_is_not_decided_says_how_much_longer_it_takes(
    state: str, lacks: str, stands: str
) -> None:
    before = Comparison(objective="accuracy", candidate="v2")
    found = words.told(
        task(BY_A_POINT),
        BETTER,
        before,
        state=state,
        evidence=6.0,
        spent=False,
        lacks=lacks,
        left=10_000.0,
    )
    said = "v2 errs 2.12 points less (0.93 .. 3.31) on 8,412 labelled rows; more than 1.00 points"
    assert found.message == f"{said} better: {stands}"
    later = words.settled(found).message
    assert later == found.message.removesuffix(", about 3 h more")


def test_what_is_decided_does_not_say_that_it_goes_on() -> None:
    message = "v2 errs less; better: not yet decided, about 3 h more"
    why = words.why(Case(over=True), Decision.INCONCLUSIVE, [known("Undecided", message)], "")
    assert why == "accuracy: v2 errs less; better: not yet decided"


def test_numbers_of_a_comparison_are_those_of_the_candidate_minus_the_incumbent() -> None:
    loss = told(task(ACCURACY), BETTER, "Reached")
    assert (loss.rows, loss.incumbent, loss.challenger) == (8412, "0.0624", "0.0412")
    assert (loss.difference, loss.low, loss.high) == ("-0.0212", "-0.0331", "-0.0093")
    assert (loss.evidence, loss.needed, loss.state) == (6.02, round(log(20), 2), "Reached")
    reward = told(task(REVENUE), BETTER, "Reached")
    assert (reward.difference, reward.low, reward.high) == ("0.0212", "0.0093", "0.0331")


def test_while_nobody_can_tell_how_sure_it_is_no_interval_is_shown() -> None:
    found = told(task(ACCURACY), weighed(0.0, -inf, inf, rows=120))
    assert (found.difference, found.low, found.high) == ("0", "", "")
    assert found.message == "v2 errs 0.00 points less on 120 labelled rows; better: not yet decided"


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        ("Undecided", "not decided while of 100 pairs 9.0% miss an answer; 2.0% are allowed"),
        ("Reached", "reached"),
    ],
)
def test_what_looks_plain_and_is_not_decided_says_why(state: str, stands: str) -> None:
    lacks = "of 100 pairs 9.0% miss an answer; 2.0% are allowed"
    before = Comparison(objective="accuracy", candidate="v2")
    found = words.told(task(), BETTER, before, state=state, evidence=0.0, spent=False, lacks=lacks)
    assert found.message.endswith(f"on 8,412 labelled rows; better: {stands}")


def test_nothing_is_less_than_nothing() -> None:
    found = told(task(ACCURACY), weighed(0.0, -1e-9, 1e-9))
    assert "(0.00 .. 0.00)" in found.message
    assert found.difference == "0"


@pytest.mark.parametrize(
    ("evidence", "shown"), [(-1234.5, -99.0), (98765.4, 999.0), (3.14159, 3.14)]
)
def test_evidence_is_shown_in_a_few_digits(evidence: float, shown: float) -> None:
    assert told(task(), BETTER, evidence=evidence).evidence == shown


def known(state: str, message: str, objective: str = "accuracy") -> Comparison:
    found = Comparison(objective=objective, candidate="v2", message=message)
    return found.model_copy(update={"state": state})


THREE = [
    known("Reached", "much better", "accuracy"),
    known("Missed", "much worse", "revenue"),
    known("Undecided", "who knows", "speed"),
]
NOTHING = "nothing is known about the objectives: no rows with a truth were counted"


@pytest.mark.parametrize(
    ("case", "decision", "comparisons", "why"),
    [
        (Case(reached=True), Decision.PROMOTE, THREE[:1], "accuracy: much better"),
        (Case(missed=True), Decision.REJECT, THREE, "revenue: much worse"),
        (Case(over=True), Decision.INCONCLUSIVE, [THREE[0], THREE[2]], "speed: who knows"),
        (Case(over=True, known=False), Decision.INCONCLUSIVE, [], NOTHING),
        (Case(over=True, known=False), Decision.REJECT, [known("NoData", "")], NOTHING),
    ],
)
def test_why_something_was_decided(
    case: Case, decision: Decision, comparisons: list[Comparison], why: str
) -> None:
    assert words.why(case, decision, comparisons, "") == why


def test_what_is_not_valid_is_the_reason_whatever_else_is_known() -> None:
    lacking = "of 100 pairs 9.0% miss an answer; 2.0% are allowed"
    case = Case(invalid=True, missed=True, over=True)
    assert words.why(case, Decision.INCONCLUSIVE, THREE, lacking) == lacking


def test_a_mismatch_goes_before_what_is_not_valid() -> None:
    case = Case(mismatched=True, invalid=True)
    assert words.why(case, Decision.INCONCLUSIVE, THREE, "few truths").startswith(
        "sample-ratio mismatch: requests went to arms otherwise than the weights say"
    )
