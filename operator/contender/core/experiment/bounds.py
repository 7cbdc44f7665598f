"""Bounds on what a challenger is asked side by side."""

from math import ceil, log2

LEAST_IN_FLIGHT = 16
MOST_IN_FLIGHT = 1024
"""Each copy waits in the router's memory, with up to 256 KiB of body."""
HEADROOM = 1.5
"""Requests do not come evenly."""


def copies_in_flight(per_second: float, seconds: float) -> int:
    """Return how many copies of requests a challenger may have in flight.

    By Little's law rate times time are in flight: at 100 requests a second a model that takes 1.1
    seconds needs 110. Rounded up to a power of two, so that the router's configuration does not
    change with each change of the rate.

    Args:
        per_second: requests of which the challenger gets copies, at the busiest time.
        seconds: how long the challenger takes for an answer, at most the timeout of copies.
    """
    needed = max(1.0, per_second * seconds * HEADROOM)
    return min(MOST_IN_FLIGHT, max(LEAST_IN_FLIGHT, 2 ** ceil(log2(needed))))
