"""Hours: what was answered in each hour, as counts and histograms that add up.

All edges are fixed, so that hours, versions and recorders can be added and compared. They are kept
as rows of numbers; only counts of classes have names.
"""

import struct
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import orjson

from contender.api.v1alpha1.steps import THRESHOLDS_MS
from contender.recorder.model import HourKey
from contender.recorder.reading.text import text_of

LATENCY_EDGES = tuple(float(bound) for bound in THRESHOLDS_MS)
"""Milliseconds; bin i holds what is above edge i - 1 and at most edge i."""
SCORE_EDGES = tuple(number / 20 for number in range(1, 20))
_DECADES = tuple(digit * 10.0**power for power in range(-6, 9) for digit in (1, 2, 5))
VALUE_EDGES = (*(-one for one in reversed(_DECADES)), 0.0, *_DECADES)
"""Of any number: 1, 2 and 5 of each decade, of both signs."""
CATEGORIES = 64
"""Texts are counted by hash in so many bins."""
MOST_CLASSES = 64
"""Classes of an hour that are counted by name; the others are OTHER."""
OTHER = "(other)"
MOST_FEATURES = 200
"""Features of an hour."""
OUTCOMES = 16

_VALUE_EDGES = np.array(VALUE_EDGES)
_SCORE_EDGES = np.array(SCORE_EDGES)
_LATENCY_EDGES = np.array(LATENCY_EDGES)

LENGTHS = {
    "answers": OUTCOMES,
    "unread": OUTCOMES,
    "rows": 1,
    "labelled": 1,
    "loss": 3,
    "latency": len(LATENCY_EDGES) + 1,
    "score": len(SCORE_EDGES) + 1,
    "value": len(VALUE_EDGES) + 1,
    # One more, for rows without this feature.
    "feature": len(VALUE_EDGES) + 2,
    "category": CATEGORIES,
}
"""Numbers by metric: answers by outcome, bodies by why they were not read, rows, rows with a truth,
the loss (n, sum, squares), and histograms."""
CLASSES = "class"
"""The metric that is kept as JSON: how often each class was answered."""

Counts: TypeAlias = "array[float]"
Growth = dict[HourKey, Sequence[float] | Mapping[str, int]]
"""What an hour grows by."""


def empty(key: HourKey) -> "Counts | dict[str, int]":
    """Return the counts of nothing."""
    return {} if key.metric == CLASSES else array("d", bytes(8 * LENGTHS[key.metric]))


def read(key: HourKey, data: bytes) -> "Counts | dict[str, int]":
    """Return stored counts."""
    return orjson.loads(data) if key.metric == CLASSES else array("d", data)


def written(counts: "Counts | dict[str, int]") -> bytes:
    """Return counts as they are stored."""
    return orjson.dumps(counts) if isinstance(counts, dict) else counts.tobytes()


def grow(counts: "Counts | dict[str, int]", by: Sequence[float] | Mapping[str, int]) -> None:
    """Add to counts."""
    if isinstance(counts, dict):
        assert isinstance(by, Mapping)
        for name, more in by.items():
            known = name in counts or len(counts) < MOST_CLASSES
            counts[name if known else OTHER] = counts.get(name if known else OTHER, 0) + more
        return
    assert not isinstance(by, Mapping)
    for index, amount in enumerate(by):
        if amount:
            counts[index] += amount


class Numbers(NamedTuple):
    """A row of numbers, in a third of the room of the object that was parsed."""

    names: tuple[str, ...]
    values: bytes
    """Floats of 8 bytes."""


def compact(rows: Iterable[Any]) -> list[Any]:
    """Return rows for `Hour.features`: those that are objects of nothing but numbers as `Numbers`,
    the others as they are. Done with each request: what was parsed of it is freed at once, and need
    not be fetched from memory again when many are counted."""
    return [_numbers(row) or row for row in rows]


def _numbers(row: Any) -> Numbers | None:
    if type(row) is not dict or not _NUMBERS.issuperset(map(type, row.values())):
        return None
    return Numbers(tuple(row), struct.pack(f"{len(row)}d", *row.values()))


