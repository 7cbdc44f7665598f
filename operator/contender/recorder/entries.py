"""Entries: what an access log entry of a router says, in our own words."""

import base64
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from contender.recorder.als_pb2 import Entry, Message
from contender.recorder.ids import packed
from contender.recorder.model import Outcome, Stratum
from contender.recorder.reading.body import Body
from contender.router import names
from contender.router.traffic import INCUMBENT

_CLUSTERS = tuple(f"{kind('')}" for kind in (names.live, names.arm, names.mirrored, names.shadow))


@dataclass(frozen=True, slots=True)
class Trial:
    """What an entry says of the trial that its request took part in."""

    experiment: str = ""
    epoch: str = ""
    arms: tuple[tuple[str, str], ...] = ()
    """Revision and arm."""
    shares: tuple[tuple[str, int], ...] = ()
    copies: tuple[tuple[str, tuple[str, ...]], ...] = ()
    eligible: bool = True

    def arm(self, revision: str) -> str:
        """Return the arm of a revision."""
        return dict(self.arms).get(revision, INCUMBENT)

    @property
    def candidates(self) -> tuple[str, ...]:
        """All arms but the incumbent."""
        return tuple(sorted(name for _, name in self.arms if name != INCUMBENT))

    def revision(self, arm: str) -> str:
        """Return the revision of an arm; empty when it is unknown."""
        return next((revision for revision, name in self.arms if name == arm), "")


class Drawn(NamedTuple):
    """How a request was drawn, and who answered, in the router's words."""

    trial: bytes
    shadow: bytes
    cluster: bytes
    arm: bytes
    version: bytes
    revision: bytes


class Told(NamedTuple):
    """One entry."""

    prediction: bytes
    drawn: Drawn
    time: int
    """Microseconds since 1970, on the router's clock."""
    code: int
    outcome: Outcome
    latency: int
    request: Body | None
    """None: it is told by the entry of the served answer."""
    response: Body
    caller: bytes
    """Who asks, where callers stay with an arm; empty: it is not told."""


LONGEST = 128
"""Characters of a name."""
LONGEST_LATENCY = 24 * 3_600_000_000
"""Microseconds; no request takes longer, and every store can take them."""


class Broken(ValueError):
    """It is no entry that a router of ours writes."""


def entries(raw: bytes) -> list[Any]:
    """Return the entries of a message.

    Raises:
        Broken: it is no message of Envoy's access log.
    """
    try:
        return [*Message.FromString(raw).http_logs.log_entry]
    except Exception as error:
        raise Broken(str(error)) from error


def told(entry: "Entry") -> Told:
    """Return what an entry says.

    Raises:
        Broken: it lacks what every entry of our routers has.
    """
    common, request, response = entry.common_properties, entry.request, entry.response
    headers = request.request_headers
    captured = common.metadata.filter_metadata[names.CAPTURE].fields
    tags = common.custom_tags
    code = min(response.response_code.value, 999)
    start = common.start_time
    drawn = Drawn(
        tags.get("trial", b""),
        headers.get(names.SHADOW, b""),
        tags.get("cluster", b""),
        tags.get("arm", b""),
        tags.get("version", b""),
        tags.get("revision", b""),
    )
    return Told(
        _prediction(headers.get(names.PREDICTION_ID, b"")),
        drawn,
        start.seconds * 1_000_000 + start.nanos // 1000,
        code,
        _outcome(code, common.response_flags) if common.HasField("response_flags") else _OF[code],
        _latency(common),
        None if drawn.shadow else _body(captured, "q", headers),
        _body(captured, "p", response.response_headers),
        _captured(captured, "w") if drawn.trial else b"",
    )


def _prediction(text: bytes) -> bytes:
    try:
        return packed(text.decode())
    except ValueError as error:
        raise Broken("an entry has no prediction id") from error


