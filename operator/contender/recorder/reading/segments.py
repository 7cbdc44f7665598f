"""In which segments rows are."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from contender.api.v1alpha1.capture import Segment
from contender.core.segments import id_of
from contender.recorder.reading.pointer import MISSING, Pointer
from contender.recorder.reading.text import text_of

Belongs = Callable[[Any], bool]
"""Whether a value belongs to a segment."""


class SegmentReader:
    """Finds the segments of rows, before anything is taken out of these."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = [(id_of(one), Pointer(one.at), _test(one)) for one in segments]

    def read(self, document: Any, rows: Sequence[Any]) -> Sequence[Sequence[str]]:
        """Return by row the ids of the segments that it is in; () when no row is in any.

        Args:
            document: the body, for values that are not in the row.
            rows: what was read of it.
        """
        found: list[list[str]] = [[] for _ in rows]
        for name, pointer, belongs in self._segments:
            shared = pointer.find(document)
            for its, row in zip(found, rows, strict=True):
                own = pointer.find(row)
                if belongs(shared if own is MISSING else own):
                    its.append(name)
        return found if any(found) else ()


def _test(segment: Segment) -> Belongs:
    if segment.values is not None:
        values = {text_of(one) for one in segment.values}
        return lambda value: value is not MISSING and text_of(value) in values
    least = -inf if segment.at_least is None else segment.at_least
    below = inf if segment.below is None else segment.below
    return lambda value: _is_number(value) and least <= value < below


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
