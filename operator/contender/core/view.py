"""The View: what status is told from, and the one sentence that sums it up."""

from dataclasses import dataclass

from contender.core import names, routers
from contender.core.diff import MOST_NAMED, left_to_others
from contender.core.experiment.machine import FINAL, Phase
from contender.core.plan import Plan, Problem
from contender.core.records import Record
from contender.core.revisions import Revisions
from contender.core.snapshot import Snapshot
from contender.core.trouble import Trouble, find_trouble


@dataclass(frozen=True)
class Earning:
    """The Experiment that a revision has to win before it serves."""

    experiment: str
    phase: str
    step: str
    """Name of the step, or how it ended."""
    over: bool
    """Whether it ended without a winner."""

    @property
    def reason(self) -> str:
        """The state as one word."""
        return f"Experiment{self.phase}"

    def __str__(self) -> str:
        said = f": {self.step}" if self.step else ""
        return f"Experiment {self.experiment} is {self.phase}{said}"


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
    earning: "Earning | None" = None
    """The Experiment that the wanted revision has to win."""
    unrouted: str = ""
    """Why callers do not get through the routers to the pods; empty when they do."""
    left: tuple[str, ...] = ()
    """What is otherwise than wanted and left so."""

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
        return self.arrived and self.available >= self.least and not self.unrouted

    @property
    def warming_up(self) -> bool:
        """Whether enough pods are ready, but not all for `warmup.minReady` yet."""
        return self.arrived and self.ready >= self.least > self.available

    @property
    def stalled(self) -> Problem | None:
        """What somebody must mend before spec can be met."""
        if self.problem:
            return self.problem
        if self.earning and self.earning.over:
            return Problem(self.earning.reason, self.sentence)
        if self.trouble and self.trouble.hard and not self.is_ready and not self.earning:
            return Problem(self.trouble.reason, self.sentence)
        return None

    @property
    def sentence(self) -> str:
        """What serves, what is wanted, and why they differ."""
        wanted, serving = self.revisions.wanted, self.revisions.serving
        held = _held(self.revisions) + _won(self.revisions) + _left(self.left)
        why = f": {self.trouble}" if self.trouble else ""
        if self.earning:
            why = f": {self.earning}"
        if self.problem:
            why = f": {self.problem.reason}: {self.problem.message}"
        if serving is None:
            return f"nothing serves yet; spec wants {wanted.version}{why}{held}"
        if not self.arrived:
            wants = "rollback wants" if self.revisions.held else "spec wants"
            now, then = _apart(serving, wanted)
            return f"serving {now}; {wants} {then}{why}{held}"
        if self.unrouted:
            return f"serving {serving.version}: {self.unrouted}{held}"
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


def _won(revisions: Revisions) -> str:
    if names.ANNOTATION_WON not in revisions.wanted.marks or revisions.held:
        return ""
    experiment = revisions.wanted.marks.get(names.ANNOTATION_EARNED, "")
    return f" (winner of Experiment {experiment}, until spec.model changes)"


def _left(left: tuple[str, ...]) -> str:
    if not left:
        return ""
    more = "; and more" if len(left) > MOST_NAMED else ""
    return f" (stored otherwise than written: {'; '.join(left[:MOST_NAMED])}{more})"


def make_view(snapshot: Snapshot, plan: Plan, problem: Problem | None) -> View:
    """Return the view of what was seen and planned, with the problem that stopped the writes."""
    revisions = plan.revisions
    scaling = snapshot.spec.scaling
    wanted = revisions.wanted.name
    serving = revisions.serving
    return View(
        snapshot=snapshot,
        plan=plan,
        problem=problem or plan.problem,
        ready=snapshot.pods_ready(serving.name) if serving else 0,
        available=snapshot.pods_available(serving.name) if serving else 0,
        least=scaling.least if scaling else 1,
        trouble=find_trouble(
            snapshot.child("Deployment", wanted),
            snapshot.pods_of(wanted),
            snapshot.reports,
        ),
        earning=_earning(revisions),
        unrouted=_unrouted(snapshot, serving),
        left=left_to_others(snapshot, plan),
    )


def _unrouted(snapshot: Snapshot, serving: Record | None) -> str:
    if serving is None or not routers.carry_callers(snapshot):
        return ""
    if not snapshot.routers:
        return "callers are led to routers, and none is ready"
    if not any(serving.name in one.sees for one in snapshot.routers.values() if one.sees):
        known = any(one.versions for one in snapshot.routers.values())
        return "the routers have not found the pods yet" if known else ""
    return ""


def _earning(revisions: Revisions) -> Earning | None:
    wanted = revisions.wanted
    if not revisions.must_earn:
        return None
    found = next((one for one in revisions.trials.courses if one.name == wanted.name), None)
    if found is None:
        same = [one for one in revisions.records if one.model_hash == wanted.model_hash]
        why = next((mark for one in same if (mark := one.marks.get(names.ANNOTATION_REJECTED))), "")
        return Earning(wanted.name, str(Phase.REJECTED if why else Phase.PENDING), why, bool(why))
    over = found.phase in FINAL or found.phase == Phase.INCONCLUSIVE
    step, verdict = found.status.step, found.status.verdict
    told = verdict.message if verdict and over else f"step {step.name}" if step else ""
    return Earning(found.name, str(found.phase), told, over)
