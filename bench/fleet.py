"""Many ModelDeployments: made, edited and watched as their users do it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from bench.api import Api, Json

T = TypeVar("T")

GROUP_VERSION = "contender.dev/v1alpha1"
AT_ONCE = 32
"""Requests side by side. More do not make a busy API server faster."""


def spec(version: str = "1", most: int = 3) -> Json:
    """Return a spec with everything that keeps a model serving: endpoint, pods, autoscaler and
    disruption budget."""
    return {
        "model": {
            "version": version,
            "image": f"registry.example/churn:{version}",
            "resources": {"requests": {"cpu": "100m"}},
        },
        "scaling": {
            "minReplicas": 2,
            "maxReplicas": most,
            "metrics": [{"type": "CPU", "target": 70}],
        },
    }


def names(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


def manifest(name: str, body: Json | None = None) -> Json:
    return {
        "apiVersion": GROUP_VERSION,
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": spec() if body is None else body,
    }


def collection(namespace: str) -> str:
    return f"/apis/{GROUP_VERSION}/namespaces/{namespace}/modeldeployments"


async def side_by_side(
    work: Callable[[T], Awaitable[object]], items: Iterable[T], at_once: int = AT_ONCE
) -> None:
    """Do something for all items, so many at a time."""
    line = iter(items)

    async def worker() -> None:
        for item in line:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())


async def create(api: Api, namespace: str, which: Iterable[str], body: Json | None = None) -> None:
    """Create ModelDeployments, all at once."""
    path = collection(namespace)
    await side_by_side(lambda name: api.create(path, manifest(name, body)), which)


async def edit(api: Api, namespace: str, which: Iterable[str], change: Json) -> None:
    """Apply a merge patch to the spec of ModelDeployments, all at once."""
    path = collection(namespace)
    await side_by_side(lambda name: api.patch(f"{path}/{name}", {"spec": change}), which)


class Told:
    """What the status of all ModelDeployments of a namespace tells, followed by a watch."""

    def __init__(self) -> None:
        self.current: dict[str, int] = {}
        """By name: the generation that status is about, and that spec has."""
        self.when: dict[tuple[str, int], float] = {}
        """By name and generation: when status was first about it, on the monotonic clock."""
        self._news = asyncio.Event()

    def take(self, live: Json) -> None:
        name, generation = live["metadata"]["name"], live["metadata"]["generation"]
        if (live.get("status") or {}).get("observedGeneration") == generation:
            self.current[name] = generation
            self.when.setdefault((name, generation), time.monotonic())
            self._news.set()
        else:
            self.current.pop(name, None)

    async def take_all(self, api: Api, path: str) -> Json:
        """List the collection; return the list."""
        listed = await api.get(path)
        for one in listed["items"]:
            self.take(one)
        return listed

    async def all_at(self, which: Iterable[str], generation: int = 1) -> None:
        """Wait until the status of all these is about this generation."""
        open_ones = set(which)
        while True:
            open_ones -= {name for name in open_ones if (name, generation) in self.when}
            if not open_ones:
                return
            self._news.clear()
            await self._news.wait()


@asynccontextmanager
async def told(api: Api, namespace: str) -> AsyncIterator[Told]:
    """Follow the status of a namespace's ModelDeployments."""
    path = collection(namespace)
    found = Told()
    listed = await found.take_all(api, path)

    async def follow() -> None:
        nonlocal listed
        while True:  # an API server that is busy may end a watch
            async for event in api.watch(path, listed["metadata"]["resourceVersion"]):
                if event["type"] == "ERROR":
                    break
                found.take(event["object"])
            listed = await found.take_all(api, path)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow())
        yield found
        following.cancel()
