"""What a store can do. One writer, any number of readers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from contender.recorder.model import (
    Batch,
    Drawn,
    Endpoint,
    Found,
    HourKey,
    KeyedFeedback,
    Look,
    PredictionKey,
    Selection,
    StatisticKey,
    Stored,
    Stratum,
)


class StoreError(Exception):
    """The store did not do what it was asked: full, away, or broken. Nothing was written, unless
    the connection broke at the commit itself; what is asked again does no harm.

    Its text is for people: what and why.
    """


class Reader(Protocol):
    """Reads; each from one thread at a time.

    Raises (every method): StoreError.
    """

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, also those that were deleted."""
        ...

    def strata(self) -> Mapping[int, Stratum]:
        """Return all strata by number."""
        ...

    def stored(self, keys: Collection[PredictionKey]) -> dict[PredictionKey, Stored]:
        """Return what is known of these predictions, without bodies; unknown ones are left out. A
        prediction of which only feedback is known has no answers."""
        ...

    def latest(
        self, wanted: Iterable[tuple[int, bytes, int]]
    ) -> dict[tuple[int, bytes, int], tuple[bytes, int]]:
        """Return, by (endpoint, key, time), prediction and row of the last one with this key up to
        this moment (of equal times the greatest prediction and row); without those that have none.
        """
        ...

    def waiting(self, endpoint: int | None = None) -> list[KeyedFeedback]:
        """Return feedback by key for which no row was found yet."""
        ...

    def lacking(self, since: int, until: int) -> list[PredictionKey]:
        """Return the predictions of experiments whose request came within these moments
        (microseconds since 1970; the end is exclusive) and of which an expected answer is neither
        there nor marked as LOST: a served one without all copies that its stratum expects, or a
        copy without the served one."""
        ...

    def statistics(
        self, experiments: Collection[str] | None = None, after: int = 0
    ) -> list[tuple[StatisticKey, bytes, int]]:
        """Return sums and the number of their last change, those that changed after a number; of
        some experiments or of all."""
        ...

    def statistic(self, keys: Collection[StatisticKey]) -> dict[StatisticKey, bytes]:
        """Return the sums of these keys that are there."""
        ...

    def statistic_keys(self, endpoint: int, experiment: str) -> list[StatisticKey]:
        """Return the keys of all sums that an endpoint has of an experiment."""
        ...

    def ripening(
        self, endpoint: int, since: int, until: int, limit: int
    ) -> list[tuple[int, bytes, bool]]:
        """Return the oldest answers to requests that came after a moment and not after another one
        (microseconds since 1970): time, prediction, and whether it is the served answer to a
        request of an experiment. About `limit` of them, but all of the last one's microsecond."""
        ...

    def latest_time(self, endpoint: int) -> int:
        """Return the time of the latest answer of an endpoint, in microseconds since 1970; 0: it
        has none."""
        ...

    def drawn(self, endpoint: int, experiment: str, before: int) -> list[Drawn]:
        """Return how many callers were drawn for each arm of an experiment, of those whose first
        request came before a moment (microseconds since 1970); the oldest epoch first."""
        ...

    def last_look(self, endpoint: int, experiment: str) -> Look | None:
        """Return the last look at an experiment of an endpoint."""
        ...

    def looks(self, after: Mapping[str, int]) -> Iterator[Look]:
        """Iterate over the looks at experiments, by experiment and number. Only some are held in
        memory at a time.

        Args:
            after: by experiment, the number after which looks are wanted.
        """
        ...

    def verdict(self, experiment: str) -> bytes | None:
        """Return the verdict of an experiment, if there is one."""
        ...

    def hour(self, keys: Collection[HourKey]) -> dict[HourKey, bytes]:
        """Return the counts of these keys that are there."""
        ...

    def hours(self, endpoint: int, since: int, until: int) -> Iterator[tuple[HourKey, bytes]]:
        """Iterate over all counts of an endpoint; hours since 1970, the end is exclusive."""
        ...

    def counters(self) -> dict[tuple[int, str], int]:
        """Return all counters by endpoint and name."""
        ...

    def last_change(self) -> int:
        """Return the greatest number of a change of statistics."""
        ...

    def scan(self, selection: Selection, page: int = 500) -> Iterator[list[Found]]:
        """Iterate over pages of whole predictions, by the time of the served answer and then by
        prediction; what is written meanwhile may or may not be there. No more than a page is held
        in memory."""
        ...

    def bytes_used(self) -> dict[int, int]:
        """Return by endpoint about how many bytes its predictions take."""
        ...

    def close(self) -> None:
        """Give back all that it holds."""
        ...


class Store(Reader, Protocol):
    """Reads and writes."""

    def reader(self) -> Reader:
        """Return a reader of its own, for another thread."""
        ...

    def endpoint(
        self, uid: str, namespace: str, name: str, retention_seconds: int, retention_bytes: int
    ) -> int:
        """Return the number of an endpoint; make it, or bring it up to date."""
        ...

    def gone(self, endpoint: int, at: int) -> None:
        """Note when a ModelDeployment was deleted (seconds since 1970)."""
        ...

    def stratum(self, wanted: Stratum) -> int:
        """Return the number of a stratum; make it if it is new."""
        ...

    def write(self, batch: Batch) -> None:
        """Write a batch durably, all of it or nothing."""
        ...

    def keep_verdict(self, experiment: str, endpoint: int | None, at: int, data: bytes) -> bytes:
        """Keep the verdict of an experiment, unless there is one; return the one that is kept.

        Args:
            experiment: its uid.
            endpoint: with which it is deleted; None: with none.
            at: seconds since 1970.
            data: what was decided.
        """
        ...

    def expire(self, endpoint: int, before: int, limit: int) -> tuple[int, int]:
        """Delete the oldest answers of requests before a moment (microseconds since 1970), with
        their handles and feedback, at most about so many; return how many and about how many bytes.
        Statistics, looks, verdicts, hours and counters stay."""
        ...

    def expire_bytes(self, endpoint: int, size: int, limit: int) -> tuple[int, int]:
        """Delete the oldest answers until about so many bytes are free; else as `expire`."""
        ...

    def expire_orphans(self, before: int, limit: int) -> dict[int, int]:
        """Delete feedback that came before a moment (microseconds since 1970) and belongs to no
        answer, by id or by key, at most about so many; return how many by endpoint."""
        ...

    def expire_callers(self, endpoint: int, before: int) -> None:
        """Forget who was drawn for an arm before a moment, in microseconds since 1970."""
        ...

    def expire_hours(self, endpoint: int, before: int) -> None:
        """Delete what was counted in hours (since 1970) before this one."""
        ...

    def erase(self, endpoint: int, entity: bytes) -> int:
        """Delete all predictions with a row about an entity, with all their answers, handles and
        feedback; return how many predictions. Statistics, looks, verdicts, hours and counters
        stay."""
        ...

    def remove(self, endpoint: int, limit: int) -> bool:
        """Delete an endpoint that is gone with all that it has, a part at a time; return whether
        nothing is left."""
        ...
