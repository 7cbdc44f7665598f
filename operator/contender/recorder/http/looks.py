"""`POST /v1/looks`: how Experiments stood at moments that their data decided."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from contender.recorder.http.errors import Refusal
from contender.recorder.http.statistics import MOST_EXPERIMENTS, Buckets
from contender.recorder.looks import seen_in
from contender.recorder.model import Look

MOST_LOOKS = 2000
"""Of one answer."""
LARGEST = 4 * 2**20
"""Bytes of an answer, about."""
_EACH = 2200
"""About how many bytes a mean takes as JSON."""

Json = dict[str, Any]


class LooksRequest(BaseModel):
    """Which looks."""

    experiments: Annotated[
        dict[str, Annotated[int, Field(ge=0, lt=2**63)]], Field(max_length=MOST_EXPERIMENTS)
    ]
    """By uid of the Experiment, the number of the last look that is known; 0: all are wanted."""


class SeenMean(BaseModel):
    """A mean over rows of one epoch."""

    epoch: str
    arm: str
    """An arm; of pairs, the challenger."""
    kind: str
    """`arm`: the mean of an arm. `pair`: the mean of the challenger's loss minus the incumbent's,
    row by row."""
    feedback: str
    """Name of the feedback."""
    loss: str
    """The loss; Value for rewards; Labelled: 1 for a row with a truth, 0 for one without."""
    segment: str = ""
    """Id of the segment: its name and a hash of its definition; empty: all rows."""
    n: int
    """Rows."""
    mean: float
    rowVariance: float  # noqa: N815 - as it is told
    """Squared standard error of the mean if all rows were independent; 0 of fewer than two."""
    bucketVariance: float | None  # noqa: N815 - as it is told
    """Squared standard error if only rows of different entities are, or of different requests where
    no entity is known; null: nobody can tell yet."""
    buckets: Buckets | None = None
    """n and sums by bucket; not of Labelled."""
    incumbent: float | None = None
    """Of pairs, the mean of the incumbent."""
    challenger: float | None = None
    """Of pairs, the mean of the challenger."""
    worse: int | None = None
    """Of pairs, in how many rows the challenger's loss was greater."""
    better: int | None = None
    """Of pairs, in how many rows it was smaller."""


class SeenPairs(BaseModel):
    """Requests that a challenger was to answer beside the incumbent, of one epoch."""

    epoch: str
    arm: str
    """The challenger."""
    counts: dict[str, int]
    """By name, without those that are 0."""


class SeenDrawn(BaseModel):
    """How many callers were drawn for an arm, in one epoch."""

    epoch: str
    arm: str
    share: int
    """Percent of the callers that the arm was to get."""
    callers: int
    """Different ones that asked; the first requests of the last ten seconds are not counted yet."""


class SeenLook(BaseModel):
    """How an Experiment stood at one moment."""

    experiment: str
    """Uid."""
    number: int
    """Of the Experiment, from 1 on."""
    namespace: str
    endpoint: str
    """Name of the ModelDeployment."""
    at: int
    """When the batch was stored that made it due, in seconds since 1970."""
    total: int
    """Rows and requests that were counted: it decides when the next look is taken."""
    judge: str
    """How answers were judged; only sums of this judge were looked at."""
    means: list[SeenMean]
    pairs: list[SeenPairs]
    drawn: list[SeenDrawn] = []
    """Where callers stay with an arm, how they were drawn; the oldest epoch first."""


class LooksPage(BaseModel):
    """Looks, by Experiment and number."""

    looks: list[SeenLook]
    more: bool
    """Whether there are further ones: ask again after these."""


async def wanted(request: web.Request) -> Mapping[str, int]:
    """Return after which look of which Experiment a request asks for more.

    Raises:
        Refusal: it is not understood.
    """
    try:
        return LooksRequest.model_validate_json(await request.read()).experiments
    except ValidationError as error:
        raise Refusal(400, "BadRequest", str(error.errors(include_url=False)[0]["msg"])) from error


def page(found: Iterable[Look], endpoints: Mapping[int, tuple[str, str]]) -> Json:
    """Return looks as they are told, as many as fit into one answer.

    Args:
        found: all that there are; no more are read than fit.
        endpoints: namespace and name, by number.
    """
    looks: list[Json] = []
    size = 0
    for one in found:
        if len(looks) >= MOST_LOOKS or size >= LARGEST:
            return {"looks": looks, "more": True}
        if told := _told(one, endpoints):
            looks.append(told)
            size += _EACH * (1 + len(told["means"]) + len(told["pairs"]))
    return {"looks": looks, "more": False}


def _told(look: Look, endpoints: Mapping[int, tuple[str, str]]) -> Json | None:
    """Return a look as it is told; None when the endpoint is not known any more."""
    names = endpoints.get(look.endpoint)
    if names is None:
        return None
    return {
        "experiment": look.experiment,
        "number": look.number,
        "namespace": names[0],
        "endpoint": names[1],
        "at": look.at,
        "total": look.total,
        **seen_in(look),
    }
