"""Marks: which rows of an endpoint count in the sums of its Experiments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Marks:
    """Moments of requests, in microseconds since 1970. They belong to one judge."""

    since: int = 0
    """Rows before this moment do not count for coverage: they may have come under another judge,
    and what was never added must not be taken out."""
    until: Mapping[str, int] = field(default_factory=lambda: {})
    """By feedback: later rows are not old enough. Absent: all are."""

    def is_mature(self, name: str, time: int) -> bool:
        """Return whether truths about a row count.

        Args:
            name: of the feedback.
            time: of the request.
        """
        return time <= self.until.get(name, time)

    def moved(self, until: Mapping[str, int]) -> "Marks":
        """Return the same with other ends, by feedback."""
        return replace(self, until={**self.until, **until}) if until else self


EVERYTHING = Marks()
"""All rows count."""
