"""The play: sets the stage when it is needed, keeps the journal, and ends well or tells why not."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import reject

from tests.contract.server import Server
from tests.e2e.kube import ApiRefusal, Json
from tests.faults.soak_cluster import suppress_races
from tests.faults.soak_hands import Hands
from tests.faults.soak_specs import FIRST, UPDATES
from tests.faults.soak_stage import Stage

LAST_STEPS = 30
MOST_BAD_STEPS = 12
"""After so many steps without an operator, or with faults, it may work again."""
PAUSES = (0.0, 0.0, 0.02, 0.1, 0.2, 0.6)
"""Seconds between two steps: the operator is met in the middle of its work, and at rest."""
CATCH_UP_STEPS, UPDATE_STEPS = 4, 9
"""After so many steps the cluster catches up, and somebody updates, whatever rules are drawn: a
history of one kind of step is narrow."""


class Play:
    """What one round is played on. Also what the machine may ask before its next step."""

    def __init__(self, server: Server, *, lasting: bool = False) -> None:
        self._server = server
        self.lasting = lasting
        """Whether one operator process lives through several rounds."""
        self._stage: Stage | None = None
        self._folder = Path()
        self._journal: list[str] = []
        self._began = time.monotonic()
        self.failure: Exception | None = None
        """What went wrong: the round is over then."""
        self.counts: Counter[str] = Counter()
        self.operator, self.faulty = "up", False
        self._dice = random.Random(0)
        self._bad_steps = 0
        self.specs: list[Json] = []
        self.foreign: list[tuple[str, str, str]] = []

    @property
    def has_begun(self) -> bool:
        return self._stage is not None

    @property
    def memory(self) -> int:
        """MiB that the operator has in memory."""
        return self._stage.memory if self._stage else 0

    @contextmanager
    def step(self, what: str) -> Iterator[Stage]:
        """Write a step down, do it, and look whether a law was broken."""
        if self.failure:
            reject()
        try:
            stage = self._set()
            self._note(what)
            self.counts["operations"] += 1
            try:
                yield stage
            except ApiRefusal as refusal:
                if refusal.code not in (404, 409):
                    raise
            self._go_on(stage)
        except Exception as error:
            self._fail(error)
            # Hypothesis would play a failed history again, which takes long and goes otherwise.
            reject()

    def begin(self) -> None:
        """Begin a history: another one, or the same once more."""
        self.operator, self.faulty = "up", False
        self.specs, self.foreign = [*FIRST.values()], []
        self._dice = random.Random(0)
        self._bad_steps = 0

    def end(self) -> None:
        """Let all be well, and see that everything then goes as it should."""
        if self._stage and not self.failure:
            try:
                self._all_is_well(self._stage)
                self._nothing_stays(self._stage)
            except Exception as error:
                self._fail(error)
        if self._stage and (self.failure or not self.lasting):
            self.close()

    def close(self) -> None:
        """Leave the stage."""
        if self._stage:
            stage, self._stage = self._stage, None
            self.counts["writes"] += len(stage.writes(stage.since))
            stage.close(well=not self.failure)
            if not self.failure:
                shutil.rmtree(self._folder)

    # The operator, and its way to the API server

    def operator_ends(self, orderly: bool) -> None:
        with self.step(f"the operator ends, orderly: {orderly}") as stage:
            (stage.stop_operator if orderly else stage.kill_operator)()
            self.operator = "down"
            self.counts["ends"] += 1

    def operator_starts(self) -> None:
        with self.step("the operator starts") as stage:
            stage.start_operator()
            self.operator = "up"

    def operator_freezes(self) -> None:
        with self.step("the operator is frozen") as stage:
            stage.freeze()
            self.operator = "frozen"

    def operator_thaws(self) -> None:
        with self.step("the operator thaws") as stage:
            stage.thaw()
            self.operator = "up"

    def faults_begin(self, seed: int) -> None:
        with self.step(f"faults begin: {seed}") as stage:
            stage.faults_begin(seed)
            self.faulty = True

    def faults_end(self) -> None:
        with self.step("faults end") as stage:
            stage.faults_end()
            self.faulty = False

    def foreign_objects_go(self) -> None:
        """Take foreign objects away, and have the operator look at once: it watches only its own,
        and else would try again within a minute."""
        assert self._stage
        for owner, kind, name in self.foreign:
            with suppress_races():
                self._stage.delete(kind, name)
            with suppress_races():
                note = {"metadata": {"annotations": {"example.com/mended": name}}}
                self._stage.patch("ModelDeployment", owner, note)
        self.foreign = []

    # Inside

    def _go_on(self, stage: Stage) -> None:
        number = self.counts["operations"]
        if number % CATCH_UP_STEPS == 0:
            stage.cluster.catch_up()
        if number % UPDATE_STEPS == 0:
            name, update = self._dice.choice(UPDATES)
            self._note(f"update {name}")
            stage.apply(name, update)
        self._bad_steps = self._bad_steps + 1 if self.operator != "up" or self.faulty else 0
        if self._bad_steps > MOST_BAD_STEPS:
            self._note("the operator is let work again")
            self._let_work(stage)
        time.sleep(self._dice.choice(PAUSES))
        stage.look()

    def _set(self) -> Stage:
        if self._stage is None:
            self._folder = Path(mkdtemp(prefix="contender-soak-"))
            self._stage = Stage(self._server, self._folder)
            self._stage.start_operator()
            for name, spec in FIRST.items():
                self._stage.apply(name, spec)
        return self._stage

    def _let_work(self, stage: Stage) -> None:
        if self.faulty:
            stage.faults_end()
        if self.operator == "frozen":
            stage.thaw()
        if self.operator == "down":
            stage.start_operator()
        self.operator, self.faulty = "up", False

    def _all_is_well(self, stage: Stage) -> None:
        self._note("all that was bad ends")
        self._let_work(stage)
        self.foreign_objects_go()
        stage.cluster.heals()
        for one in stage.kube.all("ModelDeployment", stage.namespace):
            name = one["metadata"]["name"]
            stage.annotate(name, paused=None)
            spec = {key: value for key, value in one["spec"].items() if key != "paused"}
            stage.apply(name, spec)
        stage.all_is_well()
        self._note("hands delete, and nothing else happens that could wake the operator")
        for kind in ("Service", "PodDisruptionBudget"):
            Hands(stage).delete(kind, 0)
        stage.come_to_rest()

    def _nothing_stays(self, stage: Stage) -> None:
        self._note("all are deleted")
        for one in stage.kube.all("ModelDeployment", stage.namespace):
            stage.delete("ModelDeployment", one["metadata"]["name"])
        stage.come_to_rest()
        left = [one for kind in ("Deployment", "Service") for one in stage.cluster.all(kind)]
        assert not left, "something was made for the deleted"

    def _note(self, what: str) -> None:
        self._journal.append(f"{time.monotonic() - self._began:7.2f} {what}")

    def _fail(self, error: Exception) -> None:
        self.failure = error
        story = self._folder / "story.txt"
        told = "\n".join(self._journal)
        story.write_text(
            f"{self._stage.dump() if self._stage else ''}\n\nthe steps:\n{told}\n{error!r}\n"
        )
        last = "\n".join(self._journal[-LAST_STEPS:])
        error.add_note(f"the last steps:\n{last}\n{error}\nall that is known: {self._folder}")
