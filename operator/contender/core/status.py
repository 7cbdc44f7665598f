"""status: what is told about the state, from the snapshot and from what was written.

Everything but transition times follows from the children, so that a lost status is rebuilt.
"""

from datetime import datetime
from typing import Any

from contender.core import names, retraining, routers
from contender.core.commands import COMMANDS
from contender.core.conditions import Judgement, set_conditions
from contender.core.experiment.idle import unreadable_status
from contender.core.experiment.machine import FINAL
from contender.core.experiment.tell import RouterNews, make_experiment_status
from contender.core.judge import judge
from contender.core.manifest import Manifest, format_time, value_at
from contender.core.plan import Plan, Problem
from contender.core.records import Record, handled
from contender.core.routing import Routing
from contender.core.snapshot import Snapshot
from contender.core.view import View, make_view


def make_status(snapshot: Snapshot, plan: Plan, problem: Problem | None) -> dict[str, Any]:
    """Return the status of a ModelDeployment.

    Args:
        snapshot: what was seen.
        plan: what is wanted.
        problem: what stopped the writes of this pass, if anything did.
    """
    view = make_view(snapshot, plan, problem)
    revisions = view.revisions
    status: dict[str, Any] = {
        "observedGeneration": snapshot.generation,
        "phase": _phase(view),
        "message": f"paused: {view.sentence}" if plan.paused else view.sentence,
        "conditions": set_conditions(
            list(snapshot.status.get("conditions") or []),
            judge(view),
            generation=snapshot.generation,
            now=snapshot.now,
        ),
        "endpoint": {"url": f"http://{snapshot.name}.{snapshot.namespace}.svc"},
        "revisions": [_record(record) for record in revisions.records],
    }
    if revisions.serving:
        status["serving"] = _revision(snapshot, revisions.serving)
    if revisions.candidate and not _unmade(view, revisions.candidate):
        status["candidate"] = _revision(snapshot, revisions.candidate)
    if shown := _experiment(plan):
        status["experiment"] = shown
    if routing := plan.routing:
        status["router"] = _router(snapshot, routing)
    if snapshot.spec.retraining:
        status["retraining"] = _retraining(snapshot)
    if answers := _handled(view):
        status["handled"] = answers
    return status


def make_experiment_statuses(
    snapshot: Snapshot, plan: Plan
) -> list[tuple[Manifest, dict[str, Any]]]:
    """Return the statuses of all Experiments on the endpoint, beside each as it was read."""
    trials, routing = plan.revisions.trials, plan.routing
    serving = plan.revisions.serving
    waits = (routing.message if routing else "") or (
        "the ModelDeployment is paused" if snapshot.paused else ""
    )
    bypass = routers.bypass(snapshot, serving.name) if serving else ""
    news = RouterNews(waits, routing.trouble if routing else "", bypass)
    told = [
        (course.owner, make_experiment_status(snapshot, trials, course, news))
        for course in trials.courses
    ]
    told += [(one.owner, unreadable_status(one, snapshot.now)) for one in trials.unreadable]
    return told


def _phase(view: View) -> str:
    if view.plan.paused:
        return "Paused"
    if view.stalled:
        return "Stalled"
    if view.is_ready:
        return "Ready"
    if view.revisions.serving is None:
        return "Pending"
    return "Degraded" if view.arrived and not view.warming_up else "Updating"


def _revision(snapshot: Snapshot, record: Record) -> dict[str, Any]:
    return {
        "revision": record.name,
        "version": record.version,
        "replicas": snapshot.pods_wanted(record.name),
        "ready": snapshot.pods_ready(record.name),
    }


def _experiment(plan: Plan) -> dict[str, Any] | None:
    """Return the Experiment that has the traffic, else the newest one that is not over."""
    courses = plan.revisions.trials.courses
    shown = plan.revisions.trials.active or next(
        (one for one in reversed(courses) if one.phase not in FINAL), None
    )
    if shown is None:
        return None
    at = shown.status.step
    weights = [arm.weight for arm in shown.status.arms or [] if arm.role == "Challenger"]
    told: dict[str, Any] = {"name": shown.name, "phase": str(shown.phase), "weight": sum(weights)}
    if at:
        told["step"] = at.name
    return told


