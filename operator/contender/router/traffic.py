"""Traffic: who is asked for what. The form between an experiment and Envoy's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

INCUMBENT = "incumbent"
"""Name of the arm of the revision that serves."""
LARGEST_MIRRORED_BODY = 256 * 1024
"""Bytes. A mirrored request is kept until the challenger has read it; what is longer is not
mirrored, so that a challenger that does not read cannot stall a caller's upload."""
COPIES_IN_FLIGHT = 1024
"""By Little's law enough for 34 requests a second of a challenger that takes all of 30 seconds, or
for thousands of one that answers at once. Each waits in the router's memory, with its body."""


@dataclass(frozen=True)
class Arm:
    """A revision that answers callers, copies, or both."""

    name: str
    """Name within the experiment."""
    revision: str
    """Name of the headless Service of its pods."""
    version: str
    """Version of its model, told in the header `x-contender-version`."""
    port: int
    """Port of its pods: a headless Service translates none."""
    h2c: bool = False
    """Whether it speaks HTTP/2 without TLS; HTTP/1.1 otherwise."""


@dataclass(frozen=True)
class HeaderMatch:
    """A request takes part when this header has this value."""

    name: str
    exact: str


@dataclass(frozen=True)
class StickyHeader:
    """Requests with the same value of this header go to the same arm."""

    name: str


@dataclass(frozen=True)
class StickyCookie:
    """Requests with the same value of this cookie go to the same arm; who has none gets one."""

    name: str
    ttl_seconds: int


@dataclass(frozen=True)
class Trial:
    """The part of an experiment that the router carries out: one step."""

    candidates: tuple[Arm, ...]
    """Those that take part."""
    experiment: str = ""
    """Uid of the Experiment."""
    order: tuple[str, ...] = ()
    """Names of all candidates of the experiment, also of those that take part no more: it decides
    which keys move when a weight changes. Empty: that of `candidates`."""
    weights: Mapping[str, int] = field(default_factory=lambda: {})
    """By candidate: percent of the requests that it answers; the incumbent answers the rest."""
    shadows: Mapping[str, int] = field(default_factory=lambda: {})
    """By candidate: percent of the requests of which it gets a copy. Smaller samples lie inside of
    larger ones."""
    shadow_others: bool = False
    """Whether every arm gets copies of the requests that another one answers."""
    match: tuple[HeaderMatch, ...] = ()
    """Which requests take part; all must match. The others go to the incumbent."""
    stickiness: StickyHeader | StickyCookie | None = None
    salt: str = ""
    """Makes the choice of arms independent of that of other experiments."""
    shadow_timeout_seconds: int = 30
    """How long a challenger may take to answer a copy."""
    copies_in_flight: int = COPIES_IN_FLIGHT
    """Bound for each challenger; what is above is not sent, and counted as missing. A cluster whose
    bound changes is made anew, which costs the copies that are under way: so it never does."""


@dataclass(frozen=True)
class Capture:
    """What callers ask and what arms answer is sent to a recorder. Nobody waits for it."""

    recorder: str
    """DNS name of the recorder's Service, such as `contender-recorder.contender-system.svc`."""
    percent: int = 100
    """Percent of the requests that are captured; of each of them all answers are."""
    max_body_bytes: int = 65536
    """What is longer is sent up to here, and marked."""


@dataclass(frozen=True)
class Traffic:
    """Where the requests to one endpoint go.

    Raises:
        ValueError: percents out of bounds, or of nobody; two arms of one name.
    """

    endpoint: str
    """Name of the endpoint Service."""
    namespace: str
    incumbent: Arm
    trial: Trial | None = None
    token: str = ""
    """What only those know who may drain a router; empty: nobody may."""
    capture: Capture | None = None

    def __post_init__(self) -> None:
        if self.capture and not 1 <= self.capture.percent <= 100:
            raise ValueError("capture takes 1 to 100 percent")
        if self.trial is None:
            return
        names = [arm.name for arm in self.arms]
        if len({*names}) < len(names):
            raise ValueError(f"arms of the same name: {', '.join(names)}")
        weights, shadows = self.trial.weights, self.trial.shadows
        if strangers := ({*weights, *shadows} - {*names[1:]}):
            raise ValueError(f"no candidates: {', '.join(sorted(strangers))}")
        if any(not 0 <= percent <= 100 for percent in (*weights.values(), *shadows.values())):
            raise ValueError("a percent is from 0 to 100")
        if sum(weights.values()) > 100:
            raise ValueError("weights total more than 100")

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All that answer callers or copies, the incumbent first."""
        return (self.incumbent, *(self.trial.candidates if self.trial else ()))

    @property
    def mirrors(self) -> Mapping[str, Mapping[str, int]]:
        """By arm that answers: who else gets copies, and of how many percent of its requests."""
        if self.trial is None:
            return {}
        if self.trial.shadow_others:
            names = [arm.name for arm in self.arms]
            return {one: {other: 100 for other in names if other != one} for one in names}
        copies = {name: percent for name, percent in self.trial.shadows.items() if percent}
        return {self.incumbent.name: copies} if copies else {}

    @property
    def scorers(self) -> tuple[Arm, ...]:
        """All that get copies."""
        copied = {name for copies in self.mirrors.values() for name in copies}
        return tuple(arm for arm in self.arms if arm.name in copied)
