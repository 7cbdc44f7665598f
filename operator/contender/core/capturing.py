"""Capturing: whether requests and answers are kept, as far as it can be told."""

from dataclasses import dataclass
from typing import Literal

from contender.core import routers
from contender.core.conditions import Judgement
from contender.core.routing import Routing
from contender.core.snapshot import Snapshot

MUCH = 0.01
"""Share of answers from which on drops are told."""
MOST = 0.5
"""Share of requests from which on bodies that cannot be read are told."""


_Judged = tuple[Literal["True", "False", "Unknown"], str, str]
"""Status, reason and message."""


@dataclass(frozen=True)
class CaptureReport:
    """What routers and the recorder say of the last minutes."""

    trouble: str = ""
    """Why the recorder's store takes nothing; empty: it does."""
    ever: bool = False
    """Whether the recorder has ever got anything."""
    received: int = 0
    """Answers that the recorder got."""
    dropped: int = 0
    """Answers that it dropped."""
    unread: int = 0
    """Requests and answers of which it read no rows."""
    why_unread: str = ""
    """The most frequent reason."""
    sent: int = 0
    """Answers that routers sent."""
    undelivered: int = 0
    """Answers that routers dropped."""


def judge_capture(snapshot: Snapshot, routing: Routing | None) -> Judgement:
    """Judge the condition Capturing."""
    return Judgement("Capturing", *_judged(snapshot, routing))


def _judged(snapshot: Snapshot, routing: Routing | None) -> _Judged:
    if not snapshot.installation.recorder:
        why = "the operator was told of no recorder (--recorder): nothing is captured"
        return "False", "NoRecorder", why
    if not routers.carry_callers(snapshot):
        waits = f": {routing.message}" if routing and routing.message else ""
        return "False", "RouterNotReady", f"callers do not go through routers yet{waits}"
    report = snapshot.capture
    if report is None:
        why = (
            "the recorder does not answer the operator; callers are answered, what is not captured"
            " is counted by the routers"
        )
        return "Unknown", "RecorderUnavailable", why
    return _reported(report)


def _reported(report: CaptureReport) -> _Judged:
    if failure := _failure(report):
        return "False", *failure
    if report.received or report.ever:
        return "True", "Capturing", "requests and answers are kept"
    return "Unknown", "NoRequestYet", "no request was captured so far"


def _failure(report: CaptureReport) -> tuple[str, str] | None:
    """Return reason and message of what goes wrong."""
    if report.trouble:
        return "StoreFailing", f"the recorder's store takes nothing: {report.trouble}"
    if report.undelivered and not report.received:
        why = "routers cannot deliver to the recorder what they captured: it is dropped"
        return "RecorderUnreachable", why
    if report.sent and not report.received:
        return "Silent", "routers sent what they captured, and the recorder got nothing"
    lost = report.dropped + report.undelivered
    if lost > MUCH * (report.received + report.undelivered):
        where = "the recorder" if report.dropped else "the routers"
        why = f"{where} dropped answers in the last minutes: more comes than can be stored"
        return "Dropping", why
    if report.unread > MOST * report.received:
        why = (
            "most bodies have no rows where spec.rows looks for them, mostly"
            f" {report.why_unread}: see troubleshooting"
        )
        return "Unreadable", why
    return None
