"""Capturing: whether requests and answers are kept, as far as it can be told."""

from dataclasses import dataclass

from contender.core import routers
from contender.core.conditions import Judgement
from contender.core.routing import Routing
from contender.core.snapshot import Snapshot

CAPTURING = "Capturing"
MUCH = 0.01
"""Share of answers from which on drops are told."""
MOST = 0.5
"""Share of requests from which on bodies that cannot be read are told."""


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
    if not snapshot.installation.recorder:
        why = "the operator was told of no recorder (--recorder): nothing is captured"
        return Judgement(CAPTURING, "False", "NoRecorder", why)
    if not routers.carry_callers(snapshot):
        waits = f": {routing.message}" if routing and routing.message else ""
        why = f"callers do not go through routers yet{waits}"
        return Judgement(CAPTURING, "False", "RouterNotReady", why)
    report = snapshot.capture
    if report is None:
        why = (
            "the recorder does not answer the operator; callers are answered, what is captured"
            " meanwhile may be lost"
        )
        return Judgement(CAPTURING, "Unknown", "RecorderUnavailable", why)
    if failure := _failure(report):
        return failure
    if report.received or report.ever:
        return Judgement(CAPTURING, "True", "Capturing", "requests and answers are kept")
    return Judgement(CAPTURING, "Unknown", "NoRequestYet", "no request was captured so far")


def _failure(report: CaptureReport) -> Judgement | None:
    """Return what goes wrong, if anything does."""
    if report.trouble:
        why = f"the recorder's store takes nothing: {report.trouble}"
        return Judgement(CAPTURING, "False", "StoreFailing", why)
    if report.undelivered and not report.received:
        why = "routers cannot deliver to the recorder what they captured: it is dropped"
        return Judgement(CAPTURING, "False", "RecorderUnreachable", why)
    if report.sent and not report.received:
        why = "routers sent what they captured, and the recorder got nothing"
        return Judgement(CAPTURING, "False", "Silent", why)
    lost = report.dropped + report.undelivered
    if lost > MUCH * (report.received + report.undelivered):
        where = "the recorder" if report.dropped else "the routers"
        why = f"{where} dropped answers in the last minutes: more comes than can be stored"
        return Judgement(CAPTURING, "False", "Dropping", why)
    if report.unread > MOST * report.received:
        why = (
            "most bodies have no rows where spec.rows looks for them, mostly"
            f" {report.why_unread}: see troubleshooting"
        )
        return Judgement(CAPTURING, "False", "Unreadable", why)
    return None
