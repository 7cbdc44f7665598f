"""A full disk: feedback is refused, answers wait, and all goes on once there is space."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from grpc import StatusCode

from tests.contract.server import until
from tests.recorder.service.cluster import Cluster
from tests.recorder.service.conftest import ended_well
from tests.recorder.service.process import MEBIBYTE, Process
from tests.recorder.service.routers import Caller
from tests.recorder.service.traffic import made, parts

SIZE = 64
"""MiB."""
ROOM = 2 * MEBIBYTE


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs mounts, which are forbidden here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_nothing_but_what_needs_it(
    cluster: Cluster, disk: Path, tmp_path: Path
) -> None:
    process = Process(cluster.kubeconfig, tmp_path, str(disk / "recorder.sqlite"), ROOM)
    process.start()
    caller = Caller(cluster, process)
    pid = process.pid
    endpoint = caller.declare()
    first = made(10)
    caller.tell(endpoint, *(one.served for one in first))
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(MEBIBYTE))
    stream = caller.stream(endpoint)
    large = [one.call.answered(b"x" * 20_000) for one in made(400)]
    for some in parts(large, 5):
        stream.tell(*some)
    assert stream.end() == StatusCode.OK
    until(lambda: process.is_failing, "it says that the store takes nothing")
    refused = caller.send(endpoint, first[0].truth())
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert refused.json()["reason"] == "StoreUnavailable"
    assert "is full" in refused.json()["message"]
    assert len(caller.rows(endpoint)) >= len(first)
    assert process.says_yes("healthz")
    assert process.says_yes("readyz")
    assert process.is_failing
    ballast.unlink()
    caller.until_settled(endpoint, len(first) + len(large))
    assert not process.is_failing
    counters = caller.counters(endpoint)
    assert counters["stored"] + counters["dropped"] == len(first) + len(large)
    assert counters["dropped"] > 0
    told = caller.send(endpoint, first[0].truth())
    assert (told.status_code, told.json()["joined"]) == (200, 1)
    caller.tell(endpoint, *(one.served for one in made(5)))
    assert caller.counters(endpoint)["dropped"] == counters["dropped"]
    assert process.pid == pid
    ended_well(process)
