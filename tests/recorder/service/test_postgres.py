"""PostgreSQL that is killed, and started again, under a recorder that goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc import StatusCode

from contender.core.audiences import Purpose
from dev.postgres import Postgres
from tests.contract.server import until
from tests.recorder.service.cluster import Cluster
from tests.recorder.service.conftest import ended_well
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller
from tests.recorder.service.traffic import Sender, counted, expected, made, parts


@pytest.fixture
def caller(cluster: Cluster, postgres: Postgres, tmp_path: Path) -> Iterator[Caller]:
    process = Process(cluster.kubeconfig, tmp_path, postgres.dsn)
    process.start()
    yield Caller(cluster, process)
    ended_well(process)


def test_nothing_that_was_received_is_lost_while_the_database_is_away(
    caller: Caller, postgres: Postgres
) -> None:
    endpoint = caller.declare()
    requests = made(1500)
    truths = [truth for one in requests for truth in (one.truth(), one.truth("gain"))]
    pid = caller.process.pid
    streams = [caller.stream(endpoint) for _ in range(2)]
    sender = Sender(caller, endpoint, truths)
    third = len(requests) // 3
    for turn in range(2):
        for some in parts(requests[turn * third : (turn + 1) * third], 10):
            streams[0].tell(*(one.served for one in some))
            streams[1].tell(*(one.copied for one in some))
        sender.until_more(5)
        postgres.kill()
        until(lambda: caller.process.is_failing, "it says that the store takes nothing")
        refused = [caller.send(endpoint, requests[0].truth()) for _ in range(3)]
        assert {one.status_code for one in refused} == {503}
        assert {one.headers["Retry-After"] for one in refused} == {"5"}
        assert {one.json()["reason"] for one in refused} == {"StoreUnavailable"}
        assert caller.process.says_yes("healthz")
        assert caller.ask_rows(endpoint).status_code == 503
        postgres.start()
        sender.until_more()
    for some in parts(requests[2 * third :], 10):
        streams[0].tell(*(one.served for one in some))
        streams[1].tell(*(one.copied for one in some))
    assert {one.end() for one in streams} == {StatusCode.OK}
    sender.stop()
    assert {one.status_code for one in sender.refused} <= {503}
    statistics = caller.cluster.token_for(Purpose.STATISTICS)
    until(lambda: caller.get("/v1/endpoints", statistics).ok, "it reads again, too")
    caller.until_settled(endpoint, 2 * len(requests))
    counters = caller.counters(endpoint)
    assert counters["received"] == 2 * len(requests)
    assert counters["stored"] + counters.get("duplicates", 0) == counters["received"]
    rows = {row["id"].partition("/")[0]: row for row in caller.rows(endpoint)}
    assert len(rows) == len(requests)
    assert all(row["copies"].keys() == {"v2"} for row in rows.values())
    for truth in sender.accepted:
        assert rows[truth["id"]]["feedback"][truth["name"]]["value"] == truth["value"]
    assert counted(caller, endpoint) == expected([*rows.values()])
    assert caller.process.pid == pid
    assert caller.process.runs
