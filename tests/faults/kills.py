"""The operator is struck at each single write, and another one goes on.

First every situation is played once without a fault: its writes and what is there in the end are
written down. Then it is played again for each write, in a namespace of its own, up to the act that
the write answers to. An operator of that namespace is struck there; one for all namespaces goes on.
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.contract.server import Server
from tests.faults.kills_attempts import Attempt, Choose, Recording, points
from tests.faults.kills_history import History, State
from tests.faults.kills_operator import Operator, running
from tests.faults.kills_situations import Situation
from tests.faults.kills_strikes import Strikes
from tests.faults.proxy import Proxy
from tests.scenarios.world import World

SIDE_BY_SIDE = 6
PATIENCE = 30.0
"""Seconds without any progress after which a wait is given up."""


def play(
    server: Server, folder: Path, situations: Sequence[Situation], choose: Choose
) -> list[Attempt]:
    """Play situations, again and again with operators that are struck; return these attempts."""
    with History(server.admin_kubeconfig).told() as history, Proxy(server) as proxy:
        return _Play(server, folder, history, proxy).run(situations, choose)


class _Play:
    """All situations at once: they mostly wait."""

    def __init__(self, server: Server, folder: Path, history: History, proxy: Proxy) -> None:
        self._server = server
        self._folder = folder
        self._history = history
        self._proxy = proxy
        self._logs = itertools.count()

    def run(self, situations: Sequence[Situation], choose: Choose) -> list[Attempt]:
        with self._nothing_unforeseen():
            with self._operator() as operator:
                recordings = self._record(situations, operator)
                attempts = self._attempts(recordings, choose)
                self._prepare(attempts)
            since = self._server.moment()
            self._strike(attempts)
            with self._operator():
                self._recover(attempts)
            at_rest = self._server.moment()
            with self._operator() as operator:
                operator.until_rest()
        self._note(attempts, since, at_rest)
        return attempts

    @contextmanager
    def _nothing_unforeseen(self) -> Iterator[None]:
        """Check that no operator asks for what it may not do, or fails in its own code."""
        since = self._server.moment()
        yield
        assert [str(one) for one in self._server.requests(since) if one.code == 403] == []
        for log in self._folder.glob("*.log"):
            assert "Traceback" not in log.read_text(), log

    def _operator(self) -> AbstractContextManager[Operator]:
        return running(self._server.operator_kubeconfig, self._log())

    def _log(self) -> Path:
        return self._folder / f"operator-{next(self._logs)}.log"

    def _world(self) -> World:
        return World(self._server, self._folder / "unused.log")

    # Without a fault

    def _record(
        self, situations: Sequence[Situation], operator: Operator
    ) -> dict[Situation, Recording]:
        worlds = {one: self._world() for one in situations}
        recordings = {one: Recording() for one in situations}
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

    def _attempts(self, recordings: Mapping[Situation, Recording], choose: Choose) -> list[Attempt]:
        return [
            Attempt(point, self._world(), recordings[point.situation])
            for point in points(recordings, choose)
        ]

    def _prepare(self, attempts: Sequence[Attempt]) -> None:
        """Play each situation until the act at which the operator is to be struck."""
        for number in range(max(one.point.act for one in attempts)):
            acting = [one for one in attempts if number < one.point.act]
            for one in acting:
                one.point.situation.story[number](one.world)
            left = self._until_there([(one, one.recording.states[number]) for one in acting])
            assert not left, f"without a fault: {left[0].point}"

    # With faults

    def _strike(self, attempts: Sequence[Attempt]) -> None:
        """Strike all, a few side by side. No other operator runs meanwhile."""
        for one in attempts:
            one.point.situation.story[one.point.act](one.world)
        waiting, active = [*reversed(attempts)], list[_Struck]()
        strikes = Strikes()
        with self._proxy.faulty(strikes):
            while waiting or active:
                while waiting and len(active) < SIDE_BY_SIDE:
                    active.append(self._begin(strikes, waiting.pop()))
                over = [one for one in active if one.is_over]
                active = [one for one in active if one not in over]
                for struck in over:
                    struck.note(strikes)
                waiting += [one.attempt for one in over if one.attempt.next_strike]
                time.sleep(0.01)

    def _begin(self, strikes: Strikes, attempt: Attempt) -> "_Struck":
        """Start an operator that is to be struck."""
        assert attempt.next_strike
        operator = Operator(self._proxy.kubeconfig, self._log(), attempt.namespace)
        strikes.prepare(attempt.world, *attempt.next_strike, operator)
        operator.start()
        return _Struck(attempt, operator)

    def _recover(self, attempts: Sequence[Attempt]) -> None:
        """Play on with an operator that nothing happens to."""
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
            left = [pair for pair in waiting if self._history.state(pair[0].namespace) != pair[1]]
            if len(left) < len(waiting):
                deadline = time.monotonic() + PATIENCE
            waiting = left
            time.sleep(0.1)
        return [one for one, _ in waiting]

    # What came of it

    def _note(self, attempts: Sequence[Attempt], since: int, at_rest: int) -> None:
        self._history.catch_up()
        writes, late = self._writes(since), self._writes(at_rest)
        for one in attempts:
            one.writes, one.writes_at_rest = writes[one.namespace], late[one.namespace]
            one.changes = self._history.of(one.namespace)
            one.state = self._history.state(one.namespace)

    def _writes(self, since: int) -> dict[str, list[str]]:
        """Return by namespace the writes that were carried out, without Events."""
        found: dict[str, list[str]] = defaultdict(list)
        for request in self._server.requests(since):
            if request.writes and request.kind != "events" and request.code < 400:
                found[request.namespace].append(str(request))
        return found


class _Struck:
    """An operator that is to be struck, and will end by that."""

    def __init__(self, attempt: Attempt, operator: Operator) -> None:
        self.attempt = attempt
        self._operator = operator
        self._deadline = time.monotonic() + PATIENCE

    @property
    def is_over(self) -> bool:
        return self._operator.exit_code is not None or time.monotonic() > self._deadline

    def note(self, strikes: Strikes) -> None:
        """Write down where it was struck, and how it ended."""
        struck = strikes.struck.pop(self.attempt.namespace, "it never came to this")
        self.attempt.struck.append(struck)
        self.attempt.exit_codes.append(self._operator.end())
