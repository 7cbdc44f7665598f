"""plan: what should exist, in the order in which it must be made."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from contender.core import names, retraining
from contender.core.children import CHILDREN
from contender.core.children.base import Child
from contender.core.children.job import JOB
from contender.core.commands import Refusal
from contender.core.manifest import Manifest
from contender.core.records import Record, handled
from contender.core.revisions import Revisions, decide
from contender.core.routing import Nudge, Routing, make_routing
from contender.core.snapshot import Snapshot
from contender.core.trouble import needs_report
from contender.router.traffic import Trial

CAPTURE_LOOK = timedelta(seconds=60)
"""How often routers are asked what they have sent to the recorder."""
ACCOUNT_LOOK = timedelta(seconds=30)
"""How often a service account that is not allowed is asked for again; it is not watched."""
EVENTS_LOOK = timedelta(seconds=15)
"""How often Events are read while something waits that only they explain."""


@dataclass(frozen=True)
class Problem:
    """What keeps the operator from doing what spec wants, until somebody mends it."""

    reason: str
    message: str


@dataclass(frozen=True)
class Context:
    """What a child is rendered from."""

    snapshot: Snapshot
    revisions: Revisions
    routing: Routing | None = None


@dataclass(frozen=True)
class Annotated:
    """A live object that gets annotations and stays as it is otherwise."""

    child: Child
    live: Manifest
    annotations: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """What one pass wants."""

    context: Context
    kept_jobs: frozenset[str] = frozenset()
    """Jobs that stay as they are."""
    annotated: tuple[Annotated, ...] = ()
    nudges: tuple[Nudge, ...] = ()
    """Router pods to which the kubelet should bring their new configuration now."""
    problem: Problem | None = None
    refusals: tuple[Refusal, ...] = ()
    paused: bool = False
    """Nothing is written but status."""
    again_at: datetime | None = None
    """When time alone changes the plan; events wake the operator for all else."""

    @property
    def routing(self) -> Routing | None:
        """The routers, if there are to be any."""
        return self.context.routing

    @property
    def revisions(self) -> Revisions:
        """The state of all revisions."""
        return self.context.revisions

    @cached_property
    def wanted(self) -> tuple[tuple[Child, Manifest], ...]:
        """Objects that should exist, in the order in which they are made.

        Rendered when they are asked for: a plan that only status is told from needs none.
        """
        return tuple((child, one) for child in CHILDREN for one in child.render(self.context))


def make_plan(snapshot: Snapshot, *, may_act: bool = True) -> Plan:
    """Return what should exist. Pure: the same snapshot gives the same plan.

    Args:
        snapshot: what exists.
        may_act: whether decisions may be taken; False gives the plan to tell about, in which
            nothing has happened that is not written.
    """
    revisions = decide(snapshot, may_act=may_act and not snapshot.paused)
    problem = _forbidden_account(snapshot, revisions)
    if not _may_use(snapshot, revisions.wanted.account):
        revisions = _without_candidate(revisions)
    trials = revisions.trials
    routing = make_routing(
        snapshot,
        revisions.serving,
        revisions.wanted,
        _trial(revisions),
        needed=trials.needs_routers,
    )
    context = Context(snapshot, revisions, routing)
    if snapshot.paused:
        return Plan(context, paused=True)
    return Plan(
        context=context,
        kept_jobs=retraining.jobs_to_keep(snapshot),
        annotated=tuple(
            Annotated(JOB, job, added) for job, added in retraining.messages_to_keep(snapshot)
        ),
        problem=problem,
        refusals=(*revisions.refusals, *_refused_retraining(snapshot, revisions.records)),
        nudges=routing.nudges if routing else (),
        again_at=_next_moment(snapshot, revisions, routing, problem),
    )


def _trial(revisions: Revisions) -> Trial | None:
    """Return what the routers should do for an Experiment; nothing once another revision is to
    serve than the one it was decided beside."""
    serving = revisions.serving
    same = serving is not None and serving.name == revisions.trials.incumbent
    return revisions.trials.trial if same else None


def _may_use(snapshot: Snapshot, account: str) -> bool:
    return not account or snapshot.allowed_accounts.get(account, False)


def _forbidden_account(snapshot: Snapshot, revisions: Revisions) -> Problem | None:
    """Return the problem of a service account that was not opened to ModelDeployments."""
    for account in (revisions.wanted.account, retraining.account(snapshot.spec)):
        if not _may_use(snapshot, account):
            return Problem(
                "ServiceAccountNotAllowed",
                f"service account {account!r} does not exist or does not carry the annotation"
                f' {names.ANNOTATION_ALLOW}: "true": annotate it, or name another one',
            )
    return None


def _without_candidate(revisions: Revisions) -> Revisions:
    """Leave the candidate without pods: none are made for it while something forbids them."""
    candidate = revisions.candidate.name if revisions.candidate else None
    return replace(
        revisions, live=tuple(one for one in revisions.live if one.record.name != candidate)
    )


def _refused_retraining(snapshot: Snapshot, records: tuple[Record, ...]) -> tuple[Refusal, ...]:
    token = snapshot.command(names.COMMAND_RETRAIN)
    done = handled(records, names.COMMAND_RETRAIN, token)
    if token and not done and snapshot.spec.retraining is None:
        message = "spec.retraining is not set: say there which job trains the model"
        return (Refusal(names.COMMAND_RETRAIN, message),)
    return ()


def _next_moment(
    snapshot: Snapshot, revisions: Revisions, routing: Routing | None, problem: Problem | None
) -> datetime | None:
    moments = [revisions.drained_at] if revisions.drained_at else []
    moments += [one for one in (routing and routing.again_at, revisions.trials.again_at) if one]
    if any(map(needs_report, snapshot.pods_of(revisions.wanted.name))) or any(
        map(retraining.lacks_pods, retraining.jobs(snapshot))
    ):
        # What a probe answers, or why a Job has no pod, is told by no change of the object.
        moments.append(snapshot.now + EVENTS_LOOK)
    if snapshot.spec.capture and snapshot.installation.recorder:
        # Only who asks routers learns that they send and nobody gets it.
        moments.append(snapshot.now + CAPTURE_LOOK)
    if problem:
        # Nobody tells us that an account was opened.
        moments.append(snapshot.now + ACCOUNT_LOOK)
    if snapshot.spec.retraining:
        scheduled = retraining.next_run(snapshot.spec.retraining, snapshot.now)
        moments += [scheduled] if scheduled else []
    return min(moments, default=None)
