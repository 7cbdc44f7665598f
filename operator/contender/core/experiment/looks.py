"""Looks: how the recorder saw an Experiment at moments that the data decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MISSING = ("overflow", "lost", "cancelled", "unread", "incumbentMissing", "servedLost")
"""Why one half of a pair may be missing. What an arm failed to answer is no missing half."""
LABELLED = "Labelled"
"""In place of a loss: whether a row that is old enough has a truth."""
VALUE = "Value"
"""In place of a loss: the mean of a reward."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The same by entity, or else by request: by the hash of these, rows fall into buckets."""

    n: tuple[float, ...]
    """Rows."""
    sums: tuple[float, ...]
    """What they add up to, in the same order."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows of one epoch."""

    epoch: str
    arm: str
    """Of pairs the candidate."""
    paired: bool
    """Whether it is the mean of the candidate's minus the incumbent's, row by row."""
    feedback: str
    loss: str
    segment: str
    """Id of a segment; empty: all rows."""
    n: float
    """Rows."""
    mean: float
    row_variance: float
    """Squared standard error of the mean if rows are independent."""
    bucket_variance: float | None
    """Squared standard error if only rows of different entities, or requests, are; None: nobody
    can tell yet."""
    incumbent: float = 0.0
    """Of pairs, the incumbent's mean."""
    challenger: float = 0.0
    """Of pairs, the candidate's mean."""
    buckets: Buckets | None = None
    """None: not told, as of `LABELLED`."""


@dataclass(frozen=True, slots=True)
class Halves:
    """How many pairs of one epoch are whole."""

    epoch: str
    arm: str
    complete: int
    missing: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many callers were drawn for an arm in one epoch, where callers stay with an arm."""

    epoch: str
    arm: str
    share: int
    """Percent of the callers that it was to get."""
    callers: int


@dataclass(frozen=True, slots=True)
class Look:
    """How an Experiment stood at one moment."""

    number: int
    """Of the Experiment, from 1 on."""
    at: float
    """Seconds since 1970."""
    means: tuple[Mean, ...]
    halves: tuple[Halves, ...]
    drawn: tuple[Drawn, ...] = ()
    """The oldest epoch first."""

    def of(
        self, arm: str, feedback: str, loss: str, segment: str = "", *, paired: bool
    ) -> dict[str, Mean]:
        """Return the means of an arm by epoch."""
        wanted = (arm, feedback, loss, segment, paired)
        return {
            one.epoch: one
            for one in self.means
            if (one.arm, one.feedback, one.loss, one.segment, one.paired) == wanted
        }


def read_look(told: Mapping[str, Any]) -> Look:
    """Return a look as the recorder tells it.

    Raises:
        KeyError, ValueError, TypeError: it is none.
    """
    return Look(
        number=int(told["number"]),
        at=float(told["at"]),
        means=tuple(_mean(one) for one in told["means"]),
        halves=tuple(_halves(told["pairs"])),
        drawn=tuple(_drawn(one) for one in told.get("drawn", ())),
    )


def _mean(one: Mapping[str, Any]) -> Mean:
    return Mean(
        epoch=one["epoch"],
        arm=one["arm"],
        paired=one["kind"] == "pair",
        feedback=one["feedback"],
        loss=one["loss"],
        segment=one.get("segment", ""),
        n=float(one["n"]),
        mean=float(one["mean"]),
        row_variance=float(one["rowVariance"]),
        bucket_variance=_number(one, "bucketVariance"),
        incumbent=_number(one, "incumbent") or 0.0,
        challenger=_number(one, "challenger") or 0.0,
        buckets=_buckets(one.get("buckets")),
    )


def _drawn(one: Mapping[str, Any]) -> Drawn:
    return Drawn(one["epoch"], one["arm"], int(one["share"]), int(one["callers"]))


def _number(one: Mapping[str, Any], name: str) -> float | None:
    found = one.get(name)
    return None if found is None else float(found)


def _buckets(told: Mapping[str, Sequence[float]] | None) -> Buckets | None:
    return Buckets(tuple(told["n"]), tuple(told["sum"])) if told else None


def _halves(told: Iterable[Mapping[str, Any]]) -> Iterable[Halves]:
    for one in told:
        counts = {name: int(count) for name, count in dict(one["counts"]).items()}
        missing = sum(counts.get(name, 0) for name in MISSING)
        yield Halves(one["epoch"], one["arm"], counts.get("complete", 0), missing)
