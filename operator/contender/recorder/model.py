"""What the recorder keeps: answers, feedback, and what they have in common."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class Outcome(IntEnum):
    """What came of asking an arm. Below 10 it is the arm's own doing."""

    ANSWERED = 0
    """An answer of 1xx to 3xx."""
    ERROR = 1
    """An answer of 5xx."""
    REFUSED = 2
    """An answer of 4xx."""
    TIMEOUT = 3
    """No answer in time."""
    UNREACHABLE = 4
    """No pod could be reached, or somebody else had to answer."""
    MALFORMED = 5
    """An answer that holds no predictions for the rows of the request."""
    OVERFLOW = 10
    """A copy that the router did not send, because too many were under way."""
    LOST = 11
    """Nothing was heard of it."""
    CANCELLED = 12
    """The caller went away before the answer."""
    UNREAD = 13
    """An answer that cannot be read: too large, or in an encoding that is unknown."""
    INELIGIBLE = 14
    """A request that is never copied: too large, of unknown length, or an upgrade."""

    @property
    def is_missing(self) -> bool:
        """Whether it says nothing about the arm."""
        return self >= Outcome.OVERFLOW


class Unread(IntEnum):
    """Why a body has no rows."""

    NONE = 0
    """It has."""
    TOO_LARGE = 1
    """Longer than capture.maxBodyBytes."""
    ENCODING = 2
    """Its content-encoding is unknown or broken."""
    EXPANDS = 3
    """Decoded it is longer than is allowed."""
    NOT_JSON = 4
    """It is no JSON."""
    NO_ROWS = 5
    """There is nothing where its rows should be."""
    TOO_MANY_ROWS = 6
    """It has more rows than are read."""
    ROWS_DIFFER = 7
    """The answer has not as many predictions as the request has rows."""
    NO_OUTPUT = 8
    """A prediction has no output, or not the one that rows describes."""


ANSWERED, LOST = Outcome.ANSWERED, Outcome.LOST
READ, NOT_JSON = Unread.NONE, Unread.NOT_JSON
"""By name, for what is done with each answer: Python 3.11 takes ten times as long to find a member
of an enum as a name."""

