"""The operator is killed at every single write. Another one goes on, and nobody notices."""

import difflib
import itertools
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from tests.contract.server import Server
from tests.faults.kills import play
from tests.faults.kills_attempts import Attempt, Strike
from tests.faults.kills_history import State
from tests.faults.kills_rules import EACH, broken, made
from tests.faults.kills_situations import CREATION, SITUATIONS, UPDATE, Situation
from tests.faults.kills_strikes import (
    DELETED,
    DELETED_AND_STOPPED,
    KILLED_AFTER,
    KILLED_BEFORE,
    STOPPED,
    Blow,
)

SEED = 1
PAIRS = 8
"""How many of all pairs of kills are tried in each act."""
KILLED_ONCE = ((KILLED_BEFORE,), (KILLED_AFTER,))

each_situation = pytest.mark.parametrize("situation", SITUATIONS, ids=str)
the_creation = pytest.mark.parametrize("situation", [CREATION], ids=str)
the_update = pytest.mark.parametrize("situation", [UPDATE], ids=str)


def strikes(situation: Situation, act: int, writes: int) -> Iterator[Sequence[Strike]]:
    """Say when operators are struck, in an act that they answer to with so many writes.

    Killed after one write is killed before the next: what the next operator finds is the same. So
    one is killed before the first write, and one after each.
    """
    if writes:
        yield [(0, KILLED_BEFORE)]
    blows = [KILLED_AFTER]
    if situation is UPDATE:
        blows += [STOPPED]
    if situation is CREATION and act == 0:
        blows += [*DELETED, DELETED_AND_STOPPED]
    for number, blow in itertools.product(range(writes), blows):
        yield [(number, blow)]
    if situation is UPDATE:
        yield from random.Random(SEED).sample([*_pairs(writes)], PAIRS)


def _pairs(writes: int) -> Iterator[Sequence[Strike]]:
    """Say all ways to kill an operator after a write, and the next one after one of those left."""
    for number in range(writes):
        for following in range(writes - number - 1):
            yield [(number, KILLED_AFTER), (following, KILLED_AFTER)]


@pytest.fixture(scope="module")
def attempts(
    apiserver: Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> list[Attempt]:
    """All attempts at the situations that were asked for."""
    marks = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = {mark.params.get("situation") for mark in marks if mark}
    situations = [one for one in SITUATIONS if one in chosen]
    return play(apiserver, tmp_path_factory.mktemp("kills"), situations, strikes)


@each_situation
def test_there_is_a_kill_before_and_after_each_write(
    situation: Situation, attempts: list[Attempt]
) -> None:
    killed = _those(attempts, situation, *KILLED_ONCE)
    struck = [one.struck for one in killed]
    acts = killed[0].recording.writes[len(situation.given) :]
    assert struck == [[write] for writes in acts for write in [*writes[:1], *writes]]
    assert {code for one in killed for code in one.exit_codes} == {-signal.SIGKILL}


@each_situation
def test_killed_at_each_write_it_ends_as_if_nothing_had_happened(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, *KILLED_ONCE):
        _assert_ended_as_recorded(one)


@each_situation
def test_killed_at_each_write_it_turns_no_caller_away(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, *KILLED_ONCE):
        assert broken(one.changes, *EACH) == [], str(one.point)


@each_situation
def test_killed_at_each_write_it_makes_nothing_twice(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, *KILLED_ONCE):
        _assert_made_as_recorded(one)


@the_update
def test_told_to_stop_at_each_write_it_leaves_nothing_half_done(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, (STOPPED,)):
        assert one.exit_codes == [0], str(one.point)
        _assert_ended_as_recorded(one)
        assert broken(one.changes, *EACH) == [], str(one.point)
        _assert_made_as_recorded(one)


@the_update
@pytest.mark.parametrize("seed", [SEED])
def test_two_operators_are_killed_and_the_third_goes_on(
    situation: Situation, seed: int, attempts: list[Attempt]
) -> None:
    pairs = _those(attempts, situation, (KILLED_AFTER, KILLED_AFTER))
    assert len(pairs) == PAIRS * len(situation.acts), f"sampled with the seed {seed}"
    for one in pairs:
        assert one.exit_codes == [-signal.SIGKILL] * 2, str(one.point)
        _assert_ended_as_recorded(one)
        assert broken(one.changes, *EACH) == [], str(one.point)
        _assert_made_as_recorded(one)


@the_creation
def test_nothing_is_made_for_one_that_was_deleted(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, *[(blow,) for blow in DELETED]):
        assert broken(one.changes, *EACH) == [], str(one.point)
        assert one.writes_at_rest == [], str(one.point)
        assert _kinds(one.state) == [], str(one.point)


@the_creation
def test_deleted_and_told_to_stop_it_leaves_nothing_to_keep(
    situation: Situation, attempts: list[Attempt]
) -> None:
    for one in _those(attempts, situation, (DELETED_AND_STOPPED,)):
        assert one.exit_codes == [0], str(one.point)
        assert one.writes_at_rest == [], str(one.point)
        assert _kinds(one.state) == [], str(one.point)


def _those(
    attempts: list[Attempt], situation: Situation, *blows: tuple[Blow, ...]
) -> list[Attempt]:
    """Return the attempts with such blows, one after another."""
    found = [
        one
        for one in attempts
        if one.point.situation is situation
        and tuple(blow for _, blow in one.point.strikes) in blows
    ]
    assert found, f"there is no attempt at {situation}"
    return found


def _assert_ended_as_recorded(one: Attempt) -> None:
    assert _differences(one.recording.states[-1], one.state) == [], str(one.point)
    assert one.writes_at_rest == [], str(one.point)


def _assert_made_as_recorded(one: Attempt) -> None:
    assert made(one.changes) == made(one.recording.changes), str(one.point)
    repeated = Counter(one.writes) - Counter(one.expected_writes)
    assert repeated.total() <= 1, f"{one.point}: {repeated}"
    left_out = Counter(one.expected_writes) - Counter(one.writes)
    assert {write.split()[1] for write in left_out} <= {"modeldeployments/status"}, str(one.point)


def _differences(before: State, after: State) -> list[str]:
    found: list[str] = []
    for name in sorted({*before, *after}):
        was, is_now = (state.get(name, "").splitlines() for state in (before, after))
        lines = difflib.unified_diff(was, is_now, n=0, lineterm="")
        found += [f"{name}: {line}" for line in lines]
    return found


def _kinds(state: State) -> list[str]:
    return [name for name, said in state.items() if said]
