"""Progress: how far a step is, and what comes after it."""

from datetime import datetime, timedelta
from typing import Any

from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.experiment_status import StepStatus
from contender.api.v1alpha1.steps import Step
from contender.core.experiment import counting
from contender.core.experiment.course import Course, Scene, floors, trial_of
from contender.core.experiment.machine import Phase, Trigger
from contender.core.experiment.patience import trouble_of
from contender.core.experiment.steps import kind_of
from contender.core.experiment.verdicts import at_the_end, concluded, proven
from contender.core.manifest import format_time, parse_time


def progress(course: Course, scene: Scene) -> tuple[Course, set[Trigger]]:
    """Look how far the step is, and go on to the next one."""
    at, step = course.status.step, course.step
    assert at is not None
    assert step is not None
    held = holds(course, scene.now)
    if course.phase == Phase.PAUSED:
        return course, set() if held else {Trigger.RESUME}
    if held:
        return course, {Trigger.PAUSE}
    if not at.entered:
        waits = _unready(course, scene)
        return _step(course, entered=not waits, message=waits), set()
    if kind_of(step).waits_for_person:
        return _next(course, scene)
    if at.started_at:
        return _timed(course, scene, step, parse_time(at.started_at))
    return _begun(course, scene), set()


def _begun(course: Course, scene: Scene) -> Course:
    """Note that the step has begun, if all routers do what it wants."""
    if scene.does(trial_of(course, scene)):
        now = format_time(scene.now)
        begun = course.told(began_at=course.status.began_at or now)
        return _step(begun, started_at=now, message="")
    return _step(course, message="routers take over the traffic of this step")


def _timed(
    course: Course, scene: Scene, step: Step, since: datetime
) -> tuple[Course, set[Trigger]]:
    until = step.until
    assert until is not None
    asked = {one.name: counting.of_step(course.status, step.name, one.name) for one in course.left}
    least = timedelta(seconds=seconds(until.at_least)) if until.at_least else timedelta()
    if _is_over(course, scene.now, step):
        return _next(course, scene)
    if until.at_most and scene.now >= since + timedelta(seconds=seconds(until.at_most)):
        course, _ = concluded(course, at_the_end(course, scene))
        return course, {Trigger.TIME_IS_OVER if course.left else Trigger.ALL_REJECTED}
    waits = [f"until {format_time(since + least)}"] if scene.now < since + least else []
    waits += [
        f"{name} has {count} of {until.requests} requests"
        for name, count in asked.items()
        if count < (until.requests or 0)
    ]
    if until.verdict and not course.status.leader:
        waits.append(f"until a verdict: {_standing(course)}")
    return _step(course, message=", ".join(waits)), set()


def _next(course: Course, scene: Scene) -> tuple[Course, set[Trigger]]:
    """Go on to the next step; after the last one a candidate may win."""
    at = course.status.step
    assert at is not None
    if at.index + 1 < len(course.spec.steps):
        following_step = course.spec.steps[at.index + 1]
        return course.told(step=StepStatus(name=following_step.name, index=at.index + 1)), set()
    if course.spec.promotion == "Manual" or course.status.winner:
        return course, set()
    best, why = _best(course, scene)
    if why:
        return course.told(undecided=why), {Trigger.NO_VERDICT}
    recommended = best if course.spec.promotion == "Recommend" else ""
    winner = "" if recommended and course.owned else best
    return course.told(recommended=recommended, winner=winner), set()


def _best(course: Course, scene: Scene) -> tuple[str, str]:
    """Return the candidate that has won: by its objectives, or else as the only one that is left;
    or why nobody can."""
    if course.spec.objectives:
        return proven(course, scene)
    return course.left[0].name if len(course.left) == 1 else "", ""


def _standing(course: Course) -> str:
    """Return how the candidates that are left do by their objectives."""
    left = {one.name for one in course.left}
    told = [one.message for one in course.status.comparisons or [] if one.candidate in left]
    return "; ".join(filter(None, told)) or "no row with a truth was counted yet"


def holds(course: Course, now: datetime) -> str:
    """Return why it waits for a person; empty when it does not."""
    at, step = course.status.step, course.step
    assert at is not None
    assert step is not None
    if course.paused:
        return "somebody paused it"
    if course.winner or not at.entered:
        return ""
    if kind_of(step).waits_for_person and step.name not in course.status.resumed:
        said = (step.pause.message if step.pause else "") or "somebody has to look"
        return f"{said}: resume it with contender.dev/resume={step.name}/<nonce>"
    if at.index + 1 == len(course.spec.steps) and _is_over(course, now, step):
        return _asks(course)
    return ""


def _asks(course: Course) -> str:
    """Return what a person is asked after all steps; empty when nothing."""
    how = "with contender.dev/promote=<candidate>/<nonce>, or abort"
    if one := course.status.recommended or course.status.leader:
        if course.spec.promotion == "Manual" or course.status.recommended:
            return f"{one} has reached all objectives: promote it {how}"
        return ""
    left = [one.name for one in course.left]
    if course.spec.promotion != "Manual" and (course.spec.objectives or len(left) == 1):
        return ""
    return f"all steps are done: promote one of {', '.join(left)} {how}"


def _is_over(course: Course, now: datetime, step: Step) -> bool:
    at = course.status.step
    if kind_of(step).waits_for_person:
        return step.name in course.status.resumed
    if at is None or at.started_at is None or step.until is None:
        return False
    if step.until.verdict and not course.status.leader:
        return False
    least = timedelta(seconds=seconds(step.until.at_least)) if step.until.at_least else timedelta()
    asked = [counting.of_step(course.status, step.name, one.name) for one in course.left]
    enough = all(count >= (step.until.requests or 0) for count in asked)
    return enough and now >= parse_time(at.started_at) + least


def _unready(course: Course, scene: Scene) -> str:
    """Return which candidates lack pods for the step; empty when none does."""
    needed = floors(course, scene)
    for one in course.left:
        available = scene.snapshot.pods_available(one.revision)
        if available < needed[one.revision]:
            why = trouble_of(scene.snapshot, one.revision)
            told = f": {why}" if why else ""
            return f"{available} of {needed[one.revision]} pods of {one.name} are available{told}"
    return ""


def _step(course: Course, **changes: Any) -> Course:
    assert course.status.step is not None
    return course.told(step=course.status.step.model_copy(update=changes))
