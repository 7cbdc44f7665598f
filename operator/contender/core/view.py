"""The View: what status is told from, and the one sentence that sums it up."""

from dataclasses import dataclass

from contender.core.diff import MOST_NAMED, left_to_others
from contender.core.plan import Plan, Problem
from contender.core.records import Record
from contender.core.revisions import Revisions
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
        held = _held(self.revisions) + _left(self.left)
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
        left=left_to_others(snapshot, plan),
    )
