"""status: what is told about the state, from the snapshot and from what was written.

Everything but transition times follows from the children, so that a lost status is rebuilt.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contender.core import names, retraining
from contender.core.conditions import Judgement, set_conditions
from contender.core.manifest import Manifest, format_time
from contender.core.plan import Plan, Problem
from contender.core.revisions import (
    Record,
    Revisions,
    handled,
    pods_available,
    pods_ready,
    pods_wanted,
)
from contender.core.snapshot import Snapshot
from contender.core.trouble import Trouble, find_trouble


@dataclass(frozen=True)
class View:
    """What the conditions are judged from."""

    snapshot: Snapshot
    plan: Plan
    problem: Problem | None
    """What keeps us from doing what spec wants: found by the plan, or met while writing."""
    ready: int
    """Ready pods of the serving revision."""
    available: int
    """Pods of the serving revision that have been ready for `warmup.minReady`."""
    least: int
    """Pods that must be available before the revision counts as ready."""
    trouble: Trouble | None
    """What keeps the wanted revision's pods from being ready."""

    @property
    def revisions(self) -> Revisions:
        """The state of all revisions."""
        return self.plan.revisions

    @property
    def arrived(self) -> bool:
        """Whether what is wanted serves."""
        return self.revisions.candidate is None

    @property
    def is_ready(self) -> bool:
        """Whether what is wanted serves, with all the pods that spec asks for at least.

        A problem with something else, such as the CronJob, is told by Stalled.
        """
        return self.arrived and self.available >= self.least

    @property
    def warming_up(self) -> bool:
        """Whether enough pods are ready, but not all for `warmup.minReady` yet."""
        return self.arrived and self.ready >= self.least > self.available

    @property
    def stalled(self) -> Problem | None:
        """What somebody must mend before spec can be met."""
        if self.problem:
            return self.problem
        if self.trouble and self.trouble.hard and not self.is_ready:
            return Problem(self.trouble.reason, self.sentence)
        return None

    @property
    def sentence(self) -> str:
        """What serves, what is wanted, and why they differ."""
        wanted, serving = self.revisions.wanted, self.revisions.serving
        held = _held(self.revisions)
        why = f": {self.trouble}" if self.trouble else ""
        if self.problem:
            why = f": {self.problem.reason}: {self.problem.message}"
        if serving is None:
            return f"nothing serves yet; spec wants {wanted.version}{why}{held}"
        if not self.arrived:
            wants = "rollback wants" if self.revisions.held else "spec wants"
            now, then = _apart(serving, wanted)
            return f"serving {now}; {wants} {then}{why}{held}"
        if not self.is_ready:
            pods = f"{self.available} of {self.least} pods available"
            return f"serving {serving.version} with {pods}{why}{held}"
        return f"serving {serving.version}{why if self.problem else ''}{held}"


def _apart(serving: Record, wanted: Record) -> tuple[str, str]:
    """Return the two versions, with the revisions' names where the versions are the same."""
    if serving.version != wanted.version:
        return serving.version, wanted.version
    return f"{serving.version} ({serving.name})", f"{wanted.version} ({wanted.name})"


def _held(revisions: Revisions) -> str:
    if not revisions.held:
        return ""
    return f" (rolled back to {revisions.wanted.name}, held until spec changes)"


