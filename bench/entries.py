"""Access log messages as Envoy writes them, made quickly: once in full, then with other ids, times
and rows."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from time import time_ns

from google.protobuf.timestamp_pb2 import Timestamp

from bench.router import PLANS
from contender.recorder.als_pb2 import Entry
from contender.router import names
from contender.router.capture import BATCH_BYTES
from contender.router.stamp import answered_stamp, copied_stamp
from contender.router.traffic import Arm, Traffic

ROWS = 64
"""Different ones."""
FEATURES = 30
TRIAL = PLANS["shadows"]

_ID = "1000000000-00000000-0000-4000-8000-000000000000"
_START = Timestamp(seconds=1_000_000_000, nanos=987_654_321)
_LEAST_NANOS = 2**28
"""From here on a number takes as many bytes as in _START."""
_JSON = b"application/json"


def request(number: int) -> bytes:
    """Return the body of a request: one row of 30 numbers, about 900 bytes."""
    row = {f"customer_feature_{one:02d}": 10 + one + number / 8 for one in range(FEATURES)}
    return json.dumps({"instances": [row]}).encode()


def answer(number: int) -> bytes:
    """Return the body of an answer, about 100 bytes."""
    predicted = {"label": number % 2, "p": 0.25 + number % 2 / 2}
    about = {"model": "churn", "trained": "2026-01-31T00:00:00Z"}
    return json.dumps({"predictions": [predicted], **about}).encode()


_REQUEST = sum(len(request(number)) for number in range(ROWS)) / ROWS
_ANSWER = sum(len(answer(number)) for number in range(ROWS)) / ROWS
BODY_BYTES = {"alone": _REQUEST + _ANSWER, "pairs": (_REQUEST + 2 * _ANSWER) / 2}
"""Bytes of the bodies of one record, on average."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message."""

    raw: bytes
    entries: int


def messages(*, pairs: bool) -> Iterator[Sent]:
    """Iterate over the messages of a router for ever.

    Args:
        pairs: whether a challenger gets a copy of each request, and its answer follows.
    """
    served = [_mould(_served(number, pairs=pairs)) for number in range(ROWS)]
    copied = [_mould(_copied(number)) for number in range(ROWS)] if pairs else []
    main, copies = _Log(), _Log()
    for number in cycle(range(ROWS)):
        now = time_ns()
        seconds = now // 10**9
        start = Timestamp(seconds=seconds, nanos=max(now % 10**9, _LEAST_NANOS))
        moment = start.SerializeToString()
        name = f"{seconds:010d}-{uuid.uuid4()}".encode()
        if full := main.add(_cast(served[number], moment, name)):
            yield full
        if pairs and (full := copies.add(_cast(copied[number], moment, name))):
            yield full


class _Log:
    """One of a router's access logs: gathers entries until they are many."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._bytes = 0

    def add(self, entry: bytes) -> Sent | None:
        self._entries.append(entry)
        self._bytes += len(entry)
        if self._bytes < BATCH_BYTES:
            return None
        logs = b"".join(_field(1, one) for one in self._entries)
        full = Sent(_field(2, logs), len(self._entries))
        self._entries, self._bytes = [], 0
        return full


Mould = tuple[bytes, ...]


def _mould(entry: Entry) -> Mould:
    """Return what stands before the time, between time and id, and after the id."""
    before, rest = entry.SerializeToString().split(_START.SerializeToString())
    between, after = rest.split(_ID.encode())
    return before, between, after


def _cast(mould: Mould, moment: bytes, name: bytes) -> bytes:
    before, between, after = mould
    return b"".join((before, moment, between, name, after))


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that has a length."""
    length, size = len(content), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes((number << 3 | 2, *size, length)) + content


def _served(number: int, *, pairs: bool) -> Entry:
    plan = TRIAL if pairs else PLANS["passes"]
    stamp = answered_stamp(plan, eligible=True) if pairs else ""
    kind = names.mirrored if pairs else names.live
    entry = _entry(plan, plan.incumbent, kind(plan.incumbent.revision), stamp, number)
    fields = entry.common_properties.metadata.filter_metadata[names.CAPTURE].fields
    fields["q"].string_value = request(number)
    return entry


def _copied(number: int) -> Entry:
    arm = TRIAL.arms[1]
    entry = _entry(TRIAL, arm, names.shadow(arm.revision), copied_stamp(TRIAL), number)
    entry.request.request_headers[names.SHADOW] = arm.name.encode()
    return entry


def _entry(plan: Traffic, arm: Arm, cluster: str, stamp: str, number: int) -> Entry:
    entry = Entry()
    common = entry.common_properties
    common.start_time.CopyFrom(_START)
    common.time_to_last_rx_byte.nanos = 537_654
    common.time_to_first_upstream_tx_byte.nanos = 584_141
    common.time_to_last_upstream_tx_byte.nanos = 587_477
    common.time_to_first_upstream_rx_byte.nanos = 2_487_827
    common.time_to_last_upstream_rx_byte.nanos = 2_644_159
    common.time_to_first_downstream_tx_byte.nanos = 2_623_259
    common.time_to_last_downstream_tx_byte.nanos = 2_690_956
    common.duration.nanos = 2_703_750
    common.upstream_cluster = cluster.encode()
    common.upstream_request_attempt_count = 1
    common.route_name = b"copied"
    tags = {
        "arm": arm.name,
        "version": arm.version,
        "revision": arm.revision,
        "cluster": cluster,
        **({"trial": stamp} if stamp else {}),
    }
    for key, value in tags.items():
        common.custom_tags[key] = value.encode()
    # Envoy's fields that we do not know: addresses of both sides.
    for unknown in (2, 3, 13, 14, 20):
        address = _field(1, _field(2, b"10.244.0.17") + b"\x18\xe6\xcb\x03")
        common.MergeFromString(_unknown(unknown, address))
    fields = common.metadata.filter_metadata[names.CAPTURE].fields
    fields["on"].bool_value = True
    fields["p"].string_value = answer(number)
    asked, told = entry.request, entry.response
    asked.request_method = 3
    asked.authority = f"{plan.endpoint}.{plan.namespace}".encode()
    asked.path = b"/v1/predict"
    asked.request_headers_bytes = 278
    asked.request_body_bytes = len(request(number))
    asked.request_headers[names.PREDICTION_ID] = _ID.encode()
    asked.request_headers["content-type"] = _JSON
    told.response_code.value = 200
    told.response_headers_bytes = 226
    told.response_body_bytes = len(answer(number))
    told.response_headers["content-type"] = _JSON
    told.response_code_details = b"via_upstream"
    return entry


def _unknown(number: int, content: bytes) -> bytes:
    """Return a field whose number may take two bytes."""
    if number < 16:
        return _field(number, content)
    return bytes((number << 3 & 127 | 2 | 128, number >> 4)) + _field(0, content)[1:]
