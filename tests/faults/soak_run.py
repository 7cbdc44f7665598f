"""Rounds of the soak, one after the other, each with a seed of its own."""

import time
from collections.abc import Callable
from itertools import count

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.server import Server
from tests.faults.soak import Soak
from tests.faults.soak_play import Play

GROWTH = 1.3
"""How much more memory the operator may have after the last third than after the first."""
FEWEST_SAMPLES = 6

Say = Callable[[str], None]


def one_round(play: Play, number: int, steps: int) -> None:
    """Play the history of one seed. Hypothesis plays the simplest one first: only moments pass."""

    class Round(Soak):
        pass

    Round.play = play
    seed(number)(Round)
    try:
        run_state_machine_as_test(
            Round,
            settings=settings(
                max_examples=2,
                stateful_step_count=steps,
                # To find out which steps matter would take hours.
                phases=[Phase.generate],
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        if play.failure:
            raise play.failure


class Run:
    """A long soak."""

    def __init__(self, server: Server, first_seed: int, steps: int, say: Say) -> None:
        self._server = server
        self._seeds = count(first_seed)
        self._steps = steps
        self._say = say
        self._began = time.monotonic()

    def go_on(self, minutes: float) -> None:
        """Play rounds for so long: half of the time each has an operator of its own that is ended
        at random, then one operator lives through all that is left."""
        self._rounds(minutes * 30, lasting=False)
        memory = self._rounds(minutes * 30, lasting=True)
        if len(memory) < FEWEST_SAMPLES:
            return
        third = len(memory) // 3
        first, last = memory[third - 1], memory[-1]
        self._say(f"the operator's memory: {memory[0]}, {first}, {last} MiB")
        assert last <= first * GROWTH, f"memory grows: {memory}"

    def _rounds(self, seconds: float, *, lasting: bool) -> list[int]:
        until = time.monotonic() + seconds
        play = Play(self._server, lasting=lasting)
        memory: list[int] = []
        while time.monotonic() < until:
            number = next(self._seeds)
            try:
                one_round(play, number, self._steps)
            except BaseException:
                self._say(f"FAILED: play it again by make soak SEED={number}")
                raise
            memory.append(play.memory)
            self._tell(number, play)
        play.close()
        return memory

    def _tell(self, number: int, play: Play) -> None:
        minutes = (time.monotonic() - self._began) / 60
        figures = ", ".join(f"{count} {what}" for what, count in sorted(play.counts.items()))
        memory = f", {play.memory} MiB" if play.memory else ""
        self._say(f"{minutes:5.1f} min, seed {number}: {figures}{memory}")
