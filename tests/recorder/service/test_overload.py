"""More than can be stored: what does not fit is dropped and counted, of those who send too much."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc import StatusCode

from tests.contract.server import until
from tests.recorder.service.cluster import Cluster
from tests.recorder.service.conftest import ended_well
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller
from tests.recorder.service.traffic import held, made, parts

ROOM = 2**20


@pytest.fixture
def narrow(cluster: Cluster, tmp_path: Path) -> Iterator[Caller]:
    """A recorder with little room."""
    process = Process(cluster.kubeconfig, tmp_path, room=ROOM)
    process.start()
    yield Caller(cluster, process)
    ended_well(process)


def test_a_noisy_endpoint_loses_its_own_answers_only_and_all_of_them_are_counted(
    narrow: Caller,
) -> None:
    noisy, quiet = narrow.declare(), narrow.declare()
    loud = [one.call.answered(b"x" * 20_000) for one in made(400)]
    low = [one.served for one in made(60)]
    streams = {noisy: [narrow.stream(noisy) for _ in range(2)], quiet: [narrow.stream(quiet)]}
    with held(narrow.process.store):
        streams[quiet][0].tell(*low[:20])
        for number, some in enumerate(parts(loud, 5)):
            streams[noisy][number % 2].tell(*some)
        until(lambda: narrow.process.waiting > ROOM * 0.9, "the room is full")
        streams[quiet][0].tell(*low[20:40])
        for one in streams[noisy]:
            assert one.end() == StatusCode.OK
        for entry in low[40:]:
            streams[quiet][0].tell(entry)
        assert streams[quiet][0].end() == StatusCode.OK
        assert narrow.process.waiting <= ROOM
    narrow.until_settled(noisy, len(loud))
    narrow.until_settled(quiet, len(low))
    counters = narrow.counters(noisy)
    assert counters["stored"] + counters["dropped"] == len(loud)
    assert counters["received"] == counters["stored"]
    assert counters["dropped"] > len(loud) / 2
    assert narrow.counters(quiet)["stored"] == len(low)
    assert "dropped" not in narrow.counters(quiet)
    assert len(narrow.rows(quiet)) == len(low)
    dropped = narrow.process.metric("contender_recorder_answers_total", result="dropped")
    assert dropped == counters["dropped"]
    narrow.tell(noisy, *(one.served for one in made(10)))
    assert narrow.counters(noisy)["dropped"] == counters["dropped"]
