"""Maturity: up to when requests are old enough for the truth about them to count.

Truths that come early are no fair sample of all: who leaves does so at once, who stays is known to
stay months later. So a truth counts in an Experiment when its request is older than the feedback's
delay. How far that has come is noted in the same transaction as the sums that it explains.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from contender.recorder.counters import is_note
from contender.recorder.joining.judge import Judge
from contender.recorder.joining.marks import Marks
from contender.recorder.model import PredictionKey
from contender.recorder.plans import Plan
from contender.recorder.store.base import Store
from contender.recorder.store.schema import NOT_BEFORE

JUDGE = "judge/"
"""Note of an endpoint: by whom rows of Experiments were counted last, its digest as a number."""
STEP = 10_000_000
"""Microseconds: by so much at least the marks of an endpoint move."""


@dataclass
class Sweep:
    """What is to be measured anew, because its requests have become old enough."""

    predictions: dict[PredictionKey, None] = field(default_factory=lambda: {})
    """In the order of their time."""
    until: dict[int, dict[str, int]] = field(default_factory=lambda: {})
    """By endpoint and feedback: how far it has come afterwards, in microseconds since 1970."""
    more: bool = False
    """Whether others are left for the next one."""

    def of(self, endpoint: int) -> "Sweep":
        """Return the part of one endpoint."""
        own = {key: None for key in self.predictions if key[0] == endpoint}
        return Sweep(own, {endpoint: self.until[endpoint]})


class Maturity:
    """The marks of all endpoints with Experiments. Kept among the counters.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: dict[tuple[int, str], int] | None = None
        self._changed: dict[tuple[int, str], int] = {}
        self._marks: dict[int, tuple[Judge, Marks]] = {}

    def marks(self, endpoint: int, judge: Judge, now: int) -> Marks:
        """Return which rows of an endpoint count; fix it if this judge is new.

        Args:
            endpoint: its number.
            judge: the present one.
            now: microseconds since 1970.

        Raises:
            StoreError: what is stored cannot be read.
        """
        found = self._marks.get(endpoint)
        if found is None or found[0] is not judge:
            found = self._marks[endpoint] = (judge, self._read(endpoint, judge, now))
        return found[1]

    def due(self, plans: Iterable[tuple[int, Plan]], now: int, limit: int) -> Sweep:
        """Return what has become old enough.

        Args:
            plans: of the endpoints that are looked through.
            now: microseconds since 1970.
            limit: how many answers are looked through, about.

        Raises:
            StoreError: what is stored cannot be read.
        """
        sweep, room = Sweep(), limit
        for endpoint, plan in plans:
            if (endpoint, JUDGE) in self._loaded():  # else there never was an Experiment
                room = self._due(sweep, endpoint, plan.judge, now, room)
        return sweep

    def _due(self, sweep: Sweep, endpoint: int, judge: Judge, now: int, room: int) -> int:
        """Add what has become old enough at one endpoint; return how much room is left."""
        marks = self.marks(endpoint, judge, now)
        for delay in sorted({*judge.delays.values()}):
            names = [name for name, one in judge.delays.items() if one == delay]
            since = min(marks.until[name] for name in names)
            until = (now - delay) // STEP * STEP
            if until <= since:
                continue
            if room <= 0:
                sweep.more = True
                break
            found = self._store.ripening(endpoint, since, until, room)
            if len(found) >= room:
                sweep.more, until = True, found[-1][0]
            room -= len(found)
            sweep.predictions |= {(endpoint, one): None for _, one, matters in found if matters}
            moved = {name: max(until, marks.until[name]) for name in names}
            sweep.until[endpoint] = sweep.until.get(endpoint, {}) | moved
        return room

    def move(self, sweep: Sweep) -> None:
        """Say that what was to be measured anew is in this batch, or that there is nothing."""
        for endpoint, until in sweep.until.items():
            if endpoint not in self._marks:  # forgotten, and nothing of it was measured since
                continue
            judge, marks = self._marks[endpoint]
            self._marks[endpoint] = (judge, marks.moved(until))
            for name, moment in until.items():
                self._note(endpoint, _mature(judge, name), moment)

    def changed(self) -> dict[tuple[int, str], int]:
        """Return the notes that are to be written with the next batch that changes anything."""
        return dict(self._changed)

    def settled(self) -> None:
        """Say that all notes are stored."""
        self._changed.clear()

    def forget(self) -> None:
        """Forget everything: what is stored counts."""
        self._notes = None
        self._changed.clear()
        self._marks.clear()

    def _loaded(self) -> dict[tuple[int, str], int]:
        if self._notes is None:
            stored = self._store.counters()
            self._notes = {key: value for key, value in stored.items() if is_note(key[1])}
        return self._notes

    def _note(self, endpoint: int, name: str, value: int) -> None:
        self._loaded()[endpoint, name] = self._changed[endpoint, name] = value

    def _read(self, endpoint: int, judge: Judge, now: int) -> Marks:
        notes = self._loaded()
        if notes.get((endpoint, JUDGE)) != int(judge.digest, 16):
            self._begin(endpoint, judge, now)
        until = {name: notes[endpoint, _mature(judge, name)] for name in judge.delays}
        return Marks(notes[endpoint, _since(judge)], until)

    def _begin(self, endpoint: int, judge: Judge, now: int) -> None:
        """Fix from when on rows count under a judge that takes over: from after those that are
        stored, as these may have come under another one. Where there was none before, all count.
        """
        notes = self._loaded()
        if (endpoint, JUDGE) in notes:
            since = self._store.latest_time(endpoint) + 1
        else:
            since = notes.get((endpoint, NOT_BEFORE), 0)
        self._note(endpoint, _since(judge), since)
        for name, delay in judge.delays.items():
            # One that was there before goes on where it was.
            self._note(
                endpoint,
                _mature(judge, name),
                notes.get((endpoint, _mature(judge, name)), now - delay),
            )
        self._note(endpoint, JUDGE, int(judge.digest, 16))


def _since(judge: Judge) -> str:
    return f"{NOT_BEFORE}{judge.digest}"


def _mature(judge: Judge, name: str) -> str:
    return f"mature/{judge.digest}/{name}"
