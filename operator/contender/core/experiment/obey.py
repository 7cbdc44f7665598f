"""Obey: what commands make of an Experiment."""

from dataclasses import replace

from contender.core import names
from contender.core.experiment.course import Course
from contender.core.experiment.machine import FINAL, Phase, Trigger
from contender.core.experiment.orders import Orders
from contender.core.experiment.steps import kind_of


def obey(course: Course) -> tuple[Course, set[Trigger]]:
    """Return the course after the commands that can be obeyed now, and what they lead to."""
    orders, triggers, phase = course.orders, set[Trigger](), course.phase
    if orders.token(names.COMMAND_ABORT):
        if phase in FINAL:
            orders = orders.answered(names.COMMAND_ABORT, "Refused", f"it is over: {phase}")
        else:
            orders = orders.answered(names.COMMAND_ABORT, "Done")
            orders = orders.all_refused("an abort was given, too, and it wins")
            triggers.add(Trigger.ABORT)
    if token := orders.token(names.COMMAND_RETRY):
        orders, again = _retry(course, orders, token)
        triggers |= {Trigger.RETRY} if again else set()
    if phase in FINAL:
        orders = orders.all_refused(f"it is over: {phase}")
    course = replace(course, orders=orders)
    if token := orders.token(names.COMMAND_RESUME):
        course = _resumed(course, token)
    if token := course.orders.token(names.COMMAND_PROMOTE):
        course = _chosen(course, token)
    return course, triggers


def _retry(course: Course, orders: Orders, token: str) -> tuple[Orders, bool]:
    uid = course.owner["metadata"]["uid"]
    if token.partition("/")[0] != uid:
        why = f"it is for another Experiment: write {uid}/<nonce>"
        return orders.answered(names.COMMAND_RETRY, "Refused", why), False
    if course.phase not in FINAL - {Phase.PROMOTED} and course.phase != Phase.INCONCLUSIVE:
        why = f"it is {course.phase}: only what has ended without a winner can run again"
        return orders.answered(names.COMMAND_RETRY, "Refused", why), False
    return orders.answered(names.COMMAND_RETRY, "Done"), True


def _resumed(course: Course, token: str) -> Course:
    """Note that a pause step is over."""
    named = token.partition("/")[0]
    pauses = [step.name for step in course.spec.steps if kind_of(step).waits_for_person]
    orders = course.orders
    if named not in pauses:
        known = ", ".join(pauses) or "none"
        why = f"no pause step {named!r}: write <step>/<nonce> with one of: {known}"
        return replace(course, orders=orders.answered(names.COMMAND_RESUME, "Refused", why))
    resumed = [*dict.fromkeys([*course.status.resumed, named])]
    done = orders.answered(names.COMMAND_RESUME, "Done")
    return replace(course, orders=done).told(resumed=resumed)


def _chosen(course: Course, token: str) -> Course:
    """Take a candidate for the winner."""
    if course.status.plan is None:
        return course  # waits for the start
    named, orders = token.partition("/")[0], course.orders
    if course.phase == Phase.AWAITING_SPEC and named != course.status.winner:
        why = f"{course.status.winner} has won already: abort, and retry to choose another"
        return replace(course, orders=orders.answered(names.COMMAND_PROMOTE, "Refused", why))
    if named not in {one.name for one in course.left}:
        rejected = course.rejected.get(named)
        known = ", ".join(one.name for one in course.left) or "none"
        said = f"{named} was rejected: {rejected}" if rejected else f"no candidate {named!r}"
        refused = f"{said}; write <candidate>/<nonce> with one of: {known}"
        return replace(course, orders=orders.answered(names.COMMAND_PROMOTE, "Refused", refused))
    done = orders.answered(names.COMMAND_PROMOTE, "Done")
    return replace(course, orders=done).told(winner=named, by_command=True)
