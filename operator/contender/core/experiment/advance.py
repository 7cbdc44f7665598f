"""Advance: from the status of an Experiment and what is seen, its next status. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from contender.api.v1alpha1.experiment_status import (
    ArmStatus,
    Plan,
    PlannedArm,
    StepStatus,
)
from contender.core.experiment import counting
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.ending import enter
from contender.core.experiment.machine import Phase, Trigger, following
from contender.core.experiment.obey import obey
from contender.core.experiment.patience import hopeless
from contender.core.experiment.progress import progress
from contender.core.experiment.resolve import Unresolvable, resolve
from contender.core.experiment.verdicts import concluded, rejecting, weigh_looks


def advance(course: Course, scene: Scene) -> Course:
    """Return the course after everything that has happened."""
    course = _counted(course, scene)
    for _ in range(2 * len(course.spec.steps) + len(Phase)):
        before = course
        course, triggers = _look(course, scene)
        phase, trigger = following(course.phase, triggers)
        if trigger:
            course = enter(course, scene, phase, trigger)
        elif course == before:
            break
    return course


def _counted(course: Course, scene: Scene) -> Course:
    """Take over what routers counted."""
    at, reports = course.status.step, scene.reports
    if reports is None or at is None:
        return course
    step = course.spec.steps[course.traffic_index]
    checks = course.spec.guardrails or []
    status = counting.count(course.status, step.name, reports, checks, scene.now)
    return replace(course, status=status)


def _look(course: Course, scene: Scene) -> tuple[Course, set[Trigger]]:
    """Return what moves the course on now."""
    course, triggers = obey(_with_new_pods(course, scene))
    match course.phase:
        case Phase.PENDING:
            return _pending(course, scene, triggers)
        case Phase.RUNNING | Phase.PAUSED:
            triggers |= set(_of_incumbent(course, scene))
            course, decided = _judged(course, scene)
            triggers |= decided
            if course.status.plan and not course.left:
                triggers.add(Trigger.ALL_REJECTED)
            if not triggers:
                course, triggers = progress(course, scene)
            return course, triggers | set(_of_winner(course, scene))
        case Phase.INCONCLUSIVE | Phase.AWAITING_SPEC:
            triggers |= set(_of_incumbent(course, scene))
            return course, triggers | set(_of_winner(course, scene))
        case _:
            return course, triggers


def _pending(course: Course, scene: Scene, triggers: set[Trigger]) -> tuple[Course, set[Trigger]]:
    """Start when it is its turn and there is somebody to compare with."""
    waits = _waits_for(course, scene)
    if triggers or waits or scene.serving is None:
        return course.told(message=waits), triggers
    try:
        resolved = resolve(scene.snapshot, course.spec, scene.records, scene.serving)
    except Unresolvable as error:
        return course.told(message=str(error)), {Trigger.CANNOT_RUN}
    first = StepStatus(name=course.spec.steps[0].name, index=0)
    arms = [
        ArmStatus.model_validate({"role": role, **one.manifest()})
        for role, one in _roles(resolved.plan)
    ]
    started = course.told(plan=resolved.plan, step=first, arms=arms, message="")
    return replace(started, records=resolved.records), {Trigger.START}


def _roles(plan: Plan) -> list[tuple[str, PlannedArm]]:
    challengers = [("Challenger", one) for one in plan.candidates]
    return [("Incumbent", plan.incumbent), *challengers]


def _waits_for(course: Course, scene: Scene) -> str:
    target = f"ModelDeployment {course.spec.target}"
    if course.paused:
        return "paused: it starts when the pause ends"
    if scene.ahead:
        return f"waits for Experiment {scene.ahead}, which is on the same endpoint"
    if scene.serving is None:
        return f"waits for the first revision of {target} to serve"
    if not scene.arrived and not course.owned:
        return f"waits until {target} serves what its spec wants"
    return ""


def _with_new_pods(course: Course, scene: Scene) -> Course:
    """Return the course with the incumbent's present revision: the same model in other pods goes on
    where it was. The plan keeps its hash, which is one of models and not of pods."""
    plan, serving = course.status.plan, scene.serving
    if plan is None or serving is None or serving.name == plan.incumbent.revision:
        return course
    if serving.model_hash != plan.incumbent.model_hash:
        return course
    incumbent = plan.incumbent.model_copy(update={"revision": serving.name})
    return course.told(plan=plan.model_copy(update={"incumbent": incumbent}))


def _of_incumbent(course: Course, scene: Scene) -> Iterator[Trigger]:
    """Look whether the revision that serves is still the same model."""
    plan, serving = course.status.plan, scene.serving
    if plan is None or (serving and serving.model_hash == plan.incumbent.model_hash):
        return  # as it was, or with other pods only
    winner = course.winner
    if serving and winner and serving.model_hash == winner.model_hash:
        awaited = course.phase == Phase.AWAITING_SPEC
        yield Trigger.SPEC_FOLLOWS if awaited else Trigger.WIN_SERVES
    else:
        yield Trigger.INCUMBENT_CHANGES


def _of_winner(course: Course, scene: Scene) -> Iterator[Trigger]:
    """Let Git have the last word where the spec is followed."""
    if (
        course.winner
        and not course.owned
        and not course.follows_winner(scene.snapshot)
        and course.phase != Phase.AWAITING_SPEC
    ):
        yield Trigger.WIN_AWAITS_SPEC


def _judged(course: Course, scene: Scene) -> tuple[Course, set[Trigger]]:
    """Reject candidates that breach a guardrail, never get ready or miss an objective, and note
    which one has reached all of them."""
    for one in course.left:
        refused = scene.snapshot.refused.get(one.revision, "")
        why = refused or _breach(course, one.name) or hopeless(scene.snapshot, one.revision)
        if why:
            course = rejecting(course, one.name, why)
    course, outcomes = weigh_looks(course, scene)
    return concluded(course, outcomes)


def _breach(course: Course, candidate: str) -> str:
    for one in course.findings(candidate):
        if one.breached:
            return f"guardrail {one.guardrail}: {one.message}"
    return ""
