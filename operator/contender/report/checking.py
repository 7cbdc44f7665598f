"""Checking: whether a sealed verdict follows from what is sealed with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from contender.api.v1alpha1.base import ApiModel
from contender.api.v1alpha1.experiment_status import ArmStatus, Comparison
from contender.core.experiment import counting
from contender.core.experiment.course import Course
from contender.core.experiment.machine import Phase
from contender.core.experiment.orders import Orders
from contender.core.experiment.words import told_guardrail
from contender.report.material import Material, Subject
from contender.report.replay import Replay, replay
from contender.report.sealing import Sealed, digest_of, hash_of_plan
from contender.report.told import rulings

_NONE = "(nobody)"


class Result(StrEnum):
    """What came of one check."""

    OK = "ok"
    DIFFERS = "DIFFERS"
    NOTE = "note"
    """Nobody can check it from the file."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    result: Result
    what: str
    expected: str = ""
    """What follows from the rest, when the file says something else."""
    found: str = ""
    """What the file says."""


def check(sealed: Sealed, content: Mapping[str, Any]) -> list[Check]:
    """Return all that can be checked, whatever comes of it.

    Args:
        sealed: a sealed verdict.
        content: the same as it is written.

    Raises:
        Unreadable: a look is none.
    """
    material = sealed.material()
    subject = material.subject
    found = replay(material)
    return [
        _same("digest", digest_of(content), sealed.digest),
        _plan(sealed, material),
        *_looks(sealed, subject, found),
        *_comparisons(subject, found),
        *_guardrails(subject),
        *_counts(subject),
        *_rulings(subject, found),
        *_standing(subject, found),
        _end(subject, found),
    ]


def _same(what: str, expected: object, found: object) -> Check:
    if expected == found:
        return Check(Result.OK, f"{what} {found}")
    return Check(Result.DIFFERS, what, str(expected), str(found))


def _plan(sealed: Sealed, material: Material) -> Check:
    plan = material.subject.status.plan
    told, expected = plan.hash if plan else "", hash_of_plan(material)
    if told == expected:
        what = "the hash of what was tested, incumbent and candidates"
        return Check(Result.OK, f"plan {told}: {what}")
    if not sealed.planHash:
        what = (
            "it could not be computed anew when the file was sealed: the target reads rows or"
            " truths otherwise since the start, or another version has made it"
        )
        return Check(Result.NOTE, f"plan {told}: {what}")
    return Check(Result.DIFFERS, "plan: the hash", expected, told)


def _looks(sealed: Sealed, subject: Subject, found: Replay) -> Iterator[Check]:
    if not subject.spec.objectives:
        return
    numbers = [int(one["number"]) for one in sealed.looks]
    times = [float(one["at"]) for one in sealed.looks]
    runs = {str(one.get("experiment")) for one in sealed.looks}
    last = subject.status.look
    if numbers != [*range(1, last + 1)]:
        told = (
            f"{len(numbers)} of them, from {min(numbers, default=0)} to {max(numbers, default=0)}"
        )
        yield Check(Result.DIFFERS, "looks: their numbers", f"1 to {last}, each once", told)
    elif any(later < earlier for earlier, later in pairwise(times)):
        yield Check(Result.DIFFERS, "looks: their times", "one after another", "not in order")
    elif runs - {subject.run}:
        told = ", ".join(sorted(runs))
        yield Check(Result.DIFFERS, "looks: whose they are", subject.run, told)
    else:
        yield Check(Result.OK, f"looks: {last}, each once, of this Experiment")
    if found.last != last:
        yield _same("looks: the last one that was weighed", found.last, last)


def _comparisons(subject: Subject, found: Replay) -> Iterator[Check]:
    told = {one.key: one for one in subject.status.comparisons or []}
    ours = {one.key: one for one in found.comparisons}
    for place in sorted(told.keys() | ours.keys()):
        what = f"comparison {(told.get(place) or ours[place]).about} of {place[1]}"
        if place not in told or place not in ours:
            shown = [_short(one.get(place)) for one in (ours, told)]
            yield Check(Result.DIFFERS, what, *shown)
            continue
        expected, was = ours[place], told[place]
        if expected == was:
            yield Check(Result.OK, f"{what}: {_short(was)}")
        yield from _differing(what, expected, was)


def _differing(what: str, expected: ApiModel, was: ApiModel) -> Iterator[Check]:
    """Iterate over the fields that say something else than what follows."""
    for part in type(was).model_fields:
        shown = [getattr(one, part) for one in (expected, was)]
        if shown[0] != shown[1]:
            yield Check(Result.DIFFERS, f"{what}: {part}", *map(str, shown))


def _short(one: Comparison | None) -> str:
    if one is None:
        return "none"
    if one.state == "NoData":
        return "NoData"
    return (
        f"{one.difference} ({one.low} .. {one.high}) on {one.rows:,} rows, ln E {one.evidence:.2f}"
        f" of {one.needed:.2f}, {one.state}"
    )


