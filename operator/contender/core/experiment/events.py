"""Events of an Experiment: what is told when one status follows another."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from contender.core.events import Event


def experiment_transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    """Iterate over what has happened between two statuses of an Experiment."""
    now, then = after.get("phase"), before.get("phase")
    if now != then and (then or now != "Pending"):
        bad = now in ("Rejected", "Failed", "Inconclusive", "Superseded")
        yield Event("Warning" if bad else "Normal", str(now), after.get("message", ""))
    step, last = after.get("step") or {}, before.get("step") or {}
    if step.get("startedAt") and step.get("startedAt") != last.get("startedAt"):
        yield Event("Normal", "StepStarted", f"step {step['name']}: {_traffic(after)}")
    known = {one["name"]: one for one in before.get("arms") or []}
    for arm in after.get("arms") or []:
        if arm["state"] == "Rejected" and known.get(arm["name"], {}).get("state") != "Rejected":
            message = f"{arm['name']} (version {arm['version']}): {arm.get('message', '')}"
            yield Event("Warning", "CandidateRejected", message)
    leader = after.get("leader")
    if leader and leader != before.get("leader"):
        said = [
            one["message"] for one in after.get("comparisons") or [] if one["candidate"] == leader
        ]
        yield Event("Normal", "ObjectivesReached", f"{leader}: {'; '.join(said)}")
    winner = after.get("winner")
    if winner and winner != before.get("winner"):
        yield Event("Normal", "CandidateWon", f"{winner} is to serve")
    yield from _answers(before, after)


def _traffic(status: Mapping[str, Any]) -> str:
    told = []
    for arm in status.get("arms") or []:
        parts = [f"{arm.get('desiredWeight', 0)} %"]
        if arm.get("shadowPercent"):
            parts.append(f"copies of {arm['shadowPercent']} %")
        told.append(f"{arm['name']} {' and '.join(parts)}")
    return ", ".join(told)


def _answers(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Event]:
    known = {(one["command"], one["token"], one["result"]) for one in before.get("handled") or []}
    for one in after.get("handled") or []:
        if one["result"] == "Waiting" or (one["command"], one["token"], one["result"]) in known:
            continue
        kind: Literal["Normal", "Warning"] = "Normal" if one["result"] == "Done" else "Warning"
        message = f"{one['token']}: {one.get('message') or 'carried out'}"
        yield Event(kind, f"{one['command'].capitalize()}{one['result']}", message)
