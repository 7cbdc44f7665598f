"""The conditions: each is judged by one function."""

from contender.core import retraining
from contender.core.capturing import judge_capture
from contender.core.conditions import Judgement
from contender.core.view import View


def judge(view: View) -> list[Judgement]:
    """Judge all conditions; each is one function below."""
    judged = [_available(view), _ready(view), _progressing(view)]
    if view.snapshot.spec.capture:
        judged.append(judge_capture(view.snapshot, view.plan.routing))
    if view.snapshot.spec.retraining:
        judged.append(_retrained(view))
    return [*judged, _reconciling(view), _stalled(view)]


def _available(view: View) -> Judgement:
    if view.ready > 0 and view.unrouted:
        return Judgement("Available", "False", "NoRouterReady", view.unrouted)
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
    if view.earning:
        return view.earning.reason
    if view.trouble and (view.trouble.hard or not _in_progress(view)):
        return view.trouble.reason
    return _progress_reason(view)


def _progress_reason(view: View) -> str:
    if view.revisions.serving is None:
        return "Starting"
    if view.unrouted:
        return "NoRouterReady"
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
    if view.unrouted:
        return Judgement("Progressing", "True", "NoRouterReady", view.unrouted)
    if view.earning:
        return Judgement("Progressing", "True", view.earning.reason, str(view.earning))
    return Judgement("Progressing", "True", "Waiting", _waiting_for(view))


def _waiting_for(view: View) -> str:
    wanted = view.revisions.wanted.name
    available = view.snapshot.pods_available(wanted)
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
