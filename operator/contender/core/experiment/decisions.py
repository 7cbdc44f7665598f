"""Decisions: the one table from what is known of a candidate to what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """What becomes of a candidate."""

    CONTINUE = "Continue"
    """The experiment goes on."""
    PROMOTE = "Promote"
    """It has reached all objectives."""
    REJECT = "Reject"
    """It loses its traffic; the others go on."""
    INCONCLUSIVE = "Inconclusive"
    """Nothing can be decided; a person has to look."""


@dataclass(frozen=True)
class Case:
    """What is known of a candidate."""

    breached: bool = False
    """It breaches a guardrail, or was never ready."""
    mismatched: bool = False
    """Requests were not drawn as the weights say, so that no comparison holds."""
    missed: bool = False
    """It has missed an objective."""
    harms: bool = False
    """In a segment it does worse than an objective allows."""
    reached: bool = False
    """It has reached all objectives."""
    invalid: bool = False
    """Too many halves of pairs or too many truths are missing."""
    known: bool = True
    """There is something to compare for each objective."""
    over: bool = False
    """Time or rows are used up."""
    rejects_unknown: bool = False
    """`onNoData: Reject`."""


@dataclass(frozen=True)
class Rule:
    """A line of the table."""

    when: str
    """For people."""
    holds: Callable[[Case], bool]
    decision: Decision


TABLE: tuple[Rule, ...] = (
    Rule("it breaches a guardrail, or never gets ready", lambda one: one.breached, Decision.REJECT),
    Rule(
        "requests were not drawn as the weights say",
        lambda one: one.mismatched,
        Decision.INCONCLUSIVE,
    ),
    Rule(
        "too many pairs or truths are missing, and there is time left",
        lambda one: one.invalid and not one.over,
        Decision.CONTINUE,
    ),
    Rule(
        "too many pairs or truths are missing at the end",
        lambda one: one.invalid,
        Decision.INCONCLUSIVE,
    ),
    Rule("it has missed an objective", lambda one: one.missed, Decision.REJECT),
    Rule(
        "in a segment it does worse than an objective allows",
        lambda one: one.harms,
        Decision.REJECT,
    ),
    Rule("it has reached all objectives", lambda one: one.reached and one.known, Decision.PROMOTE),
    Rule("there is time left", lambda one: not one.over, Decision.CONTINUE),
    Rule(
        "nothing is known at the end, and `onNoData` is Reject",
        lambda one: not one.known and one.rejects_unknown,
        Decision.REJECT,
    ),
    Rule("otherwise", lambda _: True, Decision.INCONCLUSIVE),
)
"""The first line that holds decides."""


def decide(case: Case) -> Decision:
    """Return what becomes of a candidate."""
    return next(rule.decision for rule in TABLE if rule.holds(case))


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| what is known of a candidate | decision |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {rule.when} | {rule.decision} |" for rule in TABLE), ""])
