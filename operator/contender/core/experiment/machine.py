"""The state machine of an Experiment: one table, from which the documentation's diagram is made."""

from collections.abc import Collection
from enum import StrEnum


class Phase(StrEnum):
    """Where an Experiment stands."""

    PENDING = "Pending"
    """It waits for its turn, or for what it needs."""
    RUNNING = "Running"
    """One of its steps goes on."""
    PAUSED = "Paused"
    """It waits for a person; traffic stays as it is."""
    AWAITING_SPEC = "AwaitingSpec"
    """A candidate has won, and takes over as soon as the ModelDeployment's spec names it."""
    PROMOTED = "Promoted"
    """A candidate serves."""
    REJECTED = "Rejected"
    """No candidate is left."""
    INCONCLUSIVE = "Inconclusive"
    """Time is over without evidence; a person decides."""
    ABORTED = "Aborted"
    """A person ended it."""
    SUPERSEDED = "Superseded"
    """The incumbent has changed: what was seen is about another one."""
    FAILED = "Failed"
    """It could not run."""


class Trigger(StrEnum):
    """What moves an Experiment on."""

    ABORT = "abort"
    """Somebody ends it."""
    INCUMBENT_CHANGES = "the incumbent changes"
    """Another revision serves, and not because of this Experiment."""
    CANNOT_RUN = "cannot run"
    """What it needs can never be there as it is written."""
    ALL_REJECTED = "all candidates are rejected"
    """Each has breached a guardrail, missed an objective, or was never ready."""
    SPEC_FOLLOWS = "spec names the winner"
    """The ModelDeployment's spec has the winner's model."""
    WIN_AWAITS_SPEC = "a candidate wins, spec is followed"
    """By the end of all steps or by command, where promotion follows Spec."""
    WIN_SERVES = "a candidate wins, the winner is followed"
    """The same where promotion follows the Winner."""
    NO_VERDICT = "no verdict is possible"
    """The horizon has passed without evidence, comparisons do not hold, or all steps are done and
    no candidate has reached the objectives."""
    TIME_IS_OVER = "time is over without evidence"
    """A step's `atMost` has passed before what it waits for."""
    PAUSE = "pause"
    """`spec.paused`, a pause step, or the end of all steps where promotion is Manual."""
    RESUME = "resume"
    """The pause is over."""
    START = "start"
    """It is its turn, and the candidates are known."""
    RETRY = "retry"
    """Somebody lets it run again, from the beginning."""


FINAL = frozenset(
    {
        Phase.PROMOTED,
        Phase.REJECTED,
        Phase.ABORTED,
        Phase.SUPERSEDED,
        Phase.FAILED,
    }
)
"""Phases in which all traffic is the incumbent's, and nothing happens any more by itself."""

OPEN = frozenset({Phase.RUNNING, Phase.PAUSED, Phase.INCONCLUSIVE, Phase.AWAITING_SPEC})
"""Phases in which a candidate may come to serve."""

_UNDER_WAY = (Phase.RUNNING, Phase.PAUSED)
_OPEN = (*_UNDER_WAY, Phase.INCONCLUSIVE)

_MOVES: tuple[tuple[Trigger, tuple[Phase, ...], Phase], ...] = (
    (Trigger.START, (Phase.PENDING,), Phase.RUNNING),
    (Trigger.CANNOT_RUN, (Phase.PENDING,), Phase.FAILED),
    (Trigger.PAUSE, (Phase.RUNNING,), Phase.PAUSED),
    (Trigger.RESUME, (Phase.PAUSED,), Phase.RUNNING),
    (Trigger.NO_VERDICT, _UNDER_WAY, Phase.INCONCLUSIVE),
    (Trigger.TIME_IS_OVER, (Phase.RUNNING,), Phase.INCONCLUSIVE),
    (Trigger.ALL_REJECTED, _UNDER_WAY, Phase.REJECTED),
    (Trigger.WIN_SERVES, _OPEN, Phase.PROMOTED),
    (Trigger.WIN_AWAITS_SPEC, _OPEN, Phase.AWAITING_SPEC),
    (Trigger.SPEC_FOLLOWS, (Phase.AWAITING_SPEC,), Phase.PROMOTED),
    (
        Trigger.INCUMBENT_CHANGES,
        (*_OPEN, Phase.AWAITING_SPEC),
        Phase.SUPERSEDED,
    ),
    (Trigger.ABORT, (Phase.PENDING, *_OPEN, Phase.AWAITING_SPEC), Phase.ABORTED),
    (
        Trigger.RETRY,
        (Phase.REJECTED, Phase.INCONCLUSIVE, Phase.ABORTED, Phase.SUPERSEDED, Phase.FAILED),
        Phase.PENDING,
    ),
)

TABLE: dict[tuple[Phase, Trigger], Phase] = {
    (phase, trigger): to for trigger, phases, to in _MOVES for phase in phases
}
"""What follows; what is not here changes nothing."""


def following(phase: Phase, triggers: Collection[Trigger]) -> tuple[Phase, Trigger | None]:
    """Return the next phase and what led to it.

    Of several triggers the one that comes first in `Trigger` counts: an abort always wins, and
    what sends traffic back goes before what moves it on.
    """
    for trigger in Trigger:
        if trigger in triggers and (phase, trigger) in TABLE:
            return TABLE[phase, trigger], trigger
    return phase, None


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.PENDING}"]
    lines += [f"    {phase} --> {to}: {trigger}" for (phase, trigger), to in TABLE.items()]
    return "\n".join([*lines, ""])
