"""A clock for the operator's process that a test can put forward and back.

Python runs a module of the name `sitecustomize` on its path before everything else. Ours adds what
a file says to the time of day; the monotonic clock goes on as it is.
"""

import os
from pathlib import Path

from dev.paths import CHECKOUT
from tests.scenarios.world import World

_SHIFT = """
import datetime, os, time

_true = time.time

def _time():
    with open(os.environ["SHIFTED_CLOCK"]) as file:
        return _true() + float(file.read() or 0)

class _DateTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(_time(), tz)

time.time = _time
datetime.datetime = _DateTime
"""


class Clock:
    """The time of day of a world's operator; it is to be made before the operator starts."""

    def __init__(self, world: World, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(_SHIFT)
        self._file = folder / "shift"
        self.put(0)
        world.environment = {
            "SHIFTED_CLOCK": str(self._file),
            "PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT / "operator")]),
        }

    def put(self, seconds: float) -> None:
        """Put it so many seconds before the true time; behind it if they are negative."""
        fresh = self._file.with_name("fresh")
        fresh.write_text(str(seconds))
        fresh.replace(self._file)
