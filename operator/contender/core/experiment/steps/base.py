"""What a kind of step is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from contender.api.v1alpha1.steps import Step


@dataclass(frozen=True)
class Wish:
    """What a step wants of the traffic."""

    weights: Mapping[str, int] = field(default_factory=lambda: {})
    """By candidate: percent of the requests that it answers."""
    shadows: Mapping[str, int] = field(default_factory=lambda: {})
    """By candidate: percent of the requests of which it gets copies."""
    shadow_others: bool = False
    """Whether every arm gets copies of what another one answers."""

    def load(self, candidate: str) -> float:
        """Return the share of all requests for which a candidate works, from 0 to 1."""
        if self.shadow_others:
            return 1.0
        return (self.weights.get(candidate, 0) + self.shadows.get(candidate, 0)) / 100


@dataclass(frozen=True)
class StepKind:
    """A kind of step: one of the fields of a step in spec."""

    field: str
    """Name of the field."""
    wish: Callable[[Step, Sequence[str]], Wish | None]
    """What it wants, of the candidates that are left; None: traffic stays as it is."""
    waits_for_person: bool = False
    """Whether it is over only when a person says so."""
