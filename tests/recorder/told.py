"""What routers tell of requests, as the messages that they send."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from contender.recorder.als_pb2 import Entry, Message
from contender.recorder.intake import Message as Taken
from contender.recorder.intake import count_entries
from contender.router import names

ARMS = {"churn-aaaaaaaa": "incumbent", "churn-bbbbbbbb": "v2", "churn-cccccccc": "v3"}
NOW = 1_790_000_000.0
"""Seconds since 1970: the present of these tests."""


def stamp(**told: Any) -> bytes:
    """Return what a route says of its trial; by default a shadow of all requests to v2."""
    said = {
        "experiment": "uid-1",
        "epoch": "one",
        "arms": ARMS,
        "shares": {"incumbent": 100, "v2": 0, "v3": 0},
        "copies": {"incumbent": ["v2"]},
        "eligible": True,
        **told,
    }
    return orjson.dumps(said)


@dataclass
class Call:
    """One request and who answered it."""

    id: str = field(default_factory=lambda: f"{int(NOW)}-{uuid.uuid4()}")
    rows: list[Any] = field(default_factory=lambda: [{"x": 1.0}])
    at: float = NOW
    trial: bytes = b""
    body: bytes | None = None
    """Of the request, in place of rows."""
    caller: str = ""
    """Who asks."""

    def answered(
        self,
        predictions: list[Any] | bytes,
        *,
        arm: str = "incumbent",
        by: str = "",
        code: int = 200,
        seconds: float = 0.01,
        flags: Iterable[str] = (),
    ) -> Entry:
        """Return the entry of what the caller got.

        Args:
            predictions: or the body.
            arm: who was to answer.
            by: who answered, if somebody else.
            code: HTTP status.
            seconds: upstream time.
            flags: of the response.
        """
        entry = self._entry(predictions, by or arm, code, seconds, flags)
        revision = next(one for one, name in ARMS.items() if name == arm)
        entry.common_properties.custom_tags["cluster"] = f"arm_{revision}".encode()
        fields = entry.common_properties.metadata.filter_metadata[names.CAPTURE].fields
        body = self.body if self.body is not None else orjson.dumps({"instances": self.rows})
        if body:
            fields["q"].string_value = body
        if self.caller:
            fields["w"].string_value = self.caller.encode()
        return entry

    def copied(
        self,
        predictions: list[Any] | bytes,
        *,
        arm: str = "v2",
        code: int = 200,
        seconds: float = 0.01,
        flags: Iterable[str] = (),
    ) -> Entry:
        """Return the entry of a copy's answer."""
        entry = self._entry(predictions, arm if code else "", code, seconds, flags)
        entry.request.request_headers[names.SHADOW] = arm.encode()
        return entry

    def _entry(
        self,
        predictions: list[Any] | bytes,
        by: str,
        code: int,
        seconds: float,
        flags: Iterable[str],
    ) -> Entry:
        entry = Entry()
        common, request, response = (
            entry.common_properties,
            entry.request,
            entry.response,
        )
        common.start_time.FromMicroseconds(int(self.at * 1_000_000))
        common.time_to_first_upstream_tx_byte.FromMicroseconds(1000)
        common.time_to_last_upstream_rx_byte.FromMicroseconds(1000 + int(seconds * 1_000_000))
        if self.trial:
            common.custom_tags["trial"] = self.trial
        if by:
            revision = next(one for one, name in ARMS.items() if name == by)
            told = {"arm": by, "version": by.removeprefix("v"), "revision": revision}
            for key, value in told.items():
                common.custom_tags[key] = value.encode()
        for flag in flags:
            setattr(common.response_flags, flag, True)
        request.request_headers[names.PREDICTION_ID] = str(self.id).encode()
        request.request_headers["content-type"] = b"application/json"
        response.response_code.value = code
        response.response_headers["content-type"] = b"application/json"
        fields = common.metadata.filter_metadata[names.CAPTURE].fields
        fields["on"].bool_value = True
        body = predictions
        if not isinstance(body, bytes):
            body = orjson.dumps({"predictions": body})
        if body:
            fields["p"].string_value = body
        return entry


def message(*entries: Entry) -> bytes:
    """Return a message with these entries."""
    found = Message()
    found.http_logs.log_entry.extend(entries)
    return found.SerializeToString()


def taken(endpoint: int, *entries: Entry) -> Taken:
    """Return a message as the sink hands it on."""
    raw = message(*entries)
    return Taken(endpoint, raw, count_entries(raw))