def _guardrails(subject: Subject) -> Iterator[Check]:
    """What routers counted is in the epochs; the evidence follows."""
    course = _course(subject)
    for told in subject.status.guardrails or []:
        what = f"guardrail {told.name} of {told.candidate}"
        found = next(
            (one for one in course.findings(told.candidate) if one.guardrail == told.name), None
        )
        if found is None:
            yield Check(Result.DIFFERS, what, "none: spec does not name it", told.message)
            continue
        expected = told_guardrail(told.candidate, found)
        if expected == told:
            state = "breached" if told.breached else "kept"
            numbers = f"ln E {told.evidence:.2f} of {told.needed:.2f}"
            yield Check(Result.OK, f"{what}: {numbers}, {state}")
        yield from _differing(what, expected, told)


def _counts(subject: Subject) -> Iterator[Check]:
    """What an arm has answered is the sum over its epochs."""
    for arm in subject.status.arms or []:
        counted = counting.in_all(subject.status, arm.name)
        shown = [
            f"{one.requests:,} requests, {one.errors:,} errors, {one.missing:,} missing"
            for one in (counted, arm)
        ]
        yield _same(f"counts of {arm.name}:", *shown)


def _course(subject: Subject) -> Course:
    owner = {"metadata": {"uid": subject.uid, "name": subject.name}}
    return Course(owner, subject.spec, subject.status, Orders({}))


def _rulings(subject: Subject, found: Replay) -> Iterator[Check]:
    arms = {one.name: one for one in subject.status.arms or []}
    lines = {name: line for name, line, _ in rulings(found)}
    for name, arm in arms.items():
        if arm.role != "Challenger":
            continue
        what = f"decision about {name}"
        if name in found.gone:
            yield _gone(subject, arm, what)
        elif name in found.missed and arm.state != "Rejected":
            yield Check(Result.DIFFERS, what, f"Rejected: {found.missed[name]}", arm.state)
        elif name in lines:
            yield Check(Result.OK, f"{what}: {lines[name]}")


def _gone(subject: Subject, arm: ArmStatus, what: str) -> Check:
    """Return whether a breach is counted for a candidate that was rejected by no look."""
    breached = any(one.breached for one in _course(subject).findings(arm.name))
    if breached and arm.message.startswith("guardrail "):
        return Check(Result.OK, f"{what}: Reject, it breaches a guardrail")
    return Check(Result.NOTE, f"{what}: Reject, for what no file can show: {arm.message}")


def _standing(subject: Subject, found: Replay) -> Iterator[Check]:
    """Who has reached the objectives, or why nobody can."""
    if not subject.spec.objectives:
        return
    yield _same("first to reach all objectives:", found.leader or _NONE, _leader(subject))
    told = subject.status.undecided
    if told in found.undecided:
        yield Check(Result.OK, f"why nothing is decided: {told}")
    elif told:
        expected = found.undecided[0] if found.undecided else "(it is decided)"
        yield Check(Result.DIFFERS, "why nothing is decided", expected, told)


def _leader(subject: Subject) -> str:
    return subject.status.leader or _NONE


def _end(subject: Subject, found: Replay) -> Check:
    """Return whether the end follows."""
    status = subject.status
    verdict, phase = status.verdict, status.phase
    if phase != Phase.AWAITING_SPEC and (verdict is None or verdict.outcome != phase):
        return Check(Result.DIFFERS, "verdict", phase, verdict.outcome if verdict else "none")
    match phase:
        case Phase.PROMOTED | Phase.AWAITING_SPEC:
            return _won(subject, found)
        case Phase.REJECTED:
            left = sorted(set(subject.arms[1:]) - found.missed.keys() - found.gone.keys())
            told = "verdict: Rejected, nobody is left"
            if left:
                return Check(Result.DIFFERS, "verdict", f"{', '.join(left)} left", "Rejected")
            return Check(Result.OK, told)
        case Phase.INCONCLUSIVE:
            return Check(Result.OK, f"verdict: Inconclusive ({status.reason})")
        case _:
            return Check(Result.NOTE, f"verdict: {phase} ({status.reason}), no decision by data")


def _won(subject: Subject, found: Replay) -> Check:
    status = subject.status
    winner = status.winner
    if status.verdict and status.phase == Phase.PROMOTED and status.verdict.winner != winner:
        return Check(Result.DIFFERS, "verdict: winner", winner, status.verdict.winner)
    told = f"verdict: {status.phase}, winner {winner}"
    if winner and winner in (found.leader, *found.proven):
        return Check(Result.OK, f"{told}, who has reached all objectives")
    if winner and status.by_command:
        return Check(Result.NOTE, f"{told}: promoted by a person, and not by the objectives")
    left = set(subject.arms[1:]) - found.missed.keys() - found.gone.keys()
    if not subject.spec.objectives and left == {winner}:
        return Check(Result.OK, f"{told}, the only candidate that is left")
    return Check(Result.DIFFERS, "verdict: winner", found.leader or _NONE, winner or _NONE)
