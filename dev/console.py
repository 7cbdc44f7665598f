"""What the tools say while they work, and the one exception that ends them with a plain message."""

import sys
import time
from collections.abc import Callable

_started = time.monotonic()


class Failure(Exception):
    """Something a person can mend; shown without a traceback."""


def say(message: str) -> None:
    """Print a progress line with the seconds since the tool started."""
    print(f"[{time.monotonic() - _started:4.0f}s] {message}", file=sys.stderr, flush=True)


def run_main(main: Callable[[], None]) -> None:
    """Run a tool's main function and turn a Failure into a message and exit code 1."""
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
