"""Two recorders on one store: one writes, the other waits until it may."""

from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest

from tests.contract.server import until
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller
from tests.recorder.told import Call


@pytest.fixture
def second(own: Caller, tmp_path: Path) -> Iterator[Process]:
    """A second recorder on the same store."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = Process(own.cluster.kubeconfig, folder, own.process.store)
    yield second
    second.kill()


def refuses(process: Process) -> bool:
    return "another recorder writes to" in process.log()


def test_a_second_recorder_says_so_and_takes_over_once_the_first_is_gone(
    own: Caller, second: Process
) -> None:
    endpoint = own.declare()
    own.tell(endpoint, Call(at=time(), rows=[{"x": 1}]).answered([{"label": 1, "p": 1}]))
    second.start(wait=False)
    until(lambda: refuses(second), "the second one says why it waits")
    assert not second.says_yes("readyz")
    assert "only one can at a time" in second.log()
    assert second.runs
    own.tell(endpoint, Call(at=time(), rows=[{"x": 2}]).answered([{"label": 1, "p": 1}]))
    own.process.kill()
    until(lambda: second.says_yes("readyz"), "the second one takes over")
    heir = Caller(own.cluster, second)
    assert [row["row"]["x"] for row in heir.rows(endpoint)] == [1, 2]
    heir.tell(endpoint, Call(at=time(), rows=[{"x": 3}]).answered([{"label": 1, "p": 1}]))
    assert second.stop() == 0


def test_one_that_waits_can_be_stopped(own: Caller, second: Process) -> None:
    second.start(wait=False)
    until(lambda: refuses(second), "the second one says why it waits")
    assert second.stop() == 0
    assert own.process.says_yes("readyz")