PredictionKey = tuple[int, bytes]
"""Number of the endpoint, and the bytes of the prediction id."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """What many answers have in common: they are drawn alike."""

    endpoint: int
    experiment: str
    """Uid of the Experiment; empty: none."""
    epoch: str
    """A stretch with constant weights; empty without an experiment."""
    arm: str
    """Who was to answer."""
    copy: bool
    """Whether it answered a copy, which reached no caller."""
    version: str
    """Version of the model that answered."""
    revision: str
    """Revision that answered."""
    share: int
    """Percent of the requests that the arm was to answer: the propensity."""
    expects: tuple[str, ...] = ()
    """Arms that got a copy of each of these requests. Those that get only some are not named."""
    eligible: bool = True
    """Whether such requests may be copied at all."""
    candidates: tuple[str, ...] = ()
    """All arms that take part but the incumbent; of copies, none."""


class Answer(NamedTuple):
    """What one arm answered to one request."""

    endpoint: int
    prediction: bytes
    arm: str
    """Who was to answer; unique within a prediction."""
    stratum: int
    """Number of its stratum."""
    time: int
    """When the request came, in microseconds since 1970."""
    code: int
    """HTTP status; 0: none."""
    outcome: int
    latency: int
    """Microseconds between the request's first byte to the pod and the answer's last byte from it;
    -1: unknown."""
    rows: int
    """Rows of the request; 1 when they are not read."""
    unread: int
    """Why the request or the answer has no rows; 0: it has, or none are asked for."""
    outputs: bytes | None
    """JSON array with an [output, score] for each row; None: none."""
    entities: bytes | None
    """16 bytes for each row; None: unknown."""
    segments: bytes | None
    """JSON array with the ids of its segments for each row; None: no row is in any."""
    request: bytes | None
    """The redacted body; of a copy, None."""
    response: bytes | None
    """The redacted body."""


class Feedback(NamedTuple):
    """A truth about one row."""

    endpoint: int
    prediction: bytes
    row: int
    """-1: the only one, of a prediction that was not known yet."""
    name: str
    value: str
    """JSON."""
    at: int
    """When it became true, in microseconds since 1970."""
    received: int
    """When it came, in microseconds since 1970."""
    judge: str = ""
    """By whom it was counted last."""


class KeyedFeedback(NamedTuple):
    """A truth about a row that is known by its key, for which no row was found yet."""

    endpoint: int
    key: bytes
    """16 bytes."""
    time: int
    """The row is the last one with this key up to this moment; microseconds since 1970."""
    name: str
    value: str
    at: int
    received: int

    def on(self, prediction: bytes, row: int) -> Feedback:
        """Return it as feedback for a row."""
        return Feedback(
            self.endpoint, prediction, row, self.name, self.value, self.at, self.received
        )


class Handle(NamedTuple):
    """A name under which a row is found again."""

    endpoint: int
    kind: int
    """ENTITY or KEY."""
    handle: bytes
    """16 bytes: a keyed hash."""
    time: int
    """That of an answer of its prediction."""
    prediction: bytes
    row: int


ENTITY, KEY = 0, 1


class StatisticKey(NamedTuple):
    """Whose sums."""

    endpoint: int
    experiment: str
    epoch: str
    arm: str
    """An arm; of pairs, the challenger."""
    kind: str
    """`arm`, `pair` or `pairs`."""
    feedback: str
    loss: str
    """Or `Value`: a reward; or `Labelled`: whether there is a truth."""
    segment: str
    """Id of a segment; empty: all rows."""
    judge: str = ""
    """How answers were judged: sums under another judge than the present one stay as they were.
    Empty for `pairs`."""


class HourKey(NamedTuple):
    """What was counted in one hour."""

    endpoint: int
    hour: int
    """Hours since 1970."""
    version: str
    arm: str
    metric: str
    """Such as `latency`, `output`, `feature`."""
    part: str
    """Such as the name of the feature; empty when there is only one."""


class Caller(NamedTuple):
    """Who was drawn for an arm, where callers stay with theirs."""

    endpoint: int
    experiment: str
    epoch: str
    caller: bytes
    """16 bytes: a keyed hash."""
    arm: str
    share: int
    """Percent of the callers that the arm was to get."""
    time: int
    """Of the first request of theirs that is known, in microseconds since 1970."""


class Drawn(NamedTuple):
    """How many callers were drawn for an arm."""

    epoch: str
    arm: str
    share: int
    """Percent of the callers that it was to get."""
    callers: int


class Look(NamedTuple):
    """How an Experiment stood at one moment."""

    experiment: str
    number: int
    """Of the Experiment at this endpoint, from 1 on."""
    endpoint: int
    at: int
    """Seconds since 1970."""
    total: int
    """How much was known of it: what decides when the next look is taken."""
    data: bytes
    """What was seen: JSON, made small by zlib."""


@dataclass
class Batch:
    """What is written in one transaction. Sums and counters are absolute, so that a batch may be
    written again."""

    answers: list[Answer] = field(default_factory=lambda: [])
    """New, or in place of one that was LOST: no other one is there."""
    replaces: bool = False
    """Whether some take the place of LOST ones, as far as is known: a store that is told so need
    not find it out by trying."""
    handles: list[Handle] = field(default_factory=lambda: [])
    feedback: list[Feedback] = field(default_factory=lambda: [])
    """New, or in place of the one for the same row and name."""
    waiting: list[KeyedFeedback] = field(default_factory=lambda: [])
    """New, or in place of the one with the same endpoint, key, time and name."""
    settled: list[KeyedFeedback] = field(default_factory=lambda: [])
    """No longer waiting."""
    statistics: dict[StatisticKey, bytes] = field(default_factory=lambda: {})
    changed: int = 0
    """Number of this change of statistics; grows."""
    hours: dict[HourKey, bytes] = field(default_factory=lambda: {})
    counters: dict[tuple[int, str], int] = field(default_factory=lambda: {})
    """By endpoint and name."""
    notes: dict[tuple[int, str], int] = field(default_factory=lambda: {})
    """By endpoint and name: what has to be known to understand the sums. Kept among the counters;
    alone they are not worth a transaction."""
    looks: list[Look] = field(default_factory=lambda: [])
    """Those that are new."""
    callers: list[Caller] = field(default_factory=lambda: [])
    """Those that are there already are left as they are."""

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to write."""
        return any(
            (
                self.answers,
                self.feedback,
                self.waiting,
                self.settled,
                self.statistics,
                self.hours,
                self.counters,
                self.looks,
            )
        )


@dataclass
class Stored:
    """What is known of one prediction."""

    answers: dict[str, Answer] = field(default_factory=lambda: {})
    """By arm; without bodies."""
    feedback: dict[tuple[int, str], Feedback] = field(default_factory=lambda: {})
    """By row and name."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A ModelDeployment whose answers are kept."""

    number: int
    uid: str
    namespace: str
    name: str
    retention_seconds: int
    retention_bytes: int
    gone_at: int | None = None
    """When it was deleted, in seconds since 1970; None: it exists."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which predictions of an endpoint."""

    endpoint: int
    since: int = 0
    """Microseconds since 1970, inclusive."""
    until: int = 2**62
    """Exclusive."""
    versions: tuple[str, ...] = ()
    """Served by one of these; empty: any."""


@dataclass
class Found:
    """A prediction with all that is kept of it."""

    prediction: bytes
    answers: list[Answer]
    """With bodies."""
    feedback: list[Feedback]
