"""A recorder without its network: what comes in, and what is stored then."""

from array import array
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contender.recorder.als_pb2 import Entry
from contender.recorder.feedback import Truth, Verdict, understand
from contender.recorder.http.looks import page
from contender.recorder.http.rows import Filter, rows
from contender.recorder.intake import Intake
from contender.recorder.joining.sums import ARM, BUCKETS, PAIR, PAIR_COUNTS
from contender.recorder.model import Batch, Selection
from contender.recorder.plans import Plan, Plans, plan_of
from contender.recorder.store.base import Store, StoreError
from contender.recorder.store.sqlite import SqliteStore
from contender.recorder.submissions import NotStored, Submission
from contender.recorder.upkeep import Upkeep
from contender.recorder.writer import Writer
from tests.recorder.told import NOW, taken

SECRET = b"k" * 32
SPEC: dict[str, Any] = {
    "model": {"version": "1", "image": "churn:1"},
    "capture": {},
    "rows": {
        "preset": "V1",
        "output": "/label",
        "score": "/p",
        "task": "Binary",
        "positiveClass": "1",
    },
    "feedback": [{"name": "churned", "kind": "Label"}, {"name": "gain", "kind": "Reward"}],
}


def plan(name: str = "churn", **spec: Any) -> Plan:
    """Return the plan of a ModelDeployment; spec in place of the usual one."""
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}"}
    found = plan_of({"metadata": metadata, "spec": {**SPEC, **spec}}, SECRET)
    assert found is not None
    return found


class Moody:
    """A store that fails now and then, before it has written or after."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.moods: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write(self, batch: Batch) -> None:
        mood = self.moods.pop(0) if self.moods else ""
        if mood == "before":
            raise StoreError("the disk is full")
        self.store.write(batch)
        if mood == "after":
            raise StoreError("the connection broke at the commit")


class Books:
    """A recorder's writer with its store.

    Args:
        folder: where the store is.
        store: in place of a new SQLite.
        spec: in place of parts of the usual one.
    """

    def __init__(self, folder: Path, store: Store | None = None, **spec: Any) -> None:
        self.store: Store = store or SqliteStore.open(folder / "recorder.sqlite")
        self.plans = Plans()
        self.intake = Intake()
        self.now = NOW
        self.endpoint = self.declare(plan(**spec))
        self.start()

    def start(self) -> None:
        """Begin as a new process does."""
        self.writer = Writer(self.store, self.plans, self.intake, lambda: self.now)
        self.writer.ledger.open()
        self.upkeep = Upkeep(self.store, self.writer, lambda: self.now)

    def declare(self, plan: Plan) -> int:
        """Take over the plan of an endpoint; return its number."""
        number = self.store.endpoint(plan.uid, plan.namespace, plan.name, *plan.retention)
        self.plans.put(number, plan)
        return number

    def take(self, *entries: Entry, endpoint: int | None = None) -> None:
        """Take a message of a router, and store it."""
        self.intake.offer(taken(self.endpoint if endpoint is None else endpoint, *entries))
        self.run()

    def run(self) -> None:
        """Store what has come."""
        self.writer.stop()
        self.writer.run(patience=0)

    def send(self, *items: Any, endpoint: int | None = None) -> list[Verdict]:
        """Send feedback; return what becomes of each item."""
        number = self.endpoint if endpoint is None else endpoint
        found = self.plans.get(number)
        assert found
        understood = understand(found, items, datetime.fromtimestamp(self.now, UTC))
        truths = [one for one in understood if isinstance(one, Truth)]
        told: list[Verdict] = []

        def done(verdicts: list[Verdict] | NotStored) -> None:
            assert not isinstance(verdicts, NotStored)
            told.extend(verdicts)

        self.writer.submit(Submission(number, truths, done))
        self.run()
        stored = iter(told)
        return [next(stored) if isinstance(one, Truth) else one for one in understood]

    def later(self, seconds: float) -> None:
        """Let time pass, and do what is to be done then."""
        self.now += seconds
        self.writer.errand(self.upkeep.give_up)
        self.writer.errand(self.writer.ledger.look_again)
        self.writer.errand(self.upkeep.mature)
        self.run()
        self.writer.errand(self.upkeep.expire)
        self.writer.errand(self.upkeep.expire_rarely)
        self.run()

    def counts(self, candidate: str = "v2", epoch: str = "one") -> dict[str, int]:
        """Return what is counted of a candidate's pairs, without zeros."""
        found = {
            key: array("d", data)
            for key, data, _ in self.store.statistics()
            if (key.kind, key.arm, key.epoch) == ("pairs", candidate, epoch)
        }
        if not found:
            return {}
        (numbers,) = found.values()
        return {
            name: int(number) for name, number in zip(PAIR_COUNTS, numbers, strict=True) if number
        }

    def sums(self, kind: str, arm: str, feedback: str, loss: str) -> dict[str, float]:
        """Return the sums of an arm or of pairs, all epochs together."""
        names = ARM if kind == "arm" else PAIR
        found = dict.fromkeys(names, 0.0)
        for key, data, _ in self.store.statistics():
            if (key.kind, key.arm, key.feedback, key.loss) == (kind, arm, feedback, loss):
                for name, number in zip(names, array("d", data), strict=False):
                    found[name] += number
        return found

    def buckets(self, kind: str, arm: str, feedback: str, loss: str) -> list[tuple[float, float]]:
        """Return n and sum of each bucket."""
        start = len(ARM if kind == "arm" else PAIR)
        for key, data, _ in self.store.statistics():
            if (key.kind, key.arm, key.feedback, key.loss) == (kind, arm, feedback, loss):
                numbers = array("d", data)
                n, total = numbers[start : start + BUCKETS], numbers[start + BUCKETS :]
                return [*zip(n, total, strict=True)]
        return []

    def looks(self, experiment: str = "uid-1", after: int = 0) -> list[dict[str, Any]]:
        """Return the looks at an experiment as they are told."""
        names = {one.number: (one.namespace, one.name) for one in self.store.endpoints()}
        told = page(self.store.looks({experiment: after}), names)
        assert not told["more"]
        found: list[dict[str, Any]] = told["looks"]
        return found

    def rows(self, *labelled: str, endpoint: int | None = None) -> list[Mapping[str, Any]]:
        """Return the joined table."""
        number = self.endpoint if endpoint is None else endpoint
        found = self.plans.get(number)
        assert found
        strata = dict(self.store.strata())
        return [
            row
            for portion in self.store.scan(Selection(number))
            for one in portion
            for row in rows(one, strata, found.reader, Filter(labelled=labelled))
        ]

    def counter(self, name: str, endpoint: int | None = None) -> int:
        """Return a counter."""
        number = self.endpoint if endpoint is None else endpoint
        return self.store.counters().get((number, name), 0)
