"""Segments: how one is told from another that had the same name."""

from contender.api.v1alpha1.capture import Segment
from contender.core import names


def id_of(segment: Segment) -> str:
    """Return what the recorder calls a segment: rows that were put into it by another definition
    are not mixed with those of this one."""
    return f"{segment.name}-{names.digest(segment.canonical())[-8:]}"
