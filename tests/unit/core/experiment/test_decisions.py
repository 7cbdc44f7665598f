"""What becomes of a candidate: every line of the table, and what no line may ever do."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.decisions import TABLE, Case, Decision, decide, table

CASES = st.builds(Case, **{one.name: st.booleans() for one in fields(Case)})

LINES = (
    # Each is decided by the line of the same number.
    (Case(breached=True, mismatched=True, invalid=True, reached=True, over=True), Decision.REJECT),
    (Case(mismatched=True, invalid=True, missed=True, reached=True), Decision.INCONCLUSIVE),
    (Case(invalid=True, missed=True, reached=True), Decision.CONTINUE),
    (Case(invalid=True, missed=True, reached=True, over=True), Decision.INCONCLUSIVE),
    (Case(missed=True, over=True), Decision.REJECT),
    (Case(harms=True, reached=True), Decision.REJECT),
    (Case(reached=True, over=True, rejects_unknown=True), Decision.PROMOTE),
    (Case(known=False, rejects_unknown=True), Decision.CONTINUE),
    (Case(known=False, rejects_unknown=True, over=True), Decision.REJECT),
    (Case(over=True, rejects_unknown=True), Decision.INCONCLUSIVE),
)


@pytest.mark.parametrize(
    ("number", "case", "decision"), [(number, *line) for number, line in enumerate(LINES)]
)
def test_a_line_of_the_table(number: int, case: Case, decision: Decision) -> None:
    holding = [index for index, rule in enumerate(TABLE) if rule.holds(case)]
    assert holding[0] == number
    assert decide(case) == TABLE[number].decision == decision


def test_every_line_is_tested() -> None:
    assert len(LINES) == len(TABLE)


@pytest.mark.parametrize("over", [False, True])
def test_of_nothing_known_nobody_wins(over: bool) -> None:
    assert decide(Case(known=False, over=over)) is (
        Decision.INCONCLUSIVE if over else Decision.CONTINUE
    )


@given(CASES)
def test_something_is_always_decided(case: Case) -> None:
    assert decide(case) in Decision


@given(CASES)
def test_no_data_is_never_a_success(case: Case) -> None:
    assert case.known or decide(case) is not Decision.PROMOTE


@given(CASES)
def test_what_is_not_valid_decides_for_nobody_and_against_nobody(case: Case) -> None:
    if (case.invalid or case.mismatched) and not case.breached:
        assert decide(case) in (Decision.CONTINUE, Decision.INCONCLUSIVE)


@given(CASES)
def test_nobody_wins_who_has_not_reached_all_and_missed_none(case: Case) -> None:
    if decide(case) is Decision.PROMOTE:
        assert case.reached
        assert not case.missed
        assert not case.breached


@given(CASES)
def test_a_breach_goes_before_everything(case: Case) -> None:
    if case.breached:
        assert decide(case) is Decision.REJECT


@given(CASES)
def test_while_there_is_time_only_a_mismatch_gives_up(case: Case) -> None:
    if not case.over and not case.mismatched:
        assert decide(case) is not Decision.INCONCLUSIVE


@given(CASES)
def test_at_the_end_nothing_goes_on(case: Case) -> None:
    if case.over:
        assert decide(case) is not Decision.CONTINUE


def test_the_documentation_has_each_line() -> None:
    lines = table().splitlines()
    assert lines[:2] == ["| what is known of a candidate | decision |", "| --- | --- |"]
    assert lines[2:] == [f"| {rule.when} | {rule.decision} |" for rule in TABLE]
