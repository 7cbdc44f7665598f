"""Submissions: truths that somebody sent and waits for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from contender.recorder.feedback import Truth, Verdict
from contender.recorder.model import KeyedFeedback


class NotStored(Exception):
    """Feedback was not stored, and is not acknowledged. Its text says why."""


@dataclass(frozen=True)
class Submission:
    """Truths that somebody sent and waits for."""

    endpoint: int
    truths: Sequence[Truth]
    done: Callable[[list[Verdict] | NotStored], None]
    """Told what became of them, once that is stored; from the writer's thread."""


def by_key(submissions: Iterable[Submission], now: int) -> list[KeyedFeedback]:
    """Return the truths that name their row by key.

    Args:
        submissions: all that were sent.
        now: microseconds since 1970.
    """
    return [
        truth.keyed(one.endpoint, now) for one in submissions for truth in one.truths if truth.key
    ]