class Hour:
    """What one version answered in one hour, as one arm."""

    def __init__(self) -> None:
        self.outcomes: list[int] = []
        self.unread: list[int] = []
        self.latencies: list[float] = []
        self.rows = 0
        self.outputs: list[tuple[Any, float | None]] = []
        self.features: list[Any] = []
        """Rows, best as `compact` returns them."""

    def growth(self, base: HourKey, task: str | None) -> Growth:
        """Return what it grows by.

        Args:
            base: the endpoint, hour, version and arm.
            task: of the model.
        """
        found: Growth = {
            base._replace(metric="answers"): _count(self.outcomes, OUTCOMES),
            base._replace(metric="rows"): [float(self.rows)],
        }
        if any(self.unread):
            found[base._replace(metric="unread")] = _count(self.unread, OUTCOMES)
        if self.latencies:
            found[base._replace(metric="latency")] = _bins(self.latencies, _LATENCY_EDGES)
        return found | self._outputs(base, task) | self._features(base)

    def _outputs(self, base: HourKey, task: str | None) -> Growth:
        found: Growth = {}
        if scores := [score for _, score in self.outputs if score is not None]:
            found[base._replace(metric="score")] = _bins(scores, _SCORE_EDGES)
        outputs = [output for output, _ in self.outputs]
        if outputs and task == "Regression":
            found[base._replace(metric="value")] = _bins(outputs, _VALUE_EDGES)
        elif outputs and task is not None:
            found[base._replace(metric=CLASSES)] = Counter(text_of(one) or "" for one in outputs)
        return found

    def _features(self, base: HourKey) -> Growth:
        if (numbers := _block(self.features)) is not None:
            histograms = zip(self.features[0].names, _histograms(numbers), strict=True)
            return {
                base._replace(metric="feature", part=name): [*bins, 0.0]
                for name, bins in histograms
            }
        return self._by_column(base, [*map(_row, self.features)])

    def _by_column(self, base: HourKey, rows: Sequence[Any]) -> Growth:
        found: Growth = {}
        columns = _columns(rows)
        for name, bins in _whole_columns(columns, len(rows)).items():
            found[base._replace(metric="feature", part=name)] = [*bins, 0.0]
        for name, values in columns.items():
            if base._replace(metric="feature", part=name) in found:
                continue
            kinds = {*map(type, values)}
            numbers = (
                values if kinds <= _NUMBERS else [one for one in values if type(one) in _NUMBERS]
            )
            texts = (
                [text_of(one) for one in values if type(one) in _TEXTS] if kinds & _TEXTS else []
            )
            if numbers:
                missing = float(len(rows) - len(numbers))
                key = base._replace(metric="feature", part=name)
                found[key] = [*_bins(numbers, _VALUE_EDGES), missing]
            if texts:
                hashed = [zlib.crc32((one or "").encode()) % CATEGORIES for one in texts]
                found[base._replace(metric="category", part=name)] = _count(hashed, CATEGORIES)
        return found


_NUMBERS = frozenset({int, float})
_TEXTS = frozenset({str, bool})


def _block(rows: Sequence[Any]) -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    """Return rows as a matrix with a row for each, if all are `Numbers` with the same names, and
    finite."""
    first = rows[0] if rows else None
    if not isinstance(first, Numbers) or not 0 < len(first.names) <= MOST_FEATURES:
        return None
    if not all(type(row) is Numbers and row.names == first.names for row in rows):
        return None
    found = np.frombuffer(b"".join([row.values for row in rows])).reshape(len(rows), -1)
    return found if np.isfinite(found).all() else None


def _row(row: Any) -> Any:
    if not isinstance(row, Numbers):
        return row
    return dict(zip(row.names, array("d", row.values), strict=True))


def _columns(rows: Sequence[Any]) -> Mapping[str, Sequence[Any]]:
    """Return the values of each feature: members of an object, places in a list, or the row."""
    first = rows[0] if rows else None
    if isinstance(first, dict) and len(first) <= MOST_FEATURES:
        names = tuple(first)
        if all(type(row) is dict and tuple(row) == names for row in rows):
            return dict(zip(names, zip(*(row.values() for row in rows), strict=True), strict=True))
    return _mixed_columns(rows)


def _mixed_columns(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if isinstance(row, dict):
            for name, value in row.items():
                found[name[:128]].append(value)
        elif isinstance(row, list):
            for index, value in enumerate(row[:MOST_FEATURES]):
                found[str(index)].append(value)
        else:
            found[""].append(row)
    return dict(sorted(found.items())[:MOST_FEATURES])


def _whole_columns(columns: Mapping[str, Sequence[Any]], rows: int) -> dict[str, list[float]]:
    """Return the histograms of features that are finite numbers in each of so many rows, all at
    once: these are most, and one by one they would take several times as long."""
    names = [
        name
        for name, values in columns.items()
        if len(values) == rows and {*map(type, values)} <= _NUMBERS
    ]
    numbers = np.array([columns[name] for name in names], dtype=np.float64)
    if not numbers.size or not np.isfinite(numbers).all():
        return {}
    return dict(zip(names, _histograms(numbers.T), strict=True))


def _histograms(numbers: "np.ndarray[Any, np.dtype[np.float64]]") -> list[list[float]]:
    """Return the histogram of each column of a matrix."""
    features, width = numbers.shape[1], len(VALUE_EDGES) + 1
    places = np.searchsorted(_VALUE_EDGES, numbers, side="left")
    places += np.arange(features) * width
    counts = np.bincount(places.ravel(), minlength=features * width).reshape(-1, width)
    found: list[list[float]] = counts.astype(float).tolist()
    return found


def _bins(values: Sequence[float], edges: "np.ndarray[Any, np.dtype[np.float64]]") -> list[float]:
    numbers = np.asarray(values, dtype=np.float64)
    places = np.searchsorted(edges, numbers[np.isfinite(numbers)], side="left")
    return [float(one) for one in np.bincount(places, minlength=len(edges) + 1)]


def _count(values: Sequence[int], length: int) -> list[float]:
    return [float(one) for one in np.bincount(values, minlength=length)]
