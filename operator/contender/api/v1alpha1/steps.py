"""Steps, guardrails and who takes part: what Experiments and rollouts have in common."""

from typing import Annotated, Literal

from pydantic import Field

from contender.api.v1alpha1.base import ApiModel, Name, duration, list_map, rule, rules

MOST_CANDIDATES = 5
MOST_STEPS = 20

Percent = Annotated[int, Field(ge=0, le=100)]
CandidateName = Annotated[
    str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=32)
]
Percents = Annotated[dict[str, Percent], Field(min_length=1, max_length=MOST_CANDIDATES)]
"""By candidate; other names are refused."""

_RESERVED = rule(
    "!self.lowerAscii().startsWith('x-contender-')",
    "headers that begin with x-contender- are the router's own: choose another one",
)
OwnHeaderName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9-]+$",
        min_length=1,
        max_length=128,
        json_schema_extra=rules(_RESERVED),
    ),
]


class HeaderMatch(ApiModel):
    """A request takes part when this header has this value."""

    name: OwnHeaderName
    """Name of the header, in capitals or small letters."""
    exact: Annotated[str, Field(min_length=1, max_length=256)]
    """Its value."""


class Match(ApiModel):
    """Which requests take part."""

    headers: Annotated[
        list[HeaderMatch],
        Field(min_length=1, max_length=8, json_schema_extra=list_map("name")),
    ]
    """All must match."""


class Cookie(ApiModel):
    """A cookie that the router gives to callers who have none."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=64)]
    """Name of the cookie."""
    ttl: Annotated[str, duration("1m", "8760h")] = "720h"
    """How long callers keep it, default 720h."""


class Stickiness(
    ApiModel,
    json_schema_extra=rules(
        rule("has(self.header) != has(self.cookie)", "set exactly one of header and cookie")
    ),
):
    """What makes a caller stay with an arm."""

    header: OwnHeaderName | None = None
    """A header that names the caller. Requests without it are assigned one by one."""
    cookie: Cookie | None = None
    """A cookie."""


class ShadowStep(ApiModel):
    """Candidates get copies of requests; their answers reach nobody."""

    percent: Percent = 100
    """Of how many percent of the requests each candidate gets a copy, default 100."""
    percents: Percents | None = None
    """The same for single candidates. Smaller samples lie inside of larger ones."""


class SplitStep(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "self.weights.map(name, self.weights[name]).sum() <= 100",
            "weights total more than 100: the incumbent answers the rest",
            field=".weights",
        )
    ),
):
    """Candidates answer a share of the callers."""

    weights: Percents
    """Percent by candidate; the incumbent answers the rest."""
    shadow_others: bool = False
    """Whether every arm scores each request: the one that is assigned answers, the others get
    copies."""


class PauseStep(ApiModel):
    """Waits for a person, who resumes it by the annotation `contender.dev/resume`, promotes or
    aborts. Traffic stays as it is."""

    message: Annotated[str, Field(max_length=256)] = ""
    """What is to be looked at."""


class Until(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.atLeast) || has(self.requests) || (has(self.verdict) && self.verdict)",
            "say when the step is over: atLeast, requests, verdict, or several of them",
        ),
        rule(
            "!has(self.verdict) || !self.verdict || has(self.atMost)",
            "evidence may never come: say atMost, after which the experiment is Inconclusive",
            field=".atMost",
        ),
        rule(
            "!has(self.atLeast) || !has(self.atMost)"
            " || duration(self.atLeast) <= duration(self.atMost)",
            "atLeast is longer than atMost",
        ),
    ),
):
    """When a step is over: as soon as all of this is so."""

    at_least: Annotated[str, duration("10s", "8760h")] | None = None
    """So much time has passed."""
    requests: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Each candidate that is left has answered so many requests, or copies."""
    verdict: bool = False
    """The objectives are decided: one candidate has reached all of them."""
    at_most: Annotated[str, duration("10s", "8760h")] | None = None
    """When this time is over before, the experiment is Inconclusive: its traffic goes back, and a
    person decides."""


class Step(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "[has(self.shadow), has(self.split), has(self.pause)].filter(one, one).size() == 1",
            "set exactly one of shadow, split and pause",
        ),
        rule(
            "has(self.pause) != has(self.until)",
            "a shadow or a split needs until, which says when it is over; a pause has none",
        ),
    ),
):
    """One step."""

    name: Name
    """Its name."""
    shadow: ShadowStep | None = None
    """Candidates get copies."""
    split: SplitStep | None = None
    """Candidates answer callers."""
    pause: PauseStep | None = None
    """A person decides."""
    until: Until | None = None
    """When it is over."""


THRESHOLDS_MS = (
    *(1, 2, 5, 10, 20, 25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750),
    *(1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10000, 15000, 20000, 30000, 60000),
)
"""Bounds of the router's histogram: how many answers were slower than one of them is exact."""

_THRESHOLDS = [f"{one // 1000}s" if one % 1000 == 0 else f"{one}ms" for one in THRESHOLDS_MS]


class Guardrail(
    ApiModel,
    json_schema_extra=rules(
        rule(
            "has(self.maxRatio) || has(self.max)",
            "say what is too much: maxRatio beside the incumbent, max, or both",
        ),
        rule(
            "has(self.threshold) == (self.metric == 'LatencyAbove')",
            "LatencyAbove needs a threshold, and no other metric has one",
            field=".threshold",
        ),
    ),
):
    """What a candidate must not do. One that does loses its traffic at once, and is rejected."""

    name: Name
    """Its name."""
    metric: Literal["ErrorRate", "LatencyAbove"]
    """ErrorRate is the share of answers with a 5xx status, without an answer, or too late.
    LatencyAbove is the share of answers for which the model took longer than the threshold."""
    threshold: Annotated[str, Field(json_schema_extra={"enum": _THRESHOLDS})] | None = None
    """Time of the model, without the caller's download."""
    max_ratio: Annotated[float, Field(ge=1.0, le=100.0)] | None = None
    """How many times the incumbent's share is allowed."""
    max: Annotated[float, Field(ge=0.0001, le=0.9999)] | None = None
    """The largest share that is allowed, from 0.0001 to 0.9999."""
