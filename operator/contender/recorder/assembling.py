"""Assembling: from what routers sent to answers as they are stored."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import time

import orjson

from contender.recorder.entries import Broken, Drawn, Told, entries, stratum_of, told
from contender.recorder.intake import Message
from contender.recorder.joining.hours import compact
from contender.recorder.model import (
    ANSWERED,
    ENTITY,
    KEY,
    READ,
    Answer,
    Handle,
    Outcome,
    Stratum,
    Unread,
)
from contender.recorder.plans import Plan, Plans
from contender.recorder.reading.reader import ReadRequest, ReadResponse
from contender.recorder.recording import Captured
from contender.recorder.store.base import Store

MOST_SKEW = 3_600_000_000
"""Microseconds by which a router's clock may differ from ours; beyond them ours counts."""
MOST_STRATA = 1000
"""New ones of an endpoint, until the recorder starts again."""
MOST_REMEMBERED = 20_000
_OUR_LIMIT = frozenset({Unread.TOO_LARGE, Unread.ENCODING, Unread.EXPANDS})
"""Why an answer cannot be read although it may be right."""
_NONE = b"\0" * 16

Count = Callable[[int, str, int], None]
"""Adds to a counter of an endpoint."""

log = logging.getLogger(__name__)


class Assembler:
    """Turns messages into answers.

    Args:
        store: gives numbers to strata.
        plans: how bodies are read.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, plans: Plans, clock: Callable[[], float] = time) -> None:
        self._store = store
        self._plans = plans
        self._clock = clock
        self._numbers: dict[Stratum, int] = {}
        self._drawn: dict[tuple[int, Drawn], tuple[int, str, bool]] = {}
        self._strange: Counter[int] = Counter()
        self._strata: dict[int, Stratum] = {}

    def forget(self) -> None:
        """Forget what may not be stored."""
        self._numbers.clear()
        self._drawn.clear()
        self._strata.clear()

    def _known(self, stratum: Stratum) -> bool:
        """Return whether a stratum has a number."""
        self._load()
        return stratum in self._numbers

    def _load(self) -> None:
        if not self._numbers:
            self._strata = {**self._store.strata()}
            self._numbers = {one: number for number, one in self._strata.items()}

    @property
    def strata(self) -> Mapping[int, Stratum]:
        """All strata by number.

        Raises:
            StoreError: they cannot be read.
        """
        self._load()
        return self._strata

    def number(self, stratum: Stratum) -> int:
        """Return the number of a stratum.

        Raises:
            StoreError: it cannot be stored.
        """
        if not self._known(stratum):
            number = self._numbers[stratum] = self._store.stratum(stratum)
            self._strata[number] = stratum
        return self._numbers[stratum]

    def _place(self, endpoint: int, drawn: Drawn) -> tuple[int, str, bool]:
        """Return the number of the stratum, its arm, and whether somebody else had to answer.

        Raises:
            Broken: the stamp is not ours, or there are too many different ones.
            StoreError: the stratum cannot be stored.
        """
        found = self._drawn.get((endpoint, drawn))
        if found is None:
            stratum, answered_by_other = stratum_of(endpoint, drawn)
            known = self._known(stratum)
            if not known and self._strange[endpoint] >= MOST_STRATA:
                raise Broken("an endpoint tells of too many experiments and revisions")
            self._strange[endpoint] += not known
            found = (self.number(stratum), stratum.arm, answered_by_other)
            if len(self._drawn) >= MOST_REMEMBERED:
                self._drawn.clear()
            self._drawn[endpoint, drawn] = found
        return found

    def answers(self, messages: Iterable[Message], count: Count) -> Iterator[Captured]:
        """Iterate over the answers of messages, and count what cannot be used.

        Raises:
            StoreError: a stratum cannot be stored.
        """
        now = int(self._clock() * 1_000_000)
        for message in messages:
            count(message.endpoint, "received", message.entries)
            plan = self._plans.get(message.endpoint)
            if plan is None:
                count(message.endpoint, "unwanted", message.entries)
                continue
            try:
                found = entries(message.raw)
            except Broken:
                count(message.endpoint, "broken", message.entries)
                continue
            for entry in found:
                try:
                    yield self._captured(message.endpoint, plan, told(entry), now, count)
                except Broken as error:
                    log.debug("%s/%s: %s", plan.namespace, plan.name, error)
                    count(message.endpoint, "broken", 1)

    def _captured(self, endpoint: int, plan: Plan, one: Told, now: int, count: Count) -> Captured:
        request = plan.reader.request(one.request) if one.request else None
        response = plan.reader.response(one.response)
        stratum, arm, answered_by_other = self._place(endpoint, one.drawn)
        if answered_by_other:
            one = one._replace(outcome=Outcome.UNREACHABLE)
        outcome, unread = _judged(plan, one, request, response)
        if unread:
            body = "request" if request and request.unread else "answer"
            count(endpoint, f"{body}Unread{unread.name}", 1)
        outputs = response.outputs
        # In the order of the fields: naming them would take as long as all the rest.
        answer = Answer(
            endpoint,
            one.prediction,
            arm,
            stratum,
            one.time if -MOST_SKEW <= one.time - now <= MOST_SKEW else now,
            one.code,
            int(outcome),  # databases ask what is no plain number what it would rather be
            one.latency,
            _rows(plan, request, response),
            int(unread),
            None if outputs is None else orjson.dumps(outputs),
            _joined(request.entities) if request and request.entities else None,
            orjson.dumps(request.segments) if request and request.segments else None,
            request.stored if request else None,
            response.stored,
        )
        return Captured(
            answer,
            [*_handles(answer, request)] if request and (request.entities or request.keys) else [],
            (outputs or []) if outcome == ANSWERED else [],
            compact(request.features) if request else [],
            plan.pseudonym(one.caller.decode(errors="replace")) if one.caller else None,
        )


def _judged(
    plan: Plan, one: Told, request: ReadRequest | None, response: ReadResponse
) -> tuple[Outcome, Unread]:
    """Return what came of it, and why it has no rows."""
    if request and request.unread:
        return one.outcome, request.unread
    if one.outcome != ANSWERED:
        return one.outcome, READ
    unread = response.unread
    outputs = response.outputs
    if request and outputs is not None and len(outputs) != request.rows:
        unread = Unread.ROWS_DIFFER
    if not unread or not plan.reads_rows:
        return one.outcome, unread
    return (Outcome.UNREAD if unread in _OUR_LIMIT else Outcome.MALFORMED), unread


def _rows(plan: Plan, request: ReadRequest | None, response: ReadResponse) -> int:
    """Return how many rows there are; 0: unknown."""
    if request is None:
        return len(response.outputs or ())
    return 0 if request.unread and plan.reads_rows else request.rows


def _joined(entities: Sequence[bytes | None]) -> bytes | None:
    return b"".join(one or _NONE for one in entities) if any(entities) else None


def _handles(answer: Answer, request: ReadRequest) -> Iterator[Handle]:
    for kind, found in ((ENTITY, request.entities), (KEY, request.keys)):
        for row, handle in enumerate(found):
            if handle:
                yield Handle(answer.endpoint, kind, handle, answer.time, answer.prediction, row)
