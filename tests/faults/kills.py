"""The operator is struck at each single write, and another one goes on.

First every situation is played once without a fault: its writes and what is there in the end are
written down. Then it is played again for each write, in a namespace of its own, up to the act that
the write answers to. An operator of that namespace is struck there; one for all namespaces goes on.
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.server import Request, Server
from tests.faults.kills_history import Change, History, State
from tests.faults.kills_operator import Operator, running
from tests.faults.kills_situations import Act, Situation, garbage_is_collected
from tests.faults.kills_strikes import Blow, Strikes
from tests.faults.proxy import Proxy
from tests.scenarios.world import World

SIDE_BY_SIDE = 6
PATIENCE = 30.0


Strike = tuple[int, Blow]
"""At which of its writes an operator is struck, counted from 0, and how."""
Choose = Callable[[Situation, int, int], Iterable[Sequence[Strike]]]
"""Says, of an act of a situation and the number of its writes, when operators are struck: in each
attempt one, or one after another."""


def play(
    server: Server, folder: Path, situations: Sequence[Situation], choose: Choose
) -> "list[Attempt]":
    """Play situations, again and again with operators that are struck; return these attempts."""
    with History(server.admin_kubeconfig).told() as history, Proxy(server) as proxy:
        return _Play(server, folder, history, proxy).run(situations, choose)


@dataclass(frozen=True)
class Recording:
    """A situation without a fault."""

    writes: list[list[str]]
    """By act: what the operator wrote."""
    states: list[State]
    """By act: what was there then."""
    changes: list[Change]


@dataclass(frozen=True)
class Point:
    """When the operators are struck."""

    situation: Situation
    act: int
    """While one answers to this act of the story."""
    strikes: Sequence[Strike]
    """The second strikes the next operator."""

    def __str__(self) -> str:
        struck = ", then ".join(f"{blow} write {number}" for number, blow in self.strikes)
        return f"{self.situation}, act {self.act}: {struck}"


@dataclass
class Attempt:
    """One run of a situation in which the operator is struck."""

    point: Point
    world: World
    recording: Recording
    struck: list[str] = field(default_factory=lambda: [])
    """The writes at which it was."""
    exit_codes: list[int | None] = field(default_factory=lambda: [])
    writes: list[str] = field(default_factory=lambda: [])
    """All writes from the act on, until the end."""
    writes_at_rest: list[str] = field(default_factory=lambda: [])
    """What yet another operator wrote after the end."""
    state: State = field(default_factory=lambda: {})
    changes: list[Change] = field(default_factory=lambda: [])

    @property
    def namespace(self) -> str:
        return self.world.namespace

    @property
    def expected_writes(self) -> list[str]:
        return [*itertools.chain(*self.recording.writes[self.point.act :])]

    @property
    def then(self) -> Sequence[tuple[Act | None, State | None]]:
        """What is done after the strikes, each with what is there afterwards."""
        if any(blow.deletes for _, blow in self.point.strikes):
            return [(None, None), (garbage_is_collected, {"served in turn": ""})]
        acts = self.point.situation.story[self.point.act + 1 :]
        return [*zip((None, *acts), self.recording.states[self.point.act :], strict=True)]


class _Play:
    """All situations at once: they mostly wait."""

    def __init__(self, server: Server, folder: Path, history: History, proxy: Proxy) -> None:
        self._server = server
        self._folder = folder
        self._history = history
        self._proxy = proxy
        self._logs = itertools.count()

    def run(self, situations: Sequence[Situation], choose: Choose) -> list[Attempt]:
        with self._operator() as operator:
            recordings = self._record(situations, operator)
            attempts = [
                Attempt(point, self._world(), recordings[point.situation])
                for point in _points(recordings, choose)
            ]
            self._prepare(attempts)
        since = self._server.moment()
        self._strike(attempts)
        with self._operator():
            self._recover(attempts)
        at_rest = self._server.moment()
        with self._operator() as operator:
            operator.until_rest()
        self._history.catch_up()
        self._note(attempts, since, at_rest)
        return attempts

    def _operator(self) -> AbstractContextManager[Operator]:
        return running(self._server.operator_kubeconfig, self._log())

    def _log(self) -> Path:
        return self._folder / f"operator-{next(self._logs)}.log"

    def _world(self) -> World:
        return World(self._server, self._folder / "none.log")

    # Without a fault

    def _record(
        self, situations: Sequence[Situation], operator: Operator
    ) -> dict[Situation, Recording]:
        worlds = {one: self._world() for one in situations}
        recordings = {one: Recording([], [], []) for one in situations}
        for number in range(max(len(one.story) for one in situations)):
            acting = [one for one in situations if number < len(one.story)]
            since = self._server.moment()
            for situation in acting:
                situation.story[number](worlds[situation])
            operator.until_rest()
            writes = self._writes(since)
            for situation in acting:
                namespace = worlds[situation].namespace
                recordings[situation].writes.append(writes[namespace])
                recordings[situation].states.append(self._history.state(namespace))
        for situation in situations:
            recordings[situation].changes.extend(self._history.of(worlds[situation].namespace))
        return recordings

    def _prepare(self, attempts: Sequence[Attempt]) -> None:
        """Play each situation up to the act at which the operator is to be struck, and this act
        when no operator runs any more."""
        for number in range(max(one.point.act for one in attempts)):
            acting = [one for one in attempts if number < one.point.act]
            for one in acting:
                one.point.situation.story[number](one.world)
            left = self._until_there([(one, one.recording.states[number]) for one in acting])
            assert not left, f"without a fault: {left[0].point}"

    # With faults

    def _strike(self, attempts: Sequence[Attempt]) -> None:
        for one in attempts:
            one.point.situation.story[one.point.act](one.world)
        waiting, active = [*reversed(attempts)], list[tuple[Attempt, Operator]]()
        strikes = Strikes()
        with self._proxy.faulty(strikes):
            while waiting or active:
                while waiting and len(active) < SIDE_BY_SIDE:
                    one = waiting.pop()
                    active.append((one, self._begin(strikes, one)))
                for pair in [pair for pair in active if pair[1].exit_code is not None]:
                    active.remove(pair)
                    if self._is_to_be_struck_again(strikes, *pair):
                        waiting.append(pair[0])
                time.sleep(0.01)

    def _begin(self, strikes: Strikes, attempt: Attempt) -> Operator:
        """Start an operator that is to be struck."""
        number, blow = attempt.point.strikes[len(attempt.exit_codes)]
        operator = Operator(self._proxy.kubeconfig, self._log(), attempt.namespace)
        strikes.prepare(attempt.world, number, blow, operator)
        operator.start()
        return operator

    def _is_to_be_struck_again(
        self, strikes: Strikes, attempt: Attempt, operator: Operator
    ) -> bool:
        attempt.exit_codes.append(operator.exit_code)
        attempt.struck.append(strikes.struck[attempt.namespace])
        return len(attempt.exit_codes) < len(attempt.point.strikes)

    def _recover(self, attempts: Sequence[Attempt]) -> None:
        for number in range(max(len(one.then) for one in attempts)):
            acting = [(one, *one.then[number]) for one in attempts if number < len(one.then)]
            for one, act, _ in acting:
                if act:
                    act(one.world)
            self._until_there([(one, state) for one, _, state in acting if state is not None])

    def _until_there(self, waiting: list[tuple[Attempt, State]]) -> list[Attempt]:
        """Wait until everything is as it should be; return where it never is."""
        deadline = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < deadline:
            left = [
                (one, state)
                for one, state in waiting
                if self._history.state(one.namespace) != state
            ]
            if len(left) < len(waiting):
                deadline = time.monotonic() + PATIENCE
            waiting = left
            time.sleep(0.1)
        return [one for one, _ in waiting]

    # What came of it

    def _note(self, attempts: Sequence[Attempt], since: int, at_rest: int) -> None:
        writes, late = self._writes(since), self._writes(at_rest)
        for one in attempts:
            one.writes, one.writes_at_rest = writes[one.namespace], late[one.namespace]
            one.changes = self._history.of(one.namespace)
            one.state = self._history.state(one.namespace)

    def _writes(self, since: int) -> dict[str, list[str]]:
        """Return by namespace the writes that were carried out, without Events."""
        found: dict[str, list[str]] = defaultdict(list)
        for request in self._server.requests(since):
            if _counts(request):
                found[request.namespace].append(str(request))
        return found


def _counts(request: Request) -> bool:
    return request.writes and request.kind != "events" and request.code < 400


def _points(recordings: dict[Situation, Recording], choose: Choose) -> Iterator[Point]:
    for situation, recording in recordings.items():
        for act in range(len(situation.given), len(situation.story)):
            for strikes in choose(situation, act, len(recording.writes[act])):
                yield Point(situation, act, strikes)
