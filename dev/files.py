"""Locks and all-or-nothing writes, so that runs side by side or cut short do no harm."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.console import say


@contextmanager
def exclusive(lock: Path, purpose: str) -> Iterator[None]:
    """Hold a lock file. The kernel lets go of it even if this process is killed."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run to finish with {purpose}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def appearing_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path; it becomes ``target`` only when the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield workplace / target.name
        os.replace(workplace / target.name, target)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step."""
    with appearing_whole(path) as temporary:
        temporary.write_text(text)
        temporary.chmod(mode)
