"""Guardrails: whether a candidate does what it must not, and how to say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from contender.api.v1alpha1.steps import Guardrail
from contender.stats.guardrail import Harm, log_evidence, log_evidence_of_ratio

ALPHA = 0.05
"""How often at most an experiment rejects any candidate that does no more harm than it may, however
long it runs. Shared evenly by all guardrails and candidates (Bonferroni)."""


@dataclass(frozen=True)
class Epoch:
    """What was counted of a candidate and the incumbent while nothing about the traffic changed."""

    harmed: int
    """Requests with harm by the candidate."""
    total: int
    """Requests of the candidate."""
    incumbent_harmed: int
    """Requests with harm by the incumbent."""
    incumbent_total: int
    """Requests of the incumbent."""
    exposure: float
    """Requests of the candidate for each one of the incumbent, as the router was told."""


@dataclass(frozen=True)
class Finding:
    """What a guardrail says of a candidate."""

    guardrail: str
    breached: bool
    evidence: float
    """ln E of the test that is nearest to a breach."""
    needed: float
    """ln E from which on it is one."""
    message: str


def judge(guardrail: Guardrail, epochs: Sequence[Epoch], tests: int) -> Finding:
    """Return what a guardrail says of a candidate.

    Args:
        guardrail: what is allowed.
        epochs: what was counted, each epoch by itself; empty when nothing was yet.
        tests: how many guardrails times candidates the experiment has in all.
    """
    bounds = [one for one in (guardrail.max_ratio, guardrail.max) if one is not None]
    needed = log(tests * len(bounds) / ALPHA)
    evidence = max(_evidence(guardrail, epochs))
    breached = evidence >= needed
    return Finding(
        guardrail=guardrail.name,
        breached=breached,
        evidence=evidence,
        needed=needed,
        message=f"{_counts(guardrail, epochs)}: {'breached' if breached else _state(epochs)}",
    )


def _evidence(guardrail: Guardrail, epochs: Sequence[Epoch]) -> list[float]:
    found = []
    if guardrail.max_ratio is not None:
        harm = [Harm(one.harmed, one.incumbent_harmed, one.exposure) for one in epochs]
        found.append(log_evidence_of_ratio(harm, guardrail.max_ratio))
    if guardrail.max is not None:
        # The bound is the same in all epochs, so that their counts add up.
        harmed, total = sum(one.harmed for one in epochs), sum(one.total for one in epochs)
        found.append(log_evidence(harmed, total, guardrail.max))
    return found


def _counts(guardrail: Guardrail, epochs: Sequence[Epoch]) -> str:
    harmed, total = sum(one.harmed for one in epochs), sum(one.total for one in epochs)
    theirs = sum(one.incumbent_harmed for one in epochs)
    of = sum(one.incumbent_total for one in epochs)
    what = (
        "answered with errors"
        if guardrail.metric == "ErrorRate"
        else f"took longer than {guardrail.threshold}"
    )
    allowed = [
        f"{guardrail.max_ratio:g} x the incumbent's" if guardrail.max_ratio is not None else "",
        f"{guardrail.max:.2%}" if guardrail.max is not None else "",
    ]
    return (
        f"{harmed} of {total} requests{_share(harmed, total)} {what}, the incumbent's {theirs} of"
        f" {of}{_share(theirs, of)}; allowed {' and '.join(filter(None, allowed))}"
    )


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.2%})" if whole else ""


def _state(epochs: Sequence[Epoch]) -> str:
    return "kept so far" if any(one.total for one in epochs) else "nothing was counted yet"