def make_status(snapshot: Snapshot, plan: Plan, problem: Problem | None) -> dict[str, Any]:
    """Return the status of a ModelDeployment.

    Args:
        snapshot: what was seen.
        plan: what is wanted.
        problem: what stopped the writes of this pass, if anything did.
    """
    view = _view(snapshot, plan, problem)
    revisions = view.revisions
    status: dict[str, Any] = {
        "observedGeneration": snapshot.generation,
        "phase": _phase(view),
        "message": f"paused: {view.sentence}" if plan.paused else view.sentence,
        "conditions": set_conditions(
            list(snapshot.status.get("conditions") or []),
            [*_judge(view)],
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
    if snapshot.spec.retraining:
        status["retraining"] = _retraining(snapshot)
    if answers := _handled(view):
        status["handled"] = answers
    return status


def _view(snapshot: Snapshot, plan: Plan, problem: Problem | None) -> View:
    revisions = plan.revisions
    scaling = snapshot.spec.scaling
    wanted = revisions.wanted.name
    serving = revisions.serving
    return View(
        snapshot=snapshot,
        plan=plan,
        problem=problem or plan.problem,
        ready=pods_ready(snapshot, serving.name) if serving else 0,
        available=pods_available(snapshot, serving.name) if serving else 0,
        least=scaling.least if scaling else 1,
        trouble=find_trouble(
            snapshot.child("Deployment", wanted),
            snapshot.pods_of(wanted),
            snapshot.reports,
        ),
    )


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


def _judge(view: View) -> list[Judgement]:
    """Judge all conditions; each is one function below."""
    judged = [_available(view), _ready(view), _progressing(view)]
    if view.snapshot.spec.retraining:
        judged.append(_retrained(view))
    return [*judged, _reconciling(view), _stalled(view)]


def _available(view: View) -> Judgement:
    if view.ready > 0:
        return Judgement("Available", "True", "CallersAnswered", "callers are answered")
    if view.revisions.serving is None:
        return Judgement("Available", "False", "NothingServesYet", "no revision was ready so far")
    return Judgement("Available", "False", "NoPodReady", "no pod of the serving revision is ready")


def _ready(view: View) -> Judgement:
    if view.is_ready:
        reason = "RolledBack" if view.revisions.held else "Ready"
        return Judgement("Ready", "True", reason, view.sentence)
    return Judgement("Ready", "False", _not_ready_reason(view), view.sentence)


def _not_ready_reason(view: View) -> str:
    if view.plan.paused and not view.trouble:
        return "Paused"
    if view.problem:
        return view.problem.reason
    if view.trouble and (view.trouble.hard or not _in_progress(view)):
        return view.trouble.reason
    if view.revisions.serving is None:
        return "Starting"
    if view.warming_up:
        return "WarmingUp"
    return "TooFewPods" if view.arrived else "Updating"


def _in_progress(view: View) -> bool:
    return not view.is_ready and not view.stalled and not view.plan.paused


def _progressing(view: View) -> Judgement:
    if view.plan.paused:
        return Judgement("Progressing", "False", "Paused", "paused: the operator changes nothing")
    if stalled := view.stalled:
        return Judgement("Progressing", "False", stalled.reason, view.sentence)
    if view.is_ready:
        return Judgement("Progressing", "False", "Complete", "nothing is left to do")
    return Judgement("Progressing", "True", "Waiting", _waiting_for(view))


def _waiting_for(view: View) -> str:
    wanted = view.revisions.wanted.name
    available = pods_available(view.snapshot, wanted)
    needed = next((one.floor for one in view.revisions.live if one.record.name == wanted), 0)
    why = f": {view.trouble}" if view.trouble else ""
    return f"{available} of {needed} pods of {wanted} are available{why}"


def _reconciling(view: View) -> Judgement:
    progress = _progressing(view)
    if not _in_progress(view):
        return Judgement("Reconciling", "False", progress.reason)
    return Judgement("Reconciling", "True", progress.reason, progress.message)


def _stalled(view: View) -> Judgement:
    if stalled := view.stalled:
        return Judgement("Stalled", "True", stalled.reason, stalled.message)
    return Judgement("Stalled", "False", "NotStalled", "")


def _retrained(view: View) -> Judgement:
    newest = next(iter(retraining.runs(view.snapshot)), None)
    if newest is None:
        return Judgement("Retrained", "Unknown", "NeverRan", "no run so far")
    if newest.outcome == "Running":
        trouble = f": {newest.message}" if newest.message else ""
        return Judgement("Retrained", "Unknown", "Running", f"{newest.job} runs{trouble}")
    if newest.result is None:
        return Judgement("Retrained", "False", "RunFailed", f"{newest.job}: {newest.message}")
    figures = ", ".join(f"{key} {value:g}" for key, value in sorted(newest.result.metrics.items()))
    message = f"{newest.job} trained version {newest.result.version}"
    return Judgement(
        "Retrained", "True", "Trained", f"{message} ({figures})" if figures else message
    )


def _revision(snapshot: Snapshot, record: Record) -> dict[str, Any]:
    return {
        "revision": record.name,
        "version": record.version,
        "replicas": pods_wanted(snapshot, record.name),
        "ready": pods_ready(snapshot, record.name),
    }


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
    for command in (names.COMMAND_ROLLBACK, names.COMMAND_RETRAIN, names.COMMAND_REFRESH):
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
    """Return whether a candidate stays a wish for now: paused, nothing is made for it."""
    return view.plan.paused and view.snapshot.child("Deployment", record.name) is None


def _waits_for(view: View, command: str) -> str:
    if view.plan.paused:
        return "paused: it will be carried out when the pause ends"
    if command == names.COMMAND_REFRESH and view.revisions.held:
        return "a rollback holds: it will be carried out when spec changes"
    active = retraining.active_run(view.snapshot)
    return f"waits for {active.job} to finish" if active else "about to start"


def invalid_status(owner: Manifest, message: str, now: datetime) -> dict[str, Any]:
    """Return the status of a ModelDeployment whose spec this operator cannot read: what serves
    goes on serving, and what was known stays."""
    generation = owner["metadata"].get("generation", 1)
    before = owner.get("status") or {}
    known = next(
        (entry for entry in before.get("conditions") or [] if entry["type"] == "Available"), None
    )
    judged = [
        Judgement("Available", known["status"], known["reason"], known.get("message", ""))
        if known
        else Judgement("Available", "Unknown", "InvalidSpec", message),
        Judgement("Ready", "False", "InvalidSpec", message),
        Judgement("Progressing", "False", "InvalidSpec", message),
        Judgement("Reconciling", "False", "InvalidSpec", message),
        Judgement("Stalled", "True", "InvalidSpec", message),
    ]
    conditions = set_conditions(
        list(before.get("conditions") or []), judged, generation=generation, now=now
    )
    return {
        **before,
        "observedGeneration": generation,
        "phase": "Stalled",
        "message": message,
        "conditions": conditions,
    }
