"""The API server away for a while, and a recorder that stands still for a while."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc import StatusCode

from contender.core.audiences import Purpose
from dev.cluster.apiserver import ApiServer
from dev.test.machine import lacks
from tests.contract.server import Server, until
from tests.recorder.service.cluster import Cluster
from tests.recorder.service.conftest import ended_well
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller, Stream
from tests.recorder.service.traffic import Aside, made

LONG = 120.0
"""Seconds: who has asked in vain asks again after half a minute."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that tests may kill."""
    if reason := lacks("apiserver"):
        pytest.skip(reason)
    with ApiServer() as running:
        yield running


@pytest.fixture(scope="module")
def mortal(running: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """What is on it."""
    folder = tmp_path_factory.mktemp("mortal")
    server = Server(running, audit=folder / "audit.log")
    server.install()
    yield Cluster(server, folder)
    server.close()


@pytest.fixture
def caller(mortal: Cluster, tmp_path: Path) -> Iterator[Caller]:
    process = Process(mortal.kubeconfig, tmp_path)
    process.start()
    yield Caller(mortal, process)
    ended_well(process)


@pytest.mark.apiserver
def test_without_an_api_server_known_tokens_go_on_and_others_are_asked_to_come_again(
    caller: Caller, running: ApiServer
) -> None:
    endpoint = caller.declare()
    known = made(30)
    stream = caller.stream(endpoint)
    stream.tell(known[0].served)
    caller.until_settled(endpoint, 1)
    assert caller.send(endpoint, known[0].truth()).status_code == 200
    token = caller.cluster.token(endpoint[0], "stream.contender.dev/churn", account="default")
    caller.cluster.kube.ask(
        "POST",
        f"/api/v1/namespaces/{endpoint[0]}/serviceaccounts",
        {"metadata": {"name": "another"}},
    )
    unknown = [
        caller.cluster.token(endpoint[0], f"{purpose}/churn", account="another")
        for purpose in (Purpose.STREAM, Purpose.FEEDBACK, Purpose.ROWS)
    ]
    caller.rows(endpoint)  # makes the token, and has it known
    running.kill()
    try:
        stream.tell(*(one.served for one in known[1:20]))
        again = Stream(caller.process.stream_port, token)
        again.tell(*(one.served for one in known[20:]))
        assert again.end() == StatusCode.OK
        caller.until_settled(endpoint, len(known))
        assert len(caller.rows(endpoint)) == len(known)
        assert caller.send(endpoint, known[1].truth()).json()["joined"] == 1
        refused = Stream(caller.process.stream_port, unknown[0])
        refused.tell(made(1)[0].served)
        assert refused.ended() == StatusCode.UNAVAILABLE
        for answer in (
            caller.post("/v1/feedback", unknown[1], b"[]"),
            caller.ask_rows(endpoint, unknown[2]),
        ):
            assert (answer.status_code, answer.json()["reason"]) == (503, "Unavailable")
            assert answer.headers["Retry-After"] == "5"
        assert caller.process.says_yes("healthz")
        assert caller.process.says_yes("readyz")
        assert stream.is_open
    finally:
        running.revive()
    later = Stream(caller.process.stream_port, unknown[0])
    later.tell(made(1)[0].served)
    assert later.end() == StatusCode.OK
    caller.until_settled(endpoint, len(known) + 1)
    assert caller.ask_rows(endpoint, unknown[2]).status_code == 200
    new = caller.cluster.declare()
    until(
        lambda: any(one["namespace"] == new[0] for one in caller.endpoints()),
        "what was made since is known",
        LONG,
    )
    caller.tell(new, made(1)[0].served)
    assert stream.end() == StatusCode.OK


@pytest.mark.apiserver
def test_a_recorder_that_finds_no_api_server_waits_for_it(
    mortal: Cluster, running: ApiServer, tmp_path: Path
) -> None:
    process = Process(mortal.kubeconfig, tmp_path)
    running.kill()
    try:
        process.start(wait=False)
        until(lambda: "cannot begin yet" in process.log(), "it says why it waits")
        assert not process.says_yes("readyz")
        assert process.stop() == 0
        process.start(wait=False)
        until(lambda: process.log().count("cannot begin yet") > 1, "it says so again")
    finally:
        running.revive()
    until(lambda: process.says_yes("readyz"), "it begins")
    ended_well(process)


@pytest.mark.apiserver
def test_a_recorder_that_may_not_read_modeldeployments_is_not_ready_and_can_be_stopped(
    mortal: Cluster, tmp_path: Path
) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/contender-recorder"
    binding = mortal.kube.ask("GET", path)
    mortal.kube.ask("DELETE", path)
    process = Process(mortal.kubeconfig, tmp_path)
    try:
        process.start(wait=False)
        until(lambda: "modeldeployments" in process.log(), "it says what it may not read", LONG)
        assert not process.says_yes("readyz")
        assert process.stop() == 0
    finally:
        process.kill()
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        mortal.kube.ask("POST", path.rpartition("/")[0], binding)


@pytest.mark.apiserver
def test_a_recorder_that_stood_still_goes_on(caller: Caller) -> None:
    endpoint = caller.declare()
    requests = made(300)
    stream = caller.stream(endpoint)
    stream.tell(*(one.served for one in requests[:100]))
    caller.until_settled(endpoint, 100)
    caller.process.signal(signal.SIGSTOP)
    stream.tell(*(one.served for one in requests[100:200]))
    late = caller.stream(endpoint)
    late.tell(*(one.served for one in requests[200:]))
    feedback = Aside(lambda: caller.send(endpoint, requests[0].truth()))
    assert not feedback.is_done
    caller.process.signal(signal.SIGCONT)
    assert feedback.result().json()["joined"] == 1
    assert {stream.end(), late.end()} == {StatusCode.OK}
    caller.until_settled(endpoint, len(requests))
    assert len(caller.rows(endpoint)) == len(requests)
    assert caller.counters(endpoint)["stored"] == len(requests)
