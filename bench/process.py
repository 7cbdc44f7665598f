"""A process beside the bench, and what it costs."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A running process of ours.

    Args:
        process: it.
        log: what it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def cpu(self) -> float:
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """Most resident memory so far, in MB."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024 / 1e6

    def check(self) -> None:
        """Raise with what it printed when it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(self._log.read_text())

    def stop(self, patience: float = 30) -> None:
        """End it as Kubernetes does."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=patience)
        finally:
            self._process.kill()


class Metrics:
    """One scrape of a process's metrics."""

    def __init__(self, text: str) -> None:
        self._text = text

    def total(self, name: str, **labels: str) -> float:
        """Return a metric summed over the labels that are not named."""
        total = 0.0
        for found in re.finditer(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self._text, re.MULTILINE):
            told = dict(re.findall(r'(\w+)="([^"]*)"', found[1] or ""))
            if labels.items() <= told.items():
                total += float(found[2])
        return total


def split_cores() -> tuple[set[int], set[int]]:
    """Return one core for what is measured, and the others for everybody else."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, {*others} or {first}


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Keep to these cores, with all that is started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
