"""What the operator reads: sums of experiments, and how capture goes on."""

from array import array
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from contender.recorder.http.errors import Refusal
from contender.recorder.joining.sums import ARM, BUCKETS, PAIR, PAIR_COUNTS
from contender.recorder.model import StatisticKey

MOST_EXPERIMENTS = 10_000


class StatisticsRequest(BaseModel):
    """Which sums."""

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Those that changed since an answer with this cursor; 0: all."""
    experiments: Annotated[list[str], Field(max_length=MOST_EXPERIMENTS)]
    """Uids of Experiments."""


class Buckets(BaseModel):
    """Sums by bucket: rows of the same entity are in the same one."""

    n: list[float]
    sum: list[float]
    """Of an arm the loss, of pairs the challenger's loss minus the incumbent's."""


class Sums(BaseModel):
    """Sufficient statistics of one kind."""

    namespace: str
    endpoint: str
    """Name of the ModelDeployment."""
    experiment: str
    """Uid."""
    epoch: str
    """A stretch with constant weights."""
    arm: str
    """An arm; of pairs, the challenger."""
    kind: str
    """`arm`: losses or rewards of an arm. `pair`: losses of incumbent and challenger for the same
    rows. `pairs`: how many requests both answered, and why not."""
    feedback: str
    """Name of the feedback; empty for `pairs`."""
    loss: str
    """The loss; Value for rewards; Labelled: 1 for a row with a truth, 0 for one without; empty for
    `pairs`."""
    segment: str
    """Id of the segment: its name and a hash of its definition; empty: all rows."""
    judge: str
    """How answers were judged (spec.rows and spec.feedback at that time); empty for `pairs`."""
    numbers: dict[str, float]
    """By name."""
    buckets: Buckets | None = None
    """Not for `pairs`."""


class StatisticsPage(BaseModel):
    """Sums that changed."""

    cursor: int
    """For `after` of the next request."""
    sums: list[Sums]


class EndpointReport(BaseModel):
    """How the capture of one endpoint goes on."""

    namespace: str
    name: str
    uid: str
    last_received: float | None
    """When its routers sent something last, in seconds since 1970; null: not since the recorder
    started."""
    bytes: int
    """About how much its predictions take."""
    counters: dict[str, int]
    """Since it was first seen: received, stored, dropped, duplicates, lost, broken and so on."""


class EndpointsPage(BaseModel):
    """All endpoints that capture."""

    started: float
    """When the recorder started, in seconds since 1970."""
    trouble: str
    """Why the store takes nothing; empty: it does."""
    endpoints: list[EndpointReport]


def sums_of(
    key: StatisticKey, data: bytes, endpoints: dict[int, tuple[str, str]]
) -> dict[str, Any] | None:
    """Return sums as they are told; None when the endpoint is not known any more."""
    names = endpoints.get(key.endpoint)
    if names is None:
        return None
    numbers = array("d", data)
    told: dict[str, Any] = {
        "namespace": names[0],
        "endpoint": names[1],
        **{field: getattr(key, field) for field in StatisticKey._fields[1:]},
    }
    if key.kind == "pairs":
        return {**told, "numbers": dict(zip(PAIR_COUNTS, numbers, strict=False))}
    first = ARM if key.kind == "arm" else PAIR
    start = len(first)
    return {
        **told,
        "numbers": dict(zip(first, numbers[:start], strict=True)),
        "buckets": {
            "n": numbers[start : start + BUCKETS].tolist(),
            "sum": numbers[start + BUCKETS : start + 2 * BUCKETS].tolist(),
        },
    }


async def wanted(request: web.Request) -> StatisticsRequest:
    """Return what a request asks for.

    Raises:
        Refusal: it is not understood.
    """
    try:
        return StatisticsRequest.model_validate_json(await request.read())
    except ValidationError as error:
        raise Refusal(400, "BadRequest", str(error.errors(include_url=False)[0]["msg"])) from error


def page(
    found: list[tuple[StatisticKey, bytes, int]],
    after: int,
    endpoints: dict[int, tuple[str, str]],
) -> dict[str, Any]:
    """Return these sums as they are told."""
    told = [sums_of(key, data, endpoints) for key, data, _ in found]
    cursor = max((changed for _, _, changed in found), default=after)
    return {"cursor": cursor, "sums": [one for one in told if one is not None]}
