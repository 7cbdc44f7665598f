"""Feedback in bulk: it is taken portion by portion, and nobody else waits for it."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from contender.core.audiences import Purpose
from dev.cluster.apiserver import ADDRESS
from tests.contract.server import until
from tests.recorder.service.cluster import Endpoint
from tests.recorder.service.process import MEBIBYTE
from tests.recorder.service.routers import LINES, Caller, lines
from tests.recorder.service.traffic import Aside, Request, made, parts

LINE = 4000
"""Bytes of a line: spaces fill it."""
MOST_MEMORY, MOST_GROWTH = 300, 40
"""MiB."""


@pytest.fixture(scope="module")
def requests(caller: Caller, endpoint: Endpoint) -> list[Request]:
    """Requests that are known."""
    found = made(1000)
    for some in parts([one.served for one in found], 100):
        caller.tell(endpoint, *some)
    return found


@pytest.fixture(scope="module")
def endpoint(caller: Caller) -> Endpoint:
    return caller.declare()


def body(requests: list[Request], size: int) -> Iterator[bytes]:
    """Make so many MiB of feedback while it is sent; each hundredth line is no JSON."""
    known = [json.dumps(one.truth("gain")).encode().ljust(LINE - 1) + b"\n" for one in requests]
    broken = b"{not json".ljust(LINE - 1) + b"\n"
    for start in range(0, size * MEBIBYTE // LINE, 100):
        some = [known[(start + number) % len(known)] for number in range(99)]
        yield b"".join([*some, broken])


def test_100_mib_of_feedback_in_one_request_take_no_more_memory_than_10(
    caller: Caller, endpoint: Endpoint, requests: list[Request]
) -> None:
    most = []
    for size in (10, 100):
        answer = caller.send_lines(endpoint, body(requests, size))
        assert answer.status_code == 207
        told = answer.json()
        number = sum(1 for _ in body(requests, size)) * 100
        assert (told["joined"], told["waiting"]) == (number // 100 * 99, 0)
        assert told["refused"] == number // 100
        assert [one["index"] for one in told["items"][:3]] == [99, 199, 299]
        assert {one["status"] for one in told["items"]} == {400}
        assert len(told["items"]) == min(1000, number // 100)
        most.append(caller.process.most_memory)
    assert most[1] < MOST_MEMORY
    assert most[1] - most[0] < MOST_GROWTH
    sent = {one.truth("gain")["id"]: one.number for one in requests if one.number % 100 != 99}
    rows = {row["id"].partition("/")[0]: row["feedback"] for row in caller.rows(endpoint)}
    assert {key: found["gain"]["value"] for key, found in rows.items() if found} == sent
    assert caller.counters(endpoint)["feedback"] == len(sent)


def test_an_array_of_more_than_8_mib_is_refused_with_the_way_out(
    caller: Caller, endpoint: Endpoint, requests: list[Request]
) -> None:
    before = caller.counters(endpoint)
    items = json.dumps([requests[0].truth()] * 100_000).encode()
    assert len(items) > 8 * MEBIBYTE
    answer = caller.post(
        "/v1/feedback", caller.cluster.token_for(Purpose.FEEDBACK, endpoint), items
    )
    assert (answer.status_code, answer.json()["reason"]) == (413, "TooLarge")
    assert LINES in answer.json()["message"]
    assert caller.counters(endpoint) == before


def test_a_line_of_more_than_64_kib_is_refused(caller: Caller, endpoint: Endpoint) -> None:
    answer = caller.send_lines(endpoint, b'{"id": "' + b"x" * 70_000)
    assert (answer.status_code, answer.json()["reason"]) == (413, "TooLarge")


def test_lines_that_are_no_items_are_refused_by_themselves(
    caller: Caller, endpoint: Endpoint, requests: list[Request]
) -> None:
    good = requests[99].truth()
    bad: list[tuple[bytes, int]] = [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff\xfe", 400),
        (b'"text"', 400),
        (lines([{**good, "more": 1}]).strip(), 400),
        (lines([{**good, "id": "nonsense"}]).strip(), 400),
        (lines([{**good, "name": "other"}]).strip(), 404),
        (lines([{**good, "id": f"{good['id']}/7"}]).strip(), 422),
        (lines([{**good, "name": "gain", "value": "much"}]).strip(), 422),
        (lines([{**good, "at": "2026-01-31T12:00:00"}]).strip(), 400),
        (lines([{**good, "at": "9999-12-31T23:59:59Z"}]).strip(), 400),
    ]
    raw = b"\n\n".join([*(line for line, _ in bad), lines([good])])
    answer = caller.send_lines(endpoint, raw)
    assert answer.status_code == 207
    told = answer.json()
    assert (told["joined"], told["refused"]) == (1, len(bad))
    assert [one["status"] for one in told["items"]] == [status for _, status in bad]
    assert all(one["message"] for one in told["items"])


def test_what_broke_off_in_the_middle_counts_once_when_it_is_sent_again(caller: Caller) -> None:
    endpoint = caller.declare()
    requests = made(3000)
    for some in parts([one.served for one in requests], 100):
        caller.tell(endpoint, *some)
    whole = lines([one.truth() for one in requests])
    token = caller.cluster.token_for(Purpose.FEEDBACK, endpoint)
    head = (
        f"POST /v1/feedback HTTP/1.1\r\nHost: recorder\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {LINES}\r\nContent-Length: {len(whole)}\r\n\r\n"
    )
    with socket.create_connection((ADDRESS, caller.process.http_port)) as one:
        one.sendall(head.encode() + whole[: len(whole) * 2 // 3])
        until(
            lambda: caller.counters(endpoint).get("feedback", 0) >= 1000, "a part of it is stored"
        )
    assert caller.counters(endpoint)["feedback"] < len(requests)
    for _ in range(2):
        told = caller.send_lines(endpoint, whole).json()
        assert (told["joined"], told["refused"]) == (len(requests), 0)
    assert caller.counters(endpoint)["feedback"] == len(requests)
    assert all(row["feedback"]["churned"] for row in caller.rows(endpoint))


def test_others_are_answered_while_very_many_items_are_refused(
    caller: Caller, endpoint: Endpoint, requests: list[Request]
) -> None:
    items = b"[" + b",".join([b"0"] * 100_000) + b"]"
    token = caller.cluster.token_for(Purpose.FEEDBACK, endpoint)
    many = Aside(lambda: caller.post("/v1/feedback", token, items))
    answered = 0
    while not many.is_done:
        with suppress(TimeoutError):
            assert caller.send(endpoint, requests[0].truth()).status_code == 200
            answered += not many.is_done
    assert many.result().status_code == 400
    assert many.result().json()["refused"] == 100_000
    assert answered > 3
