"""Streams of requests of which the truth is known, and the looks that the recorder takes at them.

All sums of a stream are made at once for all of its looks; that they are those of the recorder is
tested where they are used.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contender.recorder.joining.looks import GROWTH, LEAST_GROWTH
from contender.recorder.joining.sums import BUCKETS
from contender.router.traffic import INCUMBENT

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
Json = dict[str, Any]
NEVER = np.inf


@dataclass(frozen=True)
class Stream:
    """Rows in the order in which they come. All arrays have a number for each row."""

    losses: Mapping[str, Numbers]
    """By arm; NaN: this arm did not answer the row."""
    request: Whole
    """Number of its request, from 0 on; a request comes every second."""
    bucket: Whole
    """Of its entity, or request."""
    epoch: Whole
    paired: bool
    """Whether all arms were to answer every row."""
    known: Numbers
    """When the truth is there, in seconds; `NEVER` is possible."""
    delay: float = 0.0
    """After so many seconds a row is old enough to count."""

    @property
    def candidates(self) -> list[str]:
        """All arms but the incumbent."""
        return [one for one in self.losses if one != INCUMBENT]


def stream(
    random: np.random.Generator,
    losses: Mapping[str, Numbers],
    *,
    paired: bool,
    rows_each: int = 1,
    entity: Whole | None = None,
    epoch: Whole | None = None,
    late: Numbers | None = None,
    delay: float = 0.0,
) -> Stream:
    """Return a stream.

    Args:
        random: decides which entity, or request, falls into which bucket.
        losses: by arm.
        paired: whether all arms were to answer every row.
        rows_each: rows of a request.
        entity: whom each row is about; None: nobody knows.
        epoch: of each row; None: there is one.
        late: so many seconds after the request the truth is there; None: at once.
        delay: after so many seconds a row is old enough to count.
    """
    n = len(losses[INCUMBENT])
    request = np.arange(n) // rows_each
    unit = request if entity is None else entity
    return Stream(
        losses=losses,
        request=request,
        bucket=random.integers(0, BUCKETS, int(unit.max()) + 1)[unit],
        epoch=np.zeros(n, dtype=np.int64) if epoch is None else epoch,
        paired=paired,
        known=request + (np.zeros(n) if late is None else late),
        delay=delay,
    )


def looks(of: Stream, began: float = 0.0) -> list[Json]:
    """Return the looks that the recorder takes at a stream, as it tells them.

    Args:
        of: the stream.
        began: when its first request came, in seconds since 1970.
    """
    old = (of.request + of.delay).astype(np.float64)
    counted = np.maximum(of.known, old)
    moments, totals = _due(of, old, counted)
    sums, pairs = [*_sums(of, old, counted, moments)], [*_pairs(of, moments)]
    return [
        {
            "number": number + 1,
            "at": began + float(moments[number]),
            "total": int(totals[number]),
            "means": [one for mean in sums if (one := mean(number))],
            "pairs": [one for count in pairs if (one := count(number))],
        }
        for number in range(len(moments))
    ]


def _due(of: Stream, old: Numbers, counted: Numbers) -> tuple[Numbers, Numbers]:
    """Return when looks are taken, and how much is known then."""
    first = np.unique(of.request, return_index=True)[1]
    times = [np.repeat(of.request[first].astype(float), len(of.candidates))]
    for losses in of.losses.values():
        answered = np.isfinite(losses)
        times += [old[answered], counted[answered & np.isfinite(counted)]]
    moments, counts = np.unique(np.concatenate(times), return_counts=True)
    totals = counts.cumsum()
    due, last, at = [], 0.0, 0
    while (at := int(np.searchsorted(totals, max(last + LEAST_GROWTH, GROWTH * last)))) < len(
        totals
    ):
        due.append(at)
        last = float(totals[at])
    return moments[due], totals[due]


Told = Callable[[int], Json | None]
"""A mean by the number of the look; None: of nothing."""


def _sums(of: Stream, old: Numbers, counted: Numbers, moments: Numbers) -> Iterator[Told]:
    theirs = of.losses[INCUMBENT]
    for epoch in np.unique(of.epoch):
        here = of.epoch == epoch
        name = {"epoch": f"e{epoch}", "feedback": "churned"}
        for arm, losses in of.losses.items():
            answered = here & np.isfinite(losses)
            known = answered & np.isfinite(counted)
            told = {**name, "arm": arm, "kind": "arm"}
            of_losses = _Sums(of, moments, known, counted, losses)
            yield of_losses.told({**told, "loss": "ZeroOne"})
            of_rows = _Sums(of, moments, answered, old, np.zeros(len(losses)))
            of_rows.add(known, counted, np.ones(len(losses)))
            yield of_rows.told({**told, "loss": "Labelled"})
            if arm == INCUMBENT:
                continue
            both = known & np.isfinite(theirs)
            if of.paired and both.any():
                pairs = _Sums(of, moments, both, counted, losses - theirs)
                means = [_Sums(of, moments, both, counted, one).means for one in (theirs, losses)]
                yield pairs.told({**told, "kind": "pair", "loss": "ZeroOne"}, means)


class _Sums:
    """Rows and sums by look and bucket.

    Args:
        of: the stream.
        moments: of the looks.
        rows: which rows.
        times: when each is counted.
        values: of each.
    """

    def __init__(
        self, of: Stream, moments: Numbers, rows: NDArray[np.bool_], times: Numbers, values: Numbers
    ) -> None:
        self._of = of
        self._moments = moments
        where = self._where(rows, times)
        self.n = self._by_look(where)
        self.sums = self._by_look(where, values[rows])
        self.squares = self._by_look(where, values[rows] ** 2)

    def add(self, rows: NDArray[np.bool_], times: Numbers, values: Numbers) -> None:
        """Let rows that are counted already have a value from other moments on."""
        where = self._where(rows, times)
        self.sums += self._by_look(where, values[rows])
        self.squares += self._by_look(where, values[rows] ** 2)

    @property
    def means(self) -> Numbers:
        """Of all buckets, by look."""
        with np.errstate(invalid="ignore"):
            found: Numbers = self.sums.sum(axis=1) / self.n.sum(axis=1)
        return found

    def told(self, name: Json, both: list[Numbers] | None = None) -> Told:
        """Return what is told of these sums."""
        n, added, squares = (one.sum(axis=1) for one in (self.n, self.sums, self.squares))
        with np.errstate(divide="ignore", invalid="ignore"):
            of_row = np.maximum(squares - added**2 / n, 0.0) / np.maximum(n - 1, 1) / n
        by_bucket = self._by_bucket()

        def tell(look: int) -> Json | None:
            if not n[look]:
                return None
            variance = float(by_bucket[look])
            found = {
                **name,
                "n": int(n[look]),
                "mean": float(added[look] / n[look]),
                "rowVariance": float(of_row[look]) if n[look] >= 2 else 0.0,
                "bucketVariance": None if np.isnan(variance) else variance,
            }
            if both:
                found |= {"incumbent": float(both[0][look]), "challenger": float(both[1][look])}
            if name["loss"] != "Labelled":
                told = self.n[look].astype(int).tolist(), self.sums[look].tolist()
                found["buckets"] = dict(zip(("n", "sum"), told, strict=True))
            return found

        return tell

    def _where(self, rows: NDArray[np.bool_], times: Numbers) -> Whole:
        look = np.searchsorted(self._moments, times[rows])
        found: Whole = look * BUCKETS + self._of.bucket[rows]
        return found

    def _by_look(self, where: Whole, values: Numbers | None = None) -> Numbers:
        shape = len(self._moments) + 1, BUCKETS
        found = np.bincount(where, values, shape[0] * BUCKETS).reshape(shape)
        cumulated: Numbers = found.cumsum(axis=0)[:-1].astype(float)
        return cumulated

    def _by_bucket(self) -> Numbers:
        """Return the squared standard errors by bucket, as `stats.estimates.by_bucket`."""
        n, sums = self.n, self.sums
        whole = n.sum(axis=1, keepdims=True)
        filled = (n > 0).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = sums.sum(axis=1, keepdims=True) / whole
            left_out = np.where(n > 0, (sums - ratio * n) / (whole - n), 0.0)
            found = (left_out**2).sum(axis=1) * (filled - 1) / filled
        return np.where(filled >= 2, found, np.nan)


def _pairs(of: Stream, moments: Numbers) -> Iterator[Told]:
    """Iterate over candidates and epochs: how many requests had been answered at each look."""
    first = np.append(True, np.diff(of.request) > 0)
    for candidate in of.candidates:
        whole = np.isfinite(of.losses[candidate]) & np.isfinite(of.losses[INCUMBENT])
        for epoch in np.unique(of.epoch):
            here = of.epoch == epoch
            rows = {"requests": here & first}
            if of.paired:
                rows |= {"eligible": here & first, "complete": here & first & whole}
                rows |= {"rows": here & whole, "overflow": here & first & ~whole}
            counts = {
                name: np.searchsorted(of.request[one], moments, side="right")
                for name, one in rows.items()
            }
            yield _Counts({"epoch": f"e{epoch}", "arm": candidate}, counts).told


@dataclass(frozen=True)
class _Counts:
    name: Json
    counts: Mapping[str, Whole]
    """By look."""

    def told(self, look: int) -> Json | None:
        """Return the counts of one look; None: there are none."""
        found = {name: int(one[look]) for name, one in self.counts.items() if one[look]}
        return {**self.name, "counts": found} if found else None
