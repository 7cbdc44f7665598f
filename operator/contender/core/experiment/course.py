"""One Experiment, as it goes on, and what it wants of traffic and pods. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.experiment_status import ExperimentStatus, PlannedArm
from contender.api.v1alpha1.steps import Step
from contender.core import names
from contender.core.experiment import counting, guardrails
from contender.core.experiment.machine import Phase
from contender.core.experiment.orders import Orders
from contender.core.experiment.steps import Wish, wish_at
from contender.core.manifest import Manifest, annotation, name_of, parse_time
from contender.core.records import Record
from contender.core.routing import arm_of, plain_traffic
from contender.core.snapshot import Snapshot
from contender.router.traffic import (
    INCUMBENT,
    HeaderMatch,
    StickyCookie,
    StickyHeader,
    Traffic,
    Trial,
)

COPY_TIMEOUT_SECONDS = 30
"""How long a challenger may take to answer a copy."""

STARTED = (Phase.RUNNING, Phase.PAUSED)
"""Phases in which an Experiment has the traffic."""


@dataclass(frozen=True)
class Scene:
    """What an Experiment sees around it."""

    snapshot: Snapshot
    records: tuple[Record, ...]
    serving: Record | None
    arrived: bool
    """Whether what the target's spec wants serves."""
    ahead: str
    """Name of the Experiment whose turn it is; empty: its own."""
    reports: counting.Reports | None
    """What routers counted, if they all do what this Experiment wants."""

    def does(self, trial: Trial | None) -> bool:
        """Return whether all routers do this."""
        return self.reports is not None and self.reports.hash == names.digest(self.traffic(trial))

    def traffic(self, trial: Trial | None) -> Traffic:
        """Return the traffic in which routers do this."""
        assert self.serving is not None
        return replace(plain_traffic(self.snapshot, self.serving), trial=trial)

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.snapshot.now

    def record(self, name: str) -> Record | None:
        """Return a record by its name."""
        return next((one for one in self.records if one.name == name), None)


@dataclass(frozen=True)
class Course:
    """One Experiment, as it goes on."""

    owner: Manifest
    """The Experiment as the API server has it."""
    spec: ExperimentSpec
    status: ExperimentStatus
    orders: Orders
    records: tuple[Record, ...] = ()
    """Records of its candidates, as they are to be stored."""

    @property
    def name(self) -> str:
        """Name of the Experiment."""
        return name_of(self.owner)

    @property
    def run(self) -> str:
        """What tells its data in the recorder."""
        return run_of(self.owner["metadata"]["uid"], self.status.attempts)

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return Phase(self.status.phase)

    @property
    def owned(self) -> bool:
        """Whether it was made for spec.rollout of its target."""
        owners = self.owner["metadata"].get("ownerReferences") or []
        return any(one["kind"] == "ModelDeployment" and one.get("controller") for one in owners)

    @property
    def paused(self) -> bool:
        """Whether somebody holds it."""
        return self.spec.paused or annotation(self.owner, names.ANNOTATION_PAUSED) == "true"

    @property
    def rejected(self) -> Mapping[str, str]:
        """Candidates that were rejected, and why."""
        return {one.name: one.message for one in self.status.arms or [] if one.state == "Rejected"}

    @property
    def left(self) -> tuple[PlannedArm, ...]:
        """Candidates that are not rejected."""
        plan = self.status.plan
        gone = self.rejected
        return tuple(one for one in plan.candidates if one.name not in gone) if plan else ()

    @property
    def step(self) -> Step | None:
        """The step that goes on."""
        at = self.status.step
        return self.spec.steps[at.index] if at else None

    @property
    def traffic_index(self) -> int:
        """Number of the step whose traffic runs: while candidates are made ready for the next one,
        that of the step before; -1 before the first."""
        at = self.status.step
        assert at is not None
        return at.index if at.entered else at.index - 1

    @property
    def wish(self) -> Wish | None:
        """What that step wants; None: the incumbent answers everything."""
        if self.phase not in STARTED or self.status.step is None:
            return None
        if self.status.recommended and not self.status.winner:
            return None
        left = [one.name for one in self.left]
        return wish_at(self.spec.steps, self.traffic_index, left)

    @property
    def winner(self) -> PlannedArm | None:
        """The candidate that is to serve."""
        plan = self.status.plan
        return (
            next((one for one in plan.candidates if one.name == self.status.winner), None)
            if plan
            else None
        )

    @property
    def how_won(self) -> str:
        """How the winner came to be it, as the end of a sentence; empty: by what was found out."""
        if not self.status.by_command:
            return ""
        before = self.status.verdict
        return (
            f", promoted by command{f' after the verdict was {before.outcome}' if before else ''}"
        )

    def follows_winner(self, snapshot: Snapshot) -> bool:
        """Whether who wins serves at once, and not when spec names it."""
        return snapshot.follows_winner and not self.owned and not self.status.recommended

    def findings(self, candidate: str) -> list[guardrails.Finding]:
        """Return what each guardrail says of a candidate."""
        checks = self.spec.guardrails or []
        tests = len(checks) * len(self.spec.candidates)
        return [
            guardrails.judge(one, counting.evidence(self.status, one, candidate, INCUMBENT), tests)
            for one in checks
        ]

    def told(self, **changes: Any) -> "Course":
        """Return the course with changes of its status."""
        return replace(self, status=self.status.model_copy(update=changes))


