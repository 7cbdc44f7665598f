"""Requests of a shadow, feedback that goes on, and what must be counted of them."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import time
from typing import Any, TypeVar

import psycopg
import requests

from contender.recorder.als_pb2 import Entry
from tests.contract.server import until
from tests.recorder.service.cluster import Endpoint
from tests.recorder.service.routers import Caller, Json
from tests.recorder.told import Call, stamp

T = TypeVar("T")


class Request:
    """A request that incumbent and challenger answer, told apart by its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.call = Call(at=time(), rows=[{"x": number}], trial=stamp())

    @property
    def id(self) -> str:
        return self.call.id

    @property
    def served(self) -> Entry:
        return self.call.answered([{"label": self.number % 2, "p": self.number % 8 / 8}])

    @property
    def copied(self) -> Entry:
        return self.call.copied([{"label": self.number % 3 % 2, "p": self.number % 4 / 4}])

    def truth(self, name: str = "churned") -> Json:
        """Return feedback about it; a reward is its number."""
        value = self.number if name == "gain" else self.number % 5 % 2
        return {"id": self.id, "name": name, "value": value}


def made(number: int) -> list[Request]:
    return [Request(one) for one in range(number)]


def parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Iterate over parts, such as the entries of a message."""
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def expected(rows: list[Json]) -> dict[str, dict[str, int]]:
    """Return what must be counted of rows: pairs, and losses of the truths that they have."""
    pairs: Counter[str] = Counter()
    losses: dict[str, Counter[str]] = {"incumbent": Counter(), "v2": Counter()}
    for row in rows:
        copy = row["copies"].get("v2")
        pairs.update(requests=1, eligible=1)
        if copy:
            same = row["output"] == copy["output"]
            pairs.update({"complete": 1, "rows": 1, "agree" if same else "disagree": 1})
        if "churned" in row["feedback"]:
            truth = row["feedback"]["churned"]["value"]
            for arm, answer in (("incumbent", row), ("v2", copy)):
                if answer:
                    losses[arm].update(n=1, sum=int(answer["output"] != truth))
    return {"pairs": dict(pairs), **{arm: dict(one) for arm, one in losses.items()}}


def counted(caller: Caller, endpoint: Endpoint) -> dict[str, dict[str, int]]:
    """Return what the recorder has counted, as `expected` does."""
    found = {"pairs": caller.pairs(endpoint), "incumbent": {}, "v2": {}}
    for one in caller.sums(endpoint, "uid-1"):
        if (one["kind"], one["feedback"], one["loss"]) == ("arm", "churned", "ZeroOne"):
            found[one["arm"]] = {name: one["numbers"][name] for name in ("n", "sum")}
    return found


class Sender:
    """Sends feedback one after the other, in a thread, and remembers what was answered.

    Args:
        caller: how.
        endpoint: about what.
        truths: each of them once, from the first to the last.
    """

    def __init__(self, caller: Caller, endpoint: Endpoint, truths: Sequence[Json]) -> None:
        self.accepted: list[Json] = []
        """Those that were answered with 200."""
        self.refused: list[requests.Response] = []
        """Other answers."""
        self._caller, self._endpoint, self._truths = caller, endpoint, truths
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def until_more(self, number: int = 1) -> None:
        """Wait until so many more are accepted."""
        before = len(self.accepted)
        until(lambda: len(self.accepted) >= before + number, "feedback is taken")

    def stop(self) -> None:
        """Send no more, and wait for the last answer."""
        self._over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        for truth in self._truths:
            if self._over.is_set():
                return
            with suppress(requests.ConnectionError):
                answer = self._caller.send(self._endpoint, truth)
                if answer.status_code == 200:
                    self.accepted.append(truth)
                else:
                    self.refused.append(answer)


class Aside:
    """Does something in a thread of its own.

    Args:
        work: what.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._found: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._found.append(work()), daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        """Wait for it, and return what came of it."""
        self._thread.join(240)
        assert self._found, "it has failed, or takes too long"
        return self._found[0]


@contextmanager
def held(store: str) -> Iterator[None]:
    """Let nothing be written into a store; it can be read."""
    if store.startswith("postgresql"):
        with psycopg.connect(store) as connection:
            connection.execute("LOCK TABLE contender.answers IN EXCLUSIVE MODE")
            yield
            connection.rollback()
        return
    other = sqlite3.connect(store, isolation_level=None, timeout=30)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()
