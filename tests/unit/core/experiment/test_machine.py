"""The state machine: every way through it, and who wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.core.experiment.machine import FINAL, TABLE, Phase, Trigger, diagram, following


def test_every_phase_can_be_reached_and_every_trigger_does_something() -> None:
    reached = {Phase.PENDING}
    while more := {to for (phase, _), to in TABLE.items() if phase in reached} - reached:
        reached |= more
    assert reached == {*Phase}
    assert {trigger for _, trigger in TABLE} == {*Trigger}


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in FINAL])
@given(others=st.sets(st.sampled_from([*Trigger])))
def test_an_abort_always_wins(phase: Phase, others: set[Trigger]) -> None:
    assert following(phase, {*others, Trigger.ABORT}) == (Phase.ABORTED, Trigger.ABORT)


@pytest.mark.parametrize("phase", sorted(FINAL))
def test_from_the_end_only_a_retry_leads_on(phase: Phase) -> None:
    found = {trigger for one, trigger in TABLE if one == phase}
    assert found == (set() if phase == Phase.PROMOTED else {Trigger.RETRY})


@given(st.sampled_from([*Phase]), st.sets(st.sampled_from([*Trigger])))
def test_what_sends_traffic_back_goes_before_what_moves_it_on(
    phase: Phase, triggers: set[Trigger]
) -> None:
    to, _ = following(phase, triggers)
    back = {Trigger.ABORT, Trigger.INCUMBENT_CHANGES, Trigger.ALL_REJECTED}
    if any((phase, trigger) in TABLE for trigger in triggers & back):
        assert to in {Phase.ABORTED, Phase.SUPERSEDED, Phase.REJECTED}


def test_what_does_not_fit_changes_nothing() -> None:
    assert following(Phase.PROMOTED, {*Trigger}) == (Phase.PROMOTED, None)
    assert following(Phase.RUNNING, ()) == (Phase.RUNNING, None)
    assert following(Phase.PENDING, {Trigger.RESUME, Trigger.WIN_SERVES}) == (Phase.PENDING, None)


def test_no_data_is_never_a_success() -> None:
    assert following(Phase.RUNNING, {Trigger.TIME_IS_OVER})[0] == Phase.INCONCLUSIVE


def test_the_diagram_tells_the_whole_table() -> None:
    told = diagram().splitlines()
    assert told[0] == "stateDiagram-v2"
    assert len(told) == len(TABLE) + 2
    assert "    Running --> Aborted: abort" in told
