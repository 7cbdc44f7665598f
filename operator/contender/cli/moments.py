"""Moments as options name them."""

import argparse
from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Return a moment: RFC 3339, or a Go duration such as 24h that says how long ago it was.

    Raises:
        ArgumentTypeError: it is neither.
    """
    import durationpy  # noqa: PLC0415

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        if found.tzinfo is None:
            what = f"{text!r} has no time zone: write it like 2026-01-31T12:00:00Z"
            raise argparse.ArgumentTypeError(what)
        return found.astimezone(UTC)
    try:
        return datetime.now(UTC) - durationpy.from_str(text)
    except (durationpy.DurationError, ValueError, OverflowError) as error:
        what = f"{text!r} is no moment: write it like 2026-01-31T12:00:00Z, or like 24h (ago)"
        raise argparse.ArgumentTypeError(what) from error


def written(moment: datetime) -> str:
    """Return a moment as RFC 3339."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
