"""Long-running processes, known by process id and start time.

After a crash or a reboot a recorded id may belong to someone else's process; the id together with
the start time that the kernel keeps for it may not.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dev.console import Failure
from dev.files import write


class Service:
    """A background process with a record (``NAME.pid``) and a log (``NAME.log``) in a folder.

    ``files`` are its configuration: a process that runs with other contents counts as not running.
    """

    def __init__(self, folder: Path, name: str, command: list[str], files: Sequence[Path] = ()):
        self.name = name
        self._command = command
        self._files = files
        self.log = folder / f"{name}.log"
        self._record = folder / f"{name}.pid"

    def wait(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for a condition; if it stays false, this service is to blame: show its log."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running():
                raise Failure(f"{self.name} has ended\n{self.last_words()}")
            if time.monotonic() > deadline:
                message = f"{self.name} was not ready after {seconds:.0f} s"
                raise Failure(f"{message}\n{self.last_words()}")
            time.sleep(0.1)

    def running(self) -> bool:
        """Whether this very process, with this very command and configuration, is alive."""
        record = _read(self._record)
        return _lives(record) and record.get("recipe") == self._recipe()

    def start(self) -> None:
        """Start it detached from this terminal, after ending one with another recipe."""
        self.stop()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        record = {"pid": process.pid, "started": start_time(process.pid), "recipe": self._recipe()}
        write(self._record, json.dumps(record))

    def stop(self, patience: float = 10) -> None:
        """End it if it runs, by force when patience runs out; the record goes with it."""
        record = _read(self._record)
        if _lives(record):
            end([record["pid"]], patience)
        self._record.unlink(missing_ok=True)

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return f"{self.name} wrote no log"
        tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- last lines of {self.log}", *tail])

    def _recipe(self) -> str:
        parts = [*map(os.fsencode, self._command), *(file.read_bytes() for file in self._files)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def running_in(folder: Path) -> list[int]:
    """The ids of all recorded processes of a folder that are alive, whatever their recipe."""
    records = [_read(file) for file in folder.glob("*.pid")]
    return [record["pid"] for record in records if _lives(record)]


def start_time(pid: int) -> int | None:
    """When this process started, in clock ticks since boot; None if it is gone or a zombie."""
    try:
        # The command name, in parentheses, may itself contain spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, threads = fields[0], int(fields[17])
    # Of a killed process the first thread may be done while others still hold files and ports.
    return None if state in "ZX" and threads <= 1 else int(fields[19])


def alive(pid: int, started: int | None) -> bool:
    """Whether the process that had this id at this start time still runs."""
    return started is not None and start_time(pid) == started


def end(pids: Iterable[int], patience: float = 10) -> None:
    """Ask processes to stop, wait, and kill those that did not."""
    waiting = {pid: start_time(pid) for pid in pids}
    for signal_number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5)):
        waiting = {pid: started for pid, started in waiting.items() if alive(pid, started)}
        for pid in waiting:
            _send(pid, signal_number)
        deadline = time.monotonic() + seconds
        while _any_alive(waiting) and time.monotonic() < deadline:
            _collect_children(waiting)
            time.sleep(0.02)


def _read(file: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return record


def _lives(record: dict[str, Any]) -> bool:
    return "pid" in record and alive(record["pid"], record["started"])


def _any_alive(processes: dict[int, int | None]) -> bool:
    return any(alive(pid, started) for pid, started in processes.items())


def _send(pid: int, signal_number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def _collect_children(pids: Iterable[int]) -> None:
    """Children of this process stay zombies until someone waits for them."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
