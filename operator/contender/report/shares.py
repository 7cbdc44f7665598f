"""Shares: for how much of the traffic an arm worked, answers to callers and copies apart."""

from dataclasses import dataclass

from contender.api.v1alpha1 import ExperimentSpec
from contender.api.v1alpha1.experiment_status import Epoch
from contender.core.experiment.steps import wish_at
from contender.router.traffic import INCUMBENT


@dataclass(frozen=True)
class Share:
    """For how much an arm worked, in percent of the requests that take part."""

    answers: int
    """What it answered callers."""
    copies: int
    """Of what it got copies."""

    def __str__(self) -> str:
        parts = [(self.answers, "answered"), (self.copies, "copied to it")]
        return ", ".join(f"{part} % {what}" for part, what in parts if part) or "nothing"


def shares(spec: ExperimentSpec, epoch: Epoch) -> dict[str, Share]:
    """Return for how much each arm worked while nothing about the traffic changed."""
    number = next((at for at, one in enumerate(spec.steps) if one.name == epoch.step), None)
    left = [one for one in epoch.shares if one != INCUMBENT]
    wish = None if number is None else wish_at(spec.steps, number, left)
    weights = {one: wish.weights.get(one, 0) for one in left} if wish else {}
    answers = {INCUMBENT: 100 - sum(weights.values()), **weights}
    return {
        name: Share(min(part, answers.get(name, part)), max(0, part - answers.get(name, part)))
        for name, part in epoch.shares.items()
    }


def copies(spec: ExperimentSpec, epochs: list[Epoch]) -> bool:
    """Return whether any arm got copies, so that several have answered the same rows."""
    return any(one.copies for epoch in epochs for one in shares(spec, epoch).values())
