"""Entries that no router of ours writes stop nobody: neither their endpoint nor others."""

from time import time
from typing import Any

import pytest
from grpc import StatusCode

from contender.recorder.als_pb2 import Entry
from tests.contract.server import until
from tests.recorder.service.cluster import Endpoint
from tests.recorder.service.routers import Caller
from tests.recorder.told import Call, stamp


def answered(number: int = 1) -> Entry:
    one = Call(at=time(), rows=[{"x": number}], trial=stamp())
    return one.answered([{"label": 1, "p": 0.5}])


def broken(**change: Any) -> Entry:
    """Return an entry with something in it that no router writes."""
    entry = answered()
    common = entry.common_properties
    for key, value in change.items():
        match key:
            case "stamp":
                common.custom_tags["trial"] = value
            case "last" | "first":
                name = f"time_to_{key}_upstream_{'rx' if key == 'last' else 'tx'}_byte"
                getattr(common, name).seconds = value
            case "start":
                common.start_time.seconds = value
            case "id":
                entry.request.request_headers["x-contender-prediction-id"] = value
            case "shadow":
                entry.request.request_headers["x-contender-shadow"] = value
            case "code":
                entry.response.response_code.value = value
            case _:
                common.custom_tags[key] = value
    return entry


BROKEN: dict[str, Entry] = {
    "empty": Entry(),
    "an id that is none": broken(id=b"hello"),
    "an id that is no text": broken(id=b"\xff\xfe"),
    "a stamp that is no JSON": broken(stamp=b"{"),
    "a stamp that is a list": broken(stamp=b"[]"),
    "a stamp without arms": broken(stamp=b'{"experiment": "e", "epoch": "o"}'),
    "arms that are a list": broken(stamp=stamp(arms=["v2"])),
    "arms that are lists": broken(stamp=stamp(arms={"churn-aaaaaaaa": ["v2"]})),
    "arms that are numbers": broken(stamp=stamp(arms={"churn-aaaaaaaa": 5})),
    "arms of several kinds": broken(stamp=stamp(arms={"a": 5, "b": "c"})),
    "copies to lists": broken(stamp=stamp(copies={"incumbent": [["v2"]]})),
    "copies to numbers": broken(stamp=stamp(copies={"incumbent": [5]})),
    "a share that is text": broken(stamp=stamp(shares={"incumbent": "all"})),
    "a share that is nothing": broken(stamp=stamp(shares={"incumbent": None})),
    "a share that is a list": broken(stamp=stamp(shares={"incumbent": [1]})),
    "a share that is too large": broken(stamp=stamp(shares={"incumbent": 2**60})),
    "a share of a share": broken(stamp=stamp(shares={"incumbent": 0.5})),
    "an experiment with a zero": broken(stamp=stamp(experiment="a\0b")),
    "an epoch that is long": broken(stamp=stamp(epoch="x" * 100_000)),
    "a time that no calendar has": broken(start=2**62),
    "a time before all times": broken(start=-(2**62)),
    "a latency of ages": broken(last=2**62),
    "a latency of less than nothing": broken(first=2**62),
    "a status that is none": broken(code=2**32 - 1),
    "a version with a zero": broken(version=b"1\0"),
    "a version that is no text": broken(version=b"\xff\xfe"),
    "a revision that is long": broken(revision=b"r" * 100_000),
    "a shadow with a zero": broken(shadow=b"v2\0"),
}
"""Each of them is stored as far as it can be, or is counted as broken."""


@pytest.fixture(scope="module")
def endpoints(both: Caller) -> tuple[Endpoint, Endpoint]:
    return both.declare(), both.declare()


@pytest.mark.parametrize("kind", BROKEN)
def test_an_entry_with_broken_fields_stops_nobody(
    both: Caller, endpoints: tuple[Endpoint, Endpoint], kind: str
) -> None:
    endpoint, neighbour = endpoints
    before = both.settled(endpoint)
    stream = both.stream(endpoint)
    stream.tell(BROKEN[kind])
    until(lambda: both.settled(endpoint) > before or both.process.is_failing, "it was dealt with")
    assert not both.process.is_failing, both.process.log()[-2000:]
    assert stream.is_open
    stream.tell(answered(2))
    assert stream.end() == StatusCode.OK
    both.tell(neighbour, answered(3))
    both.until_settled(endpoint, before + 2)
    assert both.rows(neighbour)[-1]["row"] == {"x": 3}
    assert both.rows(endpoint)[-1]["row"] == {"x": 2}
