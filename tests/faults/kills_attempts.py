"""What is tried, and what came of it."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.kills_history import Change, State
from tests.faults.kills_situations import Act, Situation, garbage_is_collected
from tests.faults.kills_strikes import Blow
from tests.scenarios.world import World

Strike = tuple[int, Blow]
"""At which of its writes an operator is struck, counted from 0, and how."""
Choose = Callable[[Situation, int, int], Iterable[Sequence[Strike]]]
"""Says, of an act of a situation and the number of its writes, when operators are struck: in each
attempt one, or one after another."""

NOTHING: State = {"served in turn": ""}


@dataclass(frozen=True)
class Recording:
    """A situation without a fault."""

    writes: list[list[str]] = field(default_factory=lambda: [])
    """By act: what the operator wrote."""
    states: list[State] = field(default_factory=lambda: [])
    """By act: what was there then."""
    changes: list[Change] = field(default_factory=lambda: [])


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
    def next_strike(self) -> Strike | None:
        """The strike that has not happened yet."""
        happened = len(self.exit_codes)
        return self.point.strikes[happened] if happened < len(self.point.strikes) else None

    @property
    def expected_writes(self) -> list[str]:
        return [*itertools.chain(*self.recording.writes[self.point.act :])]

    @property
    def then(self) -> Sequence[tuple[Act | None, State | None]]:
        """What is done after the strikes, each with what is there afterwards."""
        if any(blow.deletes for _, blow in self.point.strikes):
            return [(None, None), (garbage_is_collected, NOTHING)]
        acts = self.point.situation.story[self.point.act + 1 :]
        return [*zip((None, *acts), self.recording.states[self.point.act :], strict=True)]


def points(recordings: Mapping[Situation, Recording], choose: Choose) -> Iterator[Point]:
    """Iterate over all that is to be tried."""
    for situation, recording in recordings.items():
        for act in range(len(situation.given), len(situation.story)):
            for strikes in choose(situation, act, len(recording.writes[act])):
                yield Point(situation, act, strikes)
