"""Ending: what a new phase brings with it."""

import json
from dataclasses import replace
from datetime import timedelta

from contender.api.v1alpha1.experiment_status import (
    EarlierVerdict,
    ExperimentStatus,
    Promotion,
    Verdict,
)
from contender.core.experiment import words
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.machine import FINAL, Phase, Trigger
from contender.core.manifest import format_time

KEEP_WARM = timedelta(hours=1)
"""How long the pods of a winner wait for Git to name it."""


def enter(course: Course, scene: Scene, phase: Phase, trigger: Trigger) -> Course:
    """Return the course in its new phase."""
    course = course.told(phase=str(phase), reason=_reason(trigger))
    if phase != Phase.RUNNING:
        course = _settled(course)
    if trigger == Trigger.RETRY:
        kept = {
            "handled": course.status.handled,
            "phase": str(phase),
            "reason": "Retry",
            "attempts": course.status.attempts + 1,
        }
        return replace(course, status=ExperimentStatus(**kept), records=())
    if trigger == Trigger.WIN_AWAITS_SPEC:
        return course.told(promotion=_promotion(course, scene))
    if phase in FINAL or phase == Phase.INCONCLUSIVE:
        verdict = Verdict(
            outcome=str(phase),
            winner=course.status.winner if phase == Phase.PROMOTED else "",
            reason=_reason(trigger),
            message=_why(course, scene, trigger),
            decided_at=format_time(scene.now),
            earlier=_earlier(course),
        )
        return course.told(verdict=verdict, promotion=None)
    return course


def _earlier(course: Course) -> EarlierVerdict | None:
    """Return how it had ended before; None: it had not."""
    before = course.status.verdict
    if before is None:
        return None
    return EarlierVerdict(
        outcome=before.outcome,
        reason=before.reason,
        message=before.message,
        decided_at=before.decided_at,
    )


def _settled(course: Course) -> Course:
    """Return the course without how much longer anything takes: nobody can tell any more."""
    step, known = course.status.step, course.status.comparisons
    if not (step and known):
        return course
    settled = [words.settled(one) for one in known]
    said = step.message
    for before, after in zip(known, settled, strict=True):
        said = said.replace(before.message, after.message)
    return course.told(comparisons=settled, step=step.model_copy(update={"message": said}))


def _reason(trigger: Trigger) -> str:
    return "".join(word.capitalize() for word in trigger.name.split("_"))


def _promotion(course: Course, scene: Scene) -> Promotion:
    winner = course.winner
    assert winner is not None
    record = scene.record(winner.revision) or next(
        one for one in course.records if one.name == winner.revision
    )
    patch = json.dumps({"spec": {"model": record.input["model"]}}, sort_keys=True)
    return Promotion(patch=patch, until=format_time(scene.now + KEEP_WARM))


def _why(course: Course, scene: Scene, trigger: Trigger) -> str:
    """Return why it ended, in one sentence."""
    winner, step = course.winner, course.step
    serving = f"version {scene.serving.version} serves now" if scene.serving else "nothing serves"
    rejected = "; ".join(f"{name}: {why}" for name, why in course.rejected.items())
    won = f"{winner.name} (version {winner.version}) serves{course.how_won}" if winner else ""
    late = step.until.at_most if step and step.until else ""
    told = {
        Trigger.ALL_REJECTED: f"rejected {rejected}",
        Trigger.WIN_SERVES: won,
        Trigger.SPEC_FOLLOWS: won,
        Trigger.INCUMBENT_CHANGES: f"the incumbent has changed: {serving}, and what was seen is"
        " about another one",
        Trigger.TIME_IS_OVER: f"step {step.name if step else ''} was not over after {late}:"
        f" promote, abort or retry it{_undecided(course)}",
        Trigger.NO_VERDICT: f"no verdict: {course.status.undecided}; promote, abort or retry it",
        Trigger.ABORT: "aborted by command",
        Trigger.CANNOT_RUN: course.status.message,
    }
    return told.get(trigger, str(trigger))


def _undecided(course: Course) -> str:
    """Return why the objectives are not decided."""
    return f" ({course.status.undecided})" if course.status.undecided else ""