def stratum_of(endpoint: int, drawn: Drawn) -> tuple[Stratum, bool]:
    """Return the stratum, and whether somebody else had to answer for the arm.

    Raises:
        Broken: the stamp is not ours.
    """
    trial = _trial(drawn.trial)
    shadow, answered, version, revision = (
        one.decode(errors="replace")[:LONGEST].replace("\0", "?")
        for one in (drawn.shadow, drawn.arm, drawn.version, drawn.revision)
    )
    asked = shadow or trial.arm(_revision(drawn.cluster))
    shares, copies = dict(trial.shares), dict(trial.copies)
    stratum = Stratum(
        endpoint=endpoint,
        experiment=trial.experiment,
        epoch=trial.epoch,
        arm=asked,
        copy=bool(shadow),
        version=version,
        revision=revision or trial.revision(asked),
        share=100 if shadow else shares.get(asked, 100),
        expects=() if shadow else copies.get(asked, ()),
        eligible=bool(shadow) or trial.eligible,
        candidates=() if shadow else trial.candidates,
    )
    return stratum, bool(trial.experiment and answered and answered != asked)


def _revision(cluster: bytes) -> str:
    name = cluster.decode(errors="replace")
    prefix = next((one for one in _CLUSTERS if name.startswith(one)), "")
    return name.removeprefix(prefix)


def _trial(text: bytes) -> Trial:
    """Return what the stamp of a route says; that of a request without a trial is empty."""
    if not text:
        return Trial()
    try:
        said = orjson.loads(text)
        return Trial(
            experiment=_name(said["experiment"]),
            epoch=_name(said["epoch"]),
            arms=tuple((one, _name(arm)) for one, arm in said["arms"].items()),
            shares=tuple((arm, _share(to)) for arm, to in said.get("shares", {}).items()),
            copies=tuple(
                (arm, tuple(map(_name, to))) for arm, to in said.get("copies", {}).items()
            ),
            eligible=bool(said.get("eligible", True)),
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Broken("an entry has a stamp that is not ours") from error


def _name(said: object) -> str:
    """Return a name that a stamp says: one that every store takes."""
    if not isinstance(said, str) or len(said) > LONGEST or "\0" in said:
        raise TypeError("no name")
    return said


def _share(said: object) -> int:
    """Return a share of a hundred that a stamp says."""
    if not isinstance(said, int) or not 0 <= said <= 100:
        raise TypeError("no share")
    return said


def _outcome(code: int, flags: Any) -> Outcome:
    if flags.upstream_overflow:
        return Outcome.OVERFLOW
    if flags.upstream_request_timeout or flags.duration_timeout:
        return Outcome.TIMEOUT
    if flags.no_healthy_upstream or flags.upstream_connection_failure or flags.no_cluster_found:
        return Outcome.UNREACHABLE
    if flags.downstream_connection_termination and not code:
        return Outcome.CANCELLED
    return _OF[code]


_OF = [
    Outcome.ANSWERED if 0 < code < 400 else Outcome.REFUSED if 0 < code < 500 else Outcome.ERROR
    for code in range(1000)
]
"""By status, where nothing went wrong on the way."""


def _latency(common: Any) -> int:
    """Return the microseconds from the request's first byte to the pod to the answer's last byte
    from it: the caller's own speed does not matter."""
    if not (
        common.HasField("time_to_last_upstream_rx_byte")
        and common.HasField("time_to_first_upstream_tx_byte")
    ):
        return -1
    last, first = common.time_to_last_upstream_rx_byte, common.time_to_first_upstream_tx_byte
    seconds = last.seconds - first.seconds
    found = seconds * 1_000_000 + (last.nanos - first.nanos) // 1000
    return found if 0 <= found <= LONGEST_LATENCY else -1


def _captured(captured: Any, key: str) -> bytes:
    """Return what was captured under a key; empty: nothing was."""
    if (text := captured.get(key)) is not None:
        return bytes(text.string_value)
    if (encoded := captured.get(f"{key}64")) is not None:
        return base64.b64decode(encoded.string_value)
    return b""


def _body(captured: Any, key: str, headers: Any) -> Body:
    cut = f"{key}t" in captured
    if (text := captured.get(key)) is not None:
        # The router keeps as text only what is not encoded and may be JSON.
        return Body(text.string_value, "", "", cut)
    content_type, encoding = headers.get("content-type"), headers.get("content-encoding")
    return Body(
        _captured(captured, key),
        content_type.decode(errors="replace") if content_type else "",
        encoding.decode(errors="replace") if encoding else "",
        cut,
    )
