"""One namespace is full of flapping ModelDeployments; how long does another one wait?"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from bench.api import Api, Json
from bench.fleet import create, names, side_by_side, told
from bench.life import create_all, percentile, rest
from bench.operator import running
from bench.server import fresh_server, make_namespace

FLAPPING = 900
QUIET = 50
FLAPS_PER_SECOND = 60.0
"""Each of 900 flaps every 15 seconds."""


async def starvation(flapping: int = FLAPPING, quiet: int = QUIET) -> Json:
    """Create ModelDeployments one after another in a quiet namespace, alone and beside a namespace
    whose pods become ready and unready all the time."""
    async with fresh_server() as (server, api), running(server) as operator:
        for namespace in ("noisy", "calm", "calm-beside"):
            await make_namespace(api, namespace)
        await create_all(api, "noisy", flapping)
        await _become_ready(api, "noisy")
        await rest(api)
        alone = await _one_by_one(api, "calm", quiet)
        before = await operator.metrics()
        async with _flapping(api, "noisy") as flaps:
            start = time.monotonic()
            beside = await _one_by_one(api, "calm-beside", quiet)
            per_second = flaps() / (time.monotonic() - start)
        passes = (await operator.metrics()).passes - before.passes
    return {
        "flapping": flapping,
        "flapsPerSecond": per_second,
        "passesMeanwhile": passes,
        "aloneP50Ms": percentile(alone, 50),
        "besideP50Ms": percentile(beside, 50),
        "ratio": percentile(beside, 50) / percentile(alone, 50),
    }


async def _one_by_one(api: Api, namespace: str, count: int) -> list[float]:
    taken = []
    async with told(api, namespace) as statuses:
        for name in names(count):
            start = time.monotonic()
            await create(api, namespace, [name])
            await statuses.all_at([name])
            taken.append(statuses.when[name, 1] - start)
    return taken


async def _become_ready(api: Api, namespace: str) -> None:
    """Let all pods be ready, so that all serve: flaps then change nothing but status."""
    path = _deployments(namespace)
    found = [one["metadata"]["name"] for one in (await api.get(path))["items"]]
    await side_by_side(lambda name: api.patch(f"{path}/{name}/status", _status(2)), found)


def _deployments(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


@asynccontextmanager
async def _flapping(api: Api, namespace: str) -> AsyncIterator[Callable[[], int]]:
    """Let the pods of all Deployments become ready and unready in turn; tells how often so far."""
    path = _deployments(namespace)
    deployments = [one["metadata"]["name"] for one in (await api.get(path))["items"]]
    count = 0

    async def flap() -> None:
        nonlocal count
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for ready, name in _turns(deployments):
                group.create_task(_tell(api, f"{path}/{name}/status", ready))
                count += 1
                await asyncio.sleep(max(0.0, start + count / FLAPS_PER_SECOND - time.monotonic()))

    async with asyncio.TaskGroup() as group:
        flapping = group.create_task(flap())
        yield lambda: count
        flapping.cancel()


async def _tell(api: Api, path: str, ready: int) -> None:
    with contextlib.suppress(RuntimeError):  # the next flap comes anyway
        await api.patch(path, _status(ready))


def _turns(names: list[str]) -> Iterator[tuple[int, str]]:
    for ready in itertools.cycle((0, 2)):
        for name in names:
            yield ready, name


def _status(ready: int) -> Json:
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {"status": {"observedGeneration": 1, **dict.fromkeys(counts, ready), "replicas": 2}}
