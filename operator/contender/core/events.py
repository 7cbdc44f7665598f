"""Events: what is told when one status follows another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Event:
    """One Kubernetes Event on a ModelDeployment."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


Status = Mapping[str, Any]

_NOT_YET = frozenset({"RouterNotReady", "NoRequestYet"})
"""Why nothing is captured for now, and nothing is wrong."""


def transitions(before: Status, after: Status) -> Iterator[Event]:
    """Iterate over what has happened between two statuses."""
    yield from _candidate(before, after)
    yield from _serving(before, after)
    yield from _stalled(before, after)
    yield from _availability(before, after)
    yield from _capturing(before, after)
    yield from _paused(before, after)
    yield from _retraining(before, after)
    yield from _handled(before, after)


def _candidate(before: Status, after: Status) -> Iterator[Event]:
    now = after.get("candidate")
    if now and now["revision"] != (before.get("candidate") or {}).get("revision"):
        message = f"revision {now['revision']} (version {now['version']}) is being made ready"
        yield Event("Normal", "RevisionCreated", message)


def _serving(before: Status, after: Status) -> Iterator[Event]:
    now, then = after.get("serving"), before.get("serving")
    if not now or now["revision"] == (then or {}).get("revision"):
        return
    message = f"revision {now['revision']} (version {now['version']}) serves callers"
    if then:
        message += f" in place of {then['revision']} (version {then['version']})"
    yield Event("Normal", "Switched", message)


def _stalled(before: Status, after: Status) -> Iterator[Event]:
    now, then = _condition(after, "Stalled"), _condition(before, "Stalled")
    if now.get("status") == "True" and (
        then.get("status") != "True" or then.get("reason") != now["reason"]
    ):
        yield Event("Warning", now["reason"], now["message"])
    ready, was = _condition(after, "Ready"), _condition(before, "Ready")
    if ready.get("status") == "True" and was.get("status") != "True":
        yield Event("Normal", "Ready", ready["message"])


def _availability(before: Status, after: Status) -> Iterator[Event]:
    now, then = _condition(after, "Available"), _condition(before, "Available")
    if now.get("status") == "False" and then.get("status") == "True":
        yield Event("Warning", now["reason"], now["message"])


def _capturing(before: Status, after: Status) -> Iterator[Event]:
    now, then = _condition(after, "Capturing"), _condition(before, "Capturing")
    if not now or (now["status"], now["reason"]) == (then.get("status"), then.get("reason")):
        return
    if now["status"] == "True":
        yield Event("Normal", "Capturing", now["message"])
    elif now["reason"] not in _NOT_YET:
        yield Event("Warning", f"Capture{now['reason']}", now["message"])


def _paused(before: Status, after: Status) -> Iterator[Event]:
    now, then = after.get("phase") == "Paused", before.get("phase") == "Paused"
    if now and not then:
        yield Event("Normal", "Paused", "the operator changes nothing until it is resumed")
    if then and not now:
        yield Event("Normal", "Resumed", "the operator acts again")


def _retraining(before: Status, after: Status) -> Iterator[Event]:
    now, then = after.get("retraining") or {}, before.get("retraining") or {}
    result, run = now.get("lastResult") or {}, now.get("lastRun") or {}
    # By the result and not by the run: the next run may have begun already.
    if result and result["job"] != (then.get("lastResult") or {}).get("job"):
        message = f"{result['job']} trained version {result['version']}"
        yield Event("Normal", "RetrainingSucceeded", message)
    known = then.get("lastRun") or {}
    if (run.get("job"), run.get("outcome")) == (known.get("job"), known.get("outcome")):
        return
    if run.get("outcome") == "Running":
        yield Event("Normal", "RetrainingStarted", run["job"])
    if run.get("outcome") == "Failed":
        yield Event("Warning", "RetrainingFailed", f"{run['job']}: {run.get('message', '')}")


def _handled(before: Status, after: Status) -> Iterator[Event]:
    known = {
        (answer["command"], answer["token"], answer["result"])
        for answer in before.get("handled") or []
    }
    for answer in after.get("handled") or []:
        command, result = answer["command"], answer["result"]
        if result == "Waiting" or (command, answer["token"], result) in known:
            continue
        kind: Literal["Normal", "Warning"] = "Normal" if result == "Done" else "Warning"
        message = f"{answer['token']}: {answer.get('message', 'carried out')}"
        yield Event(kind, f"{command.capitalize()}{result}", message)


def _condition(status: Status, kind: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or [] if one["type"] == kind), {})
