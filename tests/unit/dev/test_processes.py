import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.console import Failure
from dev.processes import Service, alive, running_in, start_time


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, "sleeper", ["sleep", "60"])
    service.start()
    yield service
    service.stop()


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "sleeper.pid").read_text())
    return content


def test_a_started_service_runs_until_it_is_stopped(service: Service, tmp_path: Path) -> None:
    pid = record(tmp_path)["pid"]
    assert service.running()
    assert running_in(tmp_path) == [pid]
    service.stop()
    assert not service.running()
    assert start_time(pid) is None
    assert running_in(tmp_path) == []


def test_a_process_id_that_now_belongs_to_another_process_is_left_alone(
    service: Service, tmp_path: Path
) -> None:
    stale = record(tmp_path)
    service.stop()
    # This very test process plays the innocent one that got the recorded id.
    (tmp_path / "sleeper.pid").write_text(json.dumps({**stale, "pid": os.getpid()}))
    assert not service.running()
    service.stop()
    assert alive(os.getpid(), start_time(os.getpid()))


FIRST_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_is_done_still_runs(tmp_path: Path) -> None:
    """Its other threads hold what it has open, ports too."""
    service = Service(tmp_path, "sleeper", [sys.executable, "-c", FIRST_THREAD_ENDS])
    service.start()
    pid = record(tmp_path)["pid"]
    state = Path(f"/proc/{pid}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    assert service.running()
    service.stop()
    assert start_time(pid) is None


def test_a_cut_off_record_counts_as_not_running(service: Service, tmp_path: Path) -> None:
    service.stop()
    (tmp_path / "sleeper.pid").write_text('{"pid": 1')
    assert not service.running()
    assert running_in(tmp_path) == []


def test_another_command_or_configuration_counts_as_not_running(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "settings"
    file.write_text("a")
    assert not Service(tmp_path, "sleeper", ["sleep", "61"]).running()
    configured = Service(tmp_path, "sleeper", ["sleep", "60"], files=[file])
    configured.start()
    assert configured.running()
    file.write_text("b")
    assert not configured.running()


def test_a_service_that_ends_is_blamed_with_its_last_words(tmp_path: Path) -> None:
    service = Service(tmp_path, "loser", ["sh", "-c", "echo no such thing; exit 3"])
    service.start()
    with pytest.raises(Failure, match="no such thing"):
        service.wait(lambda: False, seconds=5)