def run_of(uid: str, attempts: int) -> str:
    """Return what tells the data of an Experiment in the recorder: each retry begins anew."""
    return f"{uid}.{attempts}" if attempts else uid


def trial_of(course: Course, scene: Scene) -> Trial | None:
    """Return what the routers should do now; None: the incumbent answers everything."""
    plan = course.status.plan
    if plan is None:
        return None
    left = [one.name for one in course.left]
    wish = course.wish
    if wish is None or not left:
        return None
    arms = [record for one in course.left if (record := scene.record(one.revision))]
    if len(arms) < len(left):
        return None  # a record was deleted by hand: until it is there again nothing is tried
    return Trial(
        candidates=tuple(
            arm_of(record, one.name) for one, record in zip(course.left, arms, strict=True)
        ),
        experiment=course.run,
        order=tuple(one.name for one in plan.candidates),
        weights={name: wish.weights.get(name, 0) for name in left},
        shadows={name: wish.shadows.get(name, 0) for name in left},
        shadow_others=wish.shadow_others,
        match=tuple(
            HeaderMatch(one.name, one.exact)
            for one in (course.spec.match.headers if course.spec.match else [])
        ),
        stickiness=_stickiness(course.spec),
        salt=course.owner["metadata"]["uid"],
        shadow_timeout_seconds=COPY_TIMEOUT_SECONDS,
    )


def _stickiness(spec: ExperimentSpec) -> StickyHeader | StickyCookie | None:
    if spec.stickiness is None:
        return None
    if spec.stickiness.header:
        return StickyHeader(spec.stickiness.header)
    assert spec.stickiness.cookie is not None
    return StickyCookie(spec.stickiness.cookie.name, seconds(spec.stickiness.cookie.ttl))


def floors(course: Course, scene: Scene) -> dict[str, int]:
    """Return by revision how many pods it needs now, so that it bears what it is to get.

    The incumbent keeps what it had at the start. A candidate gets the pods of its next share before
    the weight moves.
    """
    plan, at = course.status.plan, course.status.step
    if plan is None:
        return {}
    if course.phase == Phase.AWAITING_SPEC:
        kept, winner = course.status.promotion, course.winner
        warm = kept and winner and scene.now < parse_time(kept.until)
        return {winner.revision: plan.replicas} if warm and winner else {}
    if course.phase not in STARTED or at is None:
        return {}
    wish = wish_at(course.spec.steps, at.index, [one.name for one in course.left])
    needed = {plan.incumbent.revision: plan.replicas}
    for one in course.left:
        load = wish.load(one.name) if wish else 0.0
        if one.name == course.status.winner:
            load = 1.0
        needed[one.revision] = max(1, ceil(plan.replicas * load))
    return needed
