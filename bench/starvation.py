"""One namespace is full of flapping ModelDeployments; how long does another one wait?"""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from bench.api import Api, Json
from bench.bare import play, script
from bench.fleet import create, side_by_side, told
from bench.life import create_all, percentile, rest
from bench.operator import Operator, running
from bench.server import fresh_server, make_namespace

FLAPPING = 900
QUIET = 50
ROUNDS = 3
"""Quiet and noisy take turns, as a machine is not equally fast all the time."""
EVERY_SECONDS = 30.0
"""How often each one flaps: a readiness probe with the defaults of Kubernetes fails so late, after
three times with 10 seconds between."""
HURRY = 2.0
"""The same again with so many times as many flaps: more than the API server of a small machine
answers without delay, whoever asks."""

_NUMBERS = itertools.count()


async def starvation(flapping: int = FLAPPING, quiet: int = QUIET) -> Json:
    """Create ModelDeployments one after another in a quiet namespace, alone and beside a namespace
    whose pods become ready and unready all the time.

    A bare client with the same writes does so too, where the operator does not look: what it waits
    longer is the API server's and the machine's part.
    """
    async with (
        fresh_server() as (server, api),
        running(server, "--namespace=noisy", "--namespace=calm") as operator,
    ):
        for namespace in ("noisy", "calm", "bare"):
            await make_namespace(api, namespace)
        await create_all(api, "noisy", flapping)
        await _become_ready(api, "noisy")
        await rest(api)
        flaps = _flaps(await _paths(api, "noisy"))
        rate = flapping / EVERY_SECONDS
        usual = [await _turn(api, operator, flaps, rate, quiet) for _ in range(ROUNDS)]
        hurry = [await _turn(api, operator, flaps, HURRY * rate, quiet) for _ in range(ROUNDS)]
    return {"flapping": flapping, **_summary(usual), "hurry": _summary(hurry)}


def _summary(turns: list[Json]) -> Json:
    return {
        "turns": turns,
        **{what: statistics.median(turn[what] for turn in turns) for what in turns[0]},
    }


async def _turn(
    api: Api, operator: Operator, flaps: "Flaps", per_second: float, count: int
) -> Json:
    """Measure without the neighbour's flaps, and with them."""
    alone = await _both(api, count)
    before, cpu = await operator.metrics(), operator.cpu()
    async with _flapping(api, flaps, per_second) as so_far:
        start = time.monotonic()
        beside = await _both(api, count)
        seconds = time.monotonic() - start
        found = {
            "flapsPerSecond": so_far() / seconds,
            "passesPerSecond": ((await operator.metrics()).passes - before.passes) / seconds,
            "operatorCores": (operator.cpu() - cpu) / seconds,
        }
    await rest(api)
    return {
        **found,
        **{
            f"{who}{when}P50Ms": percentile(taken[who], 50)
            for when, taken in (("Alone", alone), ("Beside", beside))
            for who in taken
        },
        "ratio": percentile(beside["operator"], 50) / percentile(alone["operator"], 50),
        "bareRatio": percentile(beside["bare"], 50) / percentile(alone["bare"], 50),
    }


async def _both(api: Api, count: int) -> dict[str, list[float]]:
    """Let the operator and a bare client take turns; return the seconds of each."""
    taken: dict[str, list[float]] = {"operator": [], "bare": []}
    async with told(api, "calm") as statuses:
        for _ in range(count):
            name = f"m{next(_NUMBERS)}"
            start = time.monotonic()
            await create(api, "calm", [name])
            await statuses.all_at([name])
            taken["operator"].append(statuses.when[name, 1] - start)
            scripted = script("bare", name)
            start = time.monotonic()
            await play(api, "bare", [scripted], 1)
            taken["bare"].append(time.monotonic() - start)
    return taken


async def _become_ready(api: Api, namespace: str) -> None:
    """Let all pods be ready, so that all serve: flaps then change nothing but status."""
    paths = await _paths(api, namespace)
    await side_by_side(lambda path: api.patch(path, _status(2)), paths)


async def _paths(api: Api, namespace: str) -> list[str]:
    """Return the paths of the statuses of all Deployments."""
    collection = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    found = (await api.get(collection))["items"]
    return [f"{collection}/{one['metadata']['name']}/status" for one in found]


Flaps = Iterator[tuple[str, Json]]
"""Path and status of Deployments that were ready: they become unready and ready in turn."""


def _flaps(paths: list[str]) -> Flaps:
    for ready in itertools.cycle((0, 2)):
        for path in paths:
            yield path, _status(ready)


@asynccontextmanager
async def _flapping(api: Api, flaps: Flaps, per_second: float) -> AsyncIterator[Callable[[], int]]:
    """Let Deployments flap; tells how often so far."""
    count = 0

    async def flap() -> None:
        nonlocal count
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for path, status in flaps:
                group.create_task(_tell(api, path, status))
                count += 1
                await asyncio.sleep(max(0.0, start + count / per_second - time.monotonic()))

    async with asyncio.TaskGroup() as group:
        flapping = group.create_task(flap())
        yield lambda: count
        flapping.cancel()


async def _tell(api: Api, path: str, status: Json) -> None:
    with contextlib.suppress(RuntimeError):  # the next flap comes anyway
        await api.patch(path, status)


def _status(ready: int) -> Json:
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {"status": {"observedGeneration": 1, **dict.fromkeys(counts, ready), "replicas": 2}}