def _router(snapshot: Snapshot, routing: Routing) -> dict[str, Any]:
    deployment = snapshot.child("Deployment", names.router_name(snapshot.name)) or {}
    shown: dict[str, Any] = {
        "replicas": value_at(deployment, ("spec", "replicas")) or 0,
        "ready": sum(map(routers.is_ready, snapshot.router_pods())),
        "inPath": routers.carry_callers(snapshot),
    }
    if routing.message:
        shown["message"] = routing.message
    return shown


def _record(record: Record) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": record.name,
        "version": record.version,
        "image": record.image,
        "modelHash": record.model_hash,
        "podHash": record.pod_hash,
    }
    if record.served_at:
        shown["servedAt"] = format_time(record.served_at)
    return shown


def _retraining(snapshot: Snapshot) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    runs = retraining.runs(snapshot)
    if runs:
        shown["lastRun"] = _run(runs[0])
    if trained := next((run for run in runs if run.result), None):
        result = trained.result
        assert result is not None
        shown["lastResult"] = {
            "job": trained.job,
            "version": result.version,
            **({"image": result.image} if result.image else {}),
            **({"storageUri": result.storage_uri} if result.storage_uri else {}),
            "metrics": dict(sorted(result.metrics.items())),
        }
    assert snapshot.spec.retraining is not None
    if not snapshot.paused and (
        following := retraining.next_run(snapshot.spec.retraining, snapshot.now)
    ):
        shown["nextRun"] = format_time(following)
    return shown


def _run(run: retraining.Run) -> dict[str, Any]:
    shown: dict[str, Any] = {"job": run.job, "outcome": run.outcome}
    if run.started:
        shown["startedAt"] = format_time(run.started)
    if run.finished:
        shown["finishedAt"] = format_time(run.finished)
    if run.message:
        shown["message"] = run.message[:1024]
    return shown


def _handled(view: View) -> list[dict[str, str]]:
    """Answer the command annotations that are there now."""
    answers: list[dict[str, str]] = []
    refused = {refusal.command: refusal.message for refusal in view.plan.refusals}
    for command in COMMANDS:
        token = view.snapshot.command(command)
        if not token:
            continue
        answer = {"command": command.partition("/")[2], "token": token}
        if command in refused:
            answer |= {"result": "Refused", "message": refused[command]}
        elif _is_handled(view, command, token):
            answer |= {"result": "Done"}
        else:
            answer |= {"result": "Waiting", "message": _waits_for(view, command)}
        answers.append(answer)
    return answers


def _is_handled(view: View, command: str, token: str) -> bool:
    if handled(view.revisions.records, command, token):
        return True
    return command == names.COMMAND_RETRAIN and retraining.has_run(view.snapshot, token)


def _unmade(view: View, record: Record) -> bool:
    """Return whether a candidate stays a wish for now: paused, or it has not won its Experiment."""
    waits = view.plan.paused or view.earning is not None
    return waits and view.snapshot.child("Deployment", record.name) is None


def _waits_for(view: View, command: str) -> str:
    if view.plan.paused:
        return "paused: it will be carried out when the pause ends"
    if command == names.COMMAND_REFRESH and view.revisions.held:
        return "a rollback holds: it will be carried out when spec changes"
    active = retraining.active_run(view.snapshot)
    return f"waits for {active.job} to finish" if active else "about to start"


def invalid_status(owner: Manifest, problem: Problem, now: datetime) -> dict[str, Any]:
    """Return the status of a ModelDeployment of which the operator cannot read something: what
    serves goes on serving, and what was known stays."""
    generation = owner["metadata"].get("generation", 1)
    before = owner.get("status") or {}
    known = next(
        (entry for entry in before.get("conditions") or [] if entry["type"] == "Available"), None
    )
    judged = [
        Judgement("Available", known["status"], known["reason"], known.get("message", ""))
        if known
        else Judgement("Available", "Unknown", problem.reason, problem.message),
        Judgement("Ready", "False", problem.reason, problem.message),
        Judgement("Progressing", "False", problem.reason, problem.message),
        Judgement("Reconciling", "False", problem.reason, problem.message),
        Judgement("Stalled", "True", problem.reason, problem.message),
    ]
    conditions = set_conditions(
        list(before.get("conditions") or []), judged, generation=generation, now=now
    )
    return {
        **before,
        "observedGeneration": generation,
        "phase": "Stalled",
        "message": problem.message,
        "conditions": conditions,
    }
