"""A recorder that is killed, or stopped, in the middle of what it does."""

import http.client
import signal
import socket
from contextlib import suppress
from time import time

from grpc import StatusCode

from contender.core.audiences import Purpose
from dev.cluster.apiserver import ADDRESS
from tests.contract.server import until
from tests.recorder.service.process import Process
from tests.recorder.service.routers import Caller, Json
from tests.recorder.service.traffic import Aside, Sender, counted, expected, held, made, parts
from tests.recorder.told import Call, message


def test_of_what_a_killed_recorder_acknowledged_nothing_is_lost_and_nothing_counts_twice(
    own: Caller,
) -> None:
    endpoint = own.declare()
    requests = made(2000)
    unknown = made(200)
    truths = [
        one
        for known, later in zip(requests, unknown, strict=False)
        for one in (known.truth(), known.truth("gain"), later.truth("gain"))
    ]
    served = [message(*some) for some in parts([one.served for one in requests], 20)]
    copied = [message(*some) for some in parts([one.copied for one in reversed(requests)], 20)]
    accepted: list[Json] = []
    for _ in range(2):
        streams = [own.stream(endpoint), own.stream(endpoint)]
        settled = own.settled(endpoint)
        for stream, messages in zip(streams, (served, copied), strict=True):
            stream.send(*messages)
        sender = Sender(own, endpoint, truths[len(accepted) :])
        own.until_settled(endpoint, settled + 300)
        sender.until_more(10)
        own.process.kill()
        sender.stop()
        accepted += sender.accepted
        assert {stream.ended() for stream in streams} <= {StatusCode.UNAVAILABLE, StatusCode.OK}
        own.process.start()
        rows = own.rows(endpoint)
        assert counted(own, endpoint) == expected(rows)
        counters = own.counters(endpoint)
        assert counters["received"] == counters["stored"] + counters.get("duplicates", 0)
        there = len(rows) + sum(len(row["copies"]) for row in rows)
        assert there <= counters["stored"] <= 2 * len(requests)
    before = own.counters(endpoint)
    stream = own.stream(endpoint)
    stream.send(*served, *copied, message(*(one.served for one in unknown)))
    assert stream.end() == StatusCode.OK
    sent = 2 * len(requests) + len(unknown)
    own.until_settled(endpoint, before["received"] + sent)
    after = own.counters(endpoint)
    assert after["stored"] == sent
    assert after["duplicates"] - before.get("duplicates", 0) == before["stored"]
    rows = own.rows(endpoint)
    by_id = {row["id"].partition("/")[0]: row for row in rows}
    assert len(by_id) == len(rows) == len(requests) + len(unknown)
    for truth in accepted:
        assert by_id[truth["id"]]["feedback"][truth["name"]]["value"] == truth["value"]
    assert counted(own, endpoint) == expected(rows)


def test_all_that_was_received_before_a_stop_is_stored(own: Caller) -> None:
    endpoint = own.declare()
    own.tell(endpoint, Call(at=time()).answered([{"label": 1, "p": 1}]))
    requests = made(3000)
    stream, open_stream = own.stream(endpoint), own.stream(endpoint)
    with held(own.process.store):
        for some in parts([one.served for one in requests], 50):
            stream.tell(*some)
        assert stream.end() == StatusCode.OK
        open_stream.tell(*(one.copied for one in requests[:10]))
        assert own.process.waiting > 0
        feedback = Aside(lambda: _status(own, endpoint, requests[0].truth()))
        own.process.signal(signal.SIGTERM)
        until(lambda: not _listens(own.process), "it listens no more")
        assert feedback.result() == 0  # it waits for nobody any more but for its store
        assert own.process.runs
    assert own.process.ended() == 0
    assert open_stream.ended() != StatusCode.OK
    assert "stored everything that was received" in own.process.log()
    assert "are lost" not in own.process.log()
    own.process.start()
    counters = own.counters(endpoint)
    assert counters["received"] == counters["stored"]
    assert 3001 <= counters["stored"] <= 3011
    assert len(own.rows(endpoint)) == 3001


def _status(caller: Caller, endpoint: tuple[str, str], truth: object) -> int:
    """Return how feedback is answered; 0 if it is not."""
    with suppress(OSError):
        return caller.send(endpoint, truth).status_code
    return 0


def _listens(process: Process) -> bool:
    with suppress(ConnectionError):
        socket.create_connection((ADDRESS, process.stream_port)).close()
        return True
    return False


def test_who_is_slow_does_not_keep_it_from_stopping(own: Caller) -> None:
    endpoint = own.declare()
    body = b"x" * 60_000
    stream = own.stream(endpoint)
    for some in parts([one.call.answered(body) for one in made(400)], 20):
        stream.tell(*some)
    assert stream.end() == StatusCode.OK
    own.until_settled(endpoint, 400)
    path = f"/v1/namespaces/{endpoint[0]}/modeldeployments/{endpoint[1]}/rows"
    rows = own.cluster.token_for(Purpose.ROWS, endpoint)
    reader = http.client.HTTPConnection(ADDRESS, own.process.http_port)
    reader.request("GET", path, headers={"Authorization": f"Bearer {rows}"})
    feedback = own.cluster.token_for(Purpose.FEEDBACK, endpoint)
    teller = http.client.HTTPConnection(ADDRESS, own.process.http_port)
    teller.putrequest("POST", "/v1/feedback")
    teller.putheader("Authorization", f"Bearer {feedback}")
    teller.putheader("Content-Length", "1000")
    teller.endheaders(b"[")
    silent = own.stream(endpoint)
    assert silent.is_open
    assert own.process.stop() == 0
    assert "stored everything that was received" in own.process.log()
    silent.leave()
    reader.close()
    teller.close()
