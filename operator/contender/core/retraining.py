"""Retraining: which runs there are, what they reported, and when the next one starts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import ValidationError

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.retraining import Retraining, RetrainingResult
from contender.core import names
from contender.core.errors import explain
from contender.core.manifest import (
    Manifest,
    annotation,
    condition,
    name_of,
    parse_time,
)
from contender.core.snapshot import Snapshot
from contender.core.trouble import find_trouble, without_pod_name

if TYPE_CHECKING:
    from contender.core.records import Record

HISTORY_LIMIT = 3
"""How many finished runs of each outcome are kept, to look at their logs."""

_NAMED_SCHEDULES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

Outcome = Literal["Running", "Succeeded", "Failed"]


@dataclass(frozen=True)
class Run:
    """One retraining Job, read."""

    job: str
    token: str
    """The command that started it; empty: the schedule."""
    created: datetime
    started: datetime | None
    finished: datetime | None
    outcome: Outcome
    message: str
    """Why it failed, or what keeps it from going on."""
    result: RetrainingResult | None


def runs(snapshot: Snapshot) -> tuple[Run, ...]:
    """Return all runs that are still there, newest first."""
    read = [_read(snapshot, job) for job in jobs(snapshot)]
    return tuple(sorted(read, key=lambda run: (run.created, run.job), reverse=True))


def jobs(snapshot: Snapshot) -> Iterator[Manifest]:
    """Iterate over all retraining Jobs, by schedule and by command."""
    yield from snapshot.of_kind("Job")
    yield from snapshot.runs


def _read(snapshot: Snapshot, job: Manifest) -> Run:
    outcome, result, message = _judge(snapshot, job)
    status = job.get("status") or {}
    ended = status.get("completionTime") or (condition(job, "Failed") or {}).get(
        "lastTransitionTime"
    )
    started = status.get("startTime")
    return Run(
        job=name_of(job),
        token=annotation(job, names.COMMAND_RETRAIN),
        created=parse_time(job["metadata"]["creationTimestamp"]),
        started=parse_time(started) if started else None,
        finished=parse_time(ended) if ended else None,
        outcome=outcome,
        message=message,
        result=result,
    )


def _judge(snapshot: Snapshot, job: Manifest) -> tuple[Outcome, RetrainingResult | None, str]:
    said = annotation(job, names.ANNOTATION_MESSAGE) or _termination_message(snapshot, job)
    if failed := _holds(job, "Failed"):
        why = f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}".rstrip(": ")
        return "Failed", None, f"{why}: {_last_line(said)}" if said else why
    if not _holds(job, "Complete"):
        return "Running", None, _hindrance(snapshot, job)
    if not said:
        return (
            "Failed",
            None,
            (
                "the run succeeded but reported no result: write JSON such as"
                ' {"version": "2", "image": "...", "metrics": {}} to /dev/termination-log'
            ),
        )
    try:
        return "Succeeded", RetrainingResult.model_validate(json.loads(said)), ""
    except ValidationError as error:
        return "Failed", None, f"the run reported an invalid result: {explain(error)}"
    except (ValueError, RecursionError) as error:
        return (
            "Failed",
            None,
            (f"the run's termination message is not JSON ({error}): {_last_line(said)}"),
        )


def _holds(job: Manifest, kind: str) -> "Manifest | None":
    found = condition(job, kind)
    return dict(found) if found and found.get("status") == "True" else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:256] if lines else ""


def lacks_pods(job: Manifest) -> bool:
    """Return whether a Job that has not finished has no pod."""
    status = job.get("status") or {}
    return not status.get("active") and not (_holds(job, "Complete") or _holds(job, "Failed"))


def _hindrance(snapshot: Snapshot, job: Manifest) -> str:
    """Return what keeps a run from going on, or the empty string."""
    if lacks_pods(job):
        report = snapshot.reports.get(job["metadata"]["uid"])
        return without_pod_name(report.message) if report else ""
    trouble = find_trouble(None, _pods(snapshot, job), snapshot.reports)
    return str(trouble) if trouble else ""


def _pods(snapshot: Snapshot, job: Manifest) -> tuple[Manifest, ...]:
    uid = job["metadata"]["uid"]
    return tuple(
        pod
        for pod in snapshot.pods
        if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])
    )


def _termination_message(snapshot: Snapshot, job: Manifest) -> str:
    """Return what the newest finished pod of the Job reported."""
    newest_first = sorted(
        _pods(snapshot, job), key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True
    )
    for pod in newest_first:
        for status in (pod.get("status") or {}).get("containerStatuses") or []:
            ended = (status.get("state") or {}).get("terminated")
            if status["name"] == names.RETRAINING_CONTAINER and ended and ended.get("message"):
                return ended["message"]
    return ""


def messages_to_keep(snapshot: Snapshot) -> Iterator[tuple[Manifest, dict[str, str]]]:
    """Iterate over finished Jobs whose report is still only in their pod, with the annotations
    that keep it: pods go before their Jobs."""
    for job in jobs(snapshot):
        if annotation(job, names.ANNOTATION_MESSAGE):
            continue
        if _holds(job, "Complete") or _holds(job, "Failed"):
            message = _termination_message(snapshot, job)
            if message:
                yield job, {names.ANNOTATION_MESSAGE: message}


def jobs_to_keep(snapshot: Snapshot) -> frozenset[str]:
    """Return the Jobs started by command that stay: those that run, the one of the present
    command, and the newest few of each outcome."""
    present = snapshot.command(names.COMMAND_RETRAIN)
    room = {"Succeeded": HISTORY_LIMIT, "Failed": HISTORY_LIMIT}
    kept: set[str] = set()
    for run in runs(snapshot):
        if not run.token:
            continue
        if run.outcome == "Running" or run.token == present:
            kept.add(run.job)
        elif room[run.outcome] > 0:
            room[run.outcome] -= 1
            kept.add(run.job)
    return frozenset(kept)


def command_run_is_active(snapshot: Snapshot) -> bool:
    """Return whether a run started by command has not finished."""
    return any(run.token and run.outcome == "Running" for run in runs(snapshot))


def active_run(snapshot: Snapshot) -> Run | None:
    """Return a run that has not finished."""
    return next((run for run in runs(snapshot) if run.outcome == "Running"), None)


def has_run(snapshot: Snapshot, token: str) -> bool:
    """Return whether the Job of a command exists."""
    return any(run.token == token for run in runs(snapshot))


def account(spec: ModelDeploymentSpec) -> str:
    """Return the service account that spec names for runs, or the empty string."""
    pod = spec.retraining.job.pod if spec.retraining else None
    return (pod.service_account_name if pod else None) or ""


def account_allowed(snapshot: Snapshot) -> bool:
    """Return whether runs may use the service account that spec names for them, if any."""
    name = account(snapshot.spec)
    return not name or snapshot.allowed_accounts.get(name, False)


def pending_token(snapshot: Snapshot, records: "tuple[Record, ...]") -> str:
    """Return the command whose run has not started yet, or the empty string."""
    token = snapshot.command(names.COMMAND_RETRAIN)
    if not token or snapshot.spec.retraining is None or has_run(snapshot, token):
        return ""
    started = any(record.marks.get(names.COMMAND_RETRAIN) == token for record in records)
    return "" if started else token


def token_to_start(snapshot: Snapshot, records: "tuple[Record, ...]") -> str:
    """Return the command whose run should start now, or the empty string."""
    if active_run(snapshot) or not account_allowed(snapshot):
        return ""
    return pending_token(snapshot, records)


def next_run(retraining: Retraining, now: datetime) -> datetime | None:
    """Return when the schedule starts the next run.

    None while suspended, without a schedule, or when schedule or time zone are unknown here (the
    API server then says so about the CronJob).
    """
    if retraining.schedule is None or retraining.suspend:
        return None
    schedule = _NAMED_SCHEDULES.get(retraining.schedule, retraining.schedule).replace("?", "*")
    try:
        zone = ZoneInfo(retraining.time_zone or "Etc/UTC")
        return next(CronSim(schedule, now.astimezone(zone)))
    except (CronSimError, ZoneInfoNotFoundError, ValueError, StopIteration):
        return None
