"""The stage of the soak: a namespace, an operator that is ill-treated, and all who look on."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contender.core import names
from contender.core.manifest import annotation, format_micro_time, name_of, parse_time
from tests.contract.server import Server, until
from tests.faults.proxy import (
    Answer,
    Asked,
    Delay,
    DropAfter,
    DropBefore,
    Fault,
    Half,
    Page,
    Proxy,
    Twice,
)
from tests.faults.soak_cluster import Cluster, suppress_races
from tests.faults.soak_laws import Laws
from tests.faults.soak_rest import Rest
from tests.faults.soak_watch import Hand, Watcher
from tests.scenarios.world import World

CONVERGENCE_SECONDS = 100.0
"""More than the longest pause of the operator between two attempts."""
GRACE_SECONDS = 30
NEAR = timedelta(seconds=12)
SLOW_PASS_SECONDS = 6.0
"""How long ago something was decided that is written while requests are slow."""

FAULTS: tuple[Fault, ...] = (
    Delay(0.02),
    Delay(0.3),
    Answer(500, "InternalError"),
    Answer(503, "ServiceUnavailable"),
    Answer(429, "TooManyRequests", retry_after=1),
    Page(),
    DropBefore(),
    DropAfter(),
    Half(),
    Twice(),
)


class BrokenLaw(Exception):
    """Something was so that must never be so."""


class Stage(World):
    """A world of its own for random operations."""

    def __init__(self, server: Server, folder: Path) -> None:
        super().__init__(server, folder / "operator.log")
        self.hand = Hand(server.admin_kubeconfig)
        self.kube = self.hand
        self.proxy = Proxy(server)
        self.proxy.start()
        self.kubeconfig = self.proxy.kubeconfig
        self.cluster = Cluster(self)
        self.laws = Laws(self.hand, self._blind_since)
        self.since = server.moment()
        self._watcher = Watcher(server.admin_kubeconfig, self.namespace)
        self._blind: list[tuple[float, float]] = []
        self._faults = ExitStack()
        self._faulty, self._frozen_since = False, 0.0

    def close(self, *, well: bool) -> None:
        """End everything; check what is known at the end only if all was well so far."""
        try:
            self.faults_end()
            self.thaw()
            if well:
                self.leave()
                refused = [
                    str(one)
                    for one in self.asked(self.since)
                    if one.writes and one.code in (400, 422)
                ]
                assert not refused
        finally:
            if self._process:
                self._process.kill()
                self._process.wait()
            self._watcher.stop()
            self.proxy.stop()
            self.hand.close()

    # The operator

    @property
    def memory(self) -> int:
        """MiB that the operator's process has in memory."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
        return int(kilobytes) // 1024

    def start_operator(self) -> None:
        """Start it, also where requests go wrong or the machine is busy with other things."""
        try:
            super().start_operator()
        except AssertionError:
            until(self._is_ready, "the operator is ready", CONVERGENCE_SECONDS)

    def stop_operator(self) -> None:
        """Stop it as Kubernetes does. It may take as long as Kubernetes gives it: what is in line
        is finished, also while requests go wrong."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                assert self._process.wait(timeout=GRACE_SECONDS) == 0
            finally:
                self._process.kill()
                self._process = None

    def freeze(self) -> None:
        """Stop the process for a while, as a suspended machine does."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        self._frozen_since = time.monotonic()

    def thaw(self) -> None:
        """Let the process go on."""
        if self._frozen_since and self._process:
            self._process.send_signal(signal.SIGCONT)
            self._blind.append((self._frozen_since, time.monotonic() + 3))
        self._frozen_since = 0.0

    def faults_begin(self, seed: int) -> None:
        """Let a part of the operator's requests go wrong from now on."""
        dice = random.Random(seed)

        def rule(asked: Asked) -> Fault | None:
            # Watches go on, so that the operator is not blind: they are cut by a step of its own.
            return dice.choice(FAULTS) if not asked.is_watch and dice.random() < 0.2 else None

        self._faults.enter_context(self.proxy.faulty(rule))
        self._faulty = True

    def faults_end(self) -> None:
        """Let all requests go well again."""
        self._faults.close()
        self._faulty = False

    def _blind_since(self, at: float) -> float:
        since = [start for start, end in self._blind if start <= at <= end]
        since += [self._frozen_since] if self._frozen_since else []
        since += [at - SLOW_PASS_SECONDS] if self._faulty else []
        return min(since, default=at)

    # Time

    def time_passes(self, name: str) -> None:
        """Let revisions have begun to serve a minute earlier: drain delays are over."""
        found = self.kube.all("ControllerRevision", self.namespace)
        mine = [one for one in found if annotation(one, names.ANNOTATION_SERVED_AT)]
        mine = [one for one in mine if one["metadata"]["labels"].get(names.LABEL_OWNER) == name]
        # The oldest first: their order stays.
        for one in sorted(mine, key=lambda one: annotation(one, names.ANNOTATION_SERVED_AT)):
            served = parse_time(annotation(one, names.ANNOTATION_SERVED_AT))
            mark = format_micro_time(served - timedelta(minutes=1))
            body = {"metadata": {"annotations": {names.ANNOTATION_SERVED_AT: mark}}}
            with suppress_races():
                self.patch("ControllerRevision", name_of(one), body)

    # Looking on

    def look(self, *, everything: bool = False) -> None:
        """Judge all that has happened since the last look."""
        broken = [
            one
            for event in self._watcher.heard(everything=everything)
            for one in self.laws.judge(event)
        ]
        if broken:
            raise BrokenLaw("\n".join(broken))

    def come_to_rest(self) -> None:
        """Wait until all is as it should be; look again, and find that it stays so."""
        complaints: list[str] = ["nothing was looked at"]

        def look() -> bool:
            nonlocal complaints
            self.cluster.collect()
            self.look()
            rest = Rest(self)
            complaints = rest.complaints()
            following = rest.next_moment()
            if following and following < datetime.now(UTC) + NEAR:
                complaints.append("time is about to change something")
                for name in rest.owners:
                    self.time_passes(name)
            return not complaints

        self._converge(look, lambda: complaints)
        self._look_again()

    def all_is_well(self) -> None:
        """Let all that is bad end, and wait until everything serves what is wanted."""
        complaints: list[str] = []

        def look() -> bool:
            nonlocal complaints
            self.cluster.catch_up()
            self.look()
            rest = Rest(self)
            complaints = [one for name in rest.owners for one in rest.is_well(name)]
            if complaints:
                for name in rest.owners:
                    self.time_passes(name)
            return not complaints

        self._converge(look, lambda: complaints)
        self.come_to_rest()

    def _converge(self, look: Callable[[], bool], complaints: Callable[[], list[str]]) -> None:
        try:
            until(look, "all is as it should be", CONVERGENCE_SECONDS)
        except AssertionError as error:
            raise BrokenLaw("\n".join(["it never comes to rest:", *complaints()])) from error

    def _look_again(self) -> None:
        """Look at all of them again: nothing is written."""
        self.settle()
        since = self.server.moment()
        for name in Rest(self).owners:
            self.nudge(name)
        self.settle()
        self.look(everything=True)
        written = [str(one) for one in self.writes(since)]
        if written:
            raise BrokenLaw(f"at rest it writes: {written}")
