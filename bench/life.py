"""What a fleet of ModelDeployments costs while it lives: edits, rest, restart, memory."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from bench.api import Api, Json
from bench.fleet import collection, create, edit, names, told
from bench.operator import Operator, running
from bench.server import fresh_server, make_namespace, writes
from contender.kube.informer import RELIST_SECONDS

CHANGE = {"scaling": {"maxReplicas": 4}}
"""Concerns one child: the autoscaler."""
REST_SECONDS = 1.1 * RELIST_SECONDS + 30
"""Long enough for everything to be listed anew meanwhile."""
QUIET_SECONDS = 2.0
"""When nothing was written for so long, the operator rests."""
SINGLES = 200
"""Edits one after another, to see how long one takes."""


async def life(count: int, rest_seconds: float = REST_SECONDS) -> Json:
    """Let a fleet live: created, edited, at rest, restarted."""
    async with fresh_server() as (server, api):
        await make_namespace(api, "fleet")
        async with running(server) as operator:
            empty = operator.rss()
            await create_all(api, "fleet", count)
            await rest(api)
            full = operator.rss()
            found = {
                "count": count,
                "rssEmptyMb": empty,
                "rssMb": full,
                "rssPerDeploymentKb": (full - empty) / count * 1000,
                "latency": await latency(api, "fleet", operator),
                "edits": await _edits(api, count),
                "rest": await _rest(api, operator, rest_seconds),
                "rssAfterLifeMb": operator.rss(),
            }
        async with running(server, wait=False) as operator:
            found["restart"] = await _restart(api, operator)
            found["rssAfterRestartMb"] = operator.rss()
    return found


async def create_all(api: Api, namespace: str, count: int) -> None:
    async with told(api, namespace) as statuses:
        await create(api, namespace, names(count))
        await statuses.all_at(names(count))


async def rest(api: Api) -> None:
    """Wait until nothing is written any more, Events included."""
    before = None
    while (now := await writes(api)) != before:
        before = now
        await asyncio.sleep(QUIET_SECONDS)


async def latency(api: Api, namespace: str, operator: Operator, edits: int = SINGLES) -> Json:
    """Edit one after another, and time from the API server's answer to the status that tells of it.

    The phases are the operator's own count of what each pass costs.
    """
    taken = []
    path = collection(namespace)
    before, cpu = await operator.metrics(), operator.cpu()
    async with told(api, namespace) as statuses:
        for number in range(edits):
            name = f"m{number % len(statuses.current)}"
            most = 5 + number % 7
            change = {"spec": {"scaling": {"maxReplicas": most}}}
            live = await api.patch(f"{path}/{name}", change)
            start, generation = time.monotonic(), live["metadata"]["generation"]
            await statuses.all_at([name], generation)
            taken.append(max(0.0, statuses.when[name, generation] - start))
    after = await operator.metrics()
    passes = after.passes - before.passes
    return {
        "edits": edits,
        "p50Ms": percentile(taken, 50),
        "p99Ms": percentile(taken, 99),
        "passes": passes,
        "phasesMs": {
            phase: (after.phases()[phase] - seconds) / passes * 1000
            for phase, seconds in before.phases().items()
        },
        "cpuMsPerEdit": (operator.cpu() - cpu) / edits * 1000,
    }


def percentile(seconds: Sequence[float], which: int) -> float:
    """Return a percentile in milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[which - 1] * 1000


async def _edits(api: Api, count: int) -> Json:
    """Edit all at once."""
    live = await api.get(collection("fleet"))
    following = {
        one["metadata"]["name"]: one["metadata"]["generation"] + 1 for one in live["items"]
    }
    before = await writes(api)
    async with told(api, "fleet") as statuses:
        start = time.monotonic()
        await edit(api, "fleet", names(count), CHANGE)
        for name, generation in following.items():
            await statuses.all_at([name], generation)
        seconds = time.monotonic() - start
    await rest(api)
    made = await writes(api) - before
    made.pop("patch modeldeployments")  # the edits themselves
    return {"seconds": seconds, "writes": dict(made)}


async def _rest(api: Api, operator: Operator, seconds: float) -> Json:
    """Do nothing."""
    before, cpu = await writes(api), operator.cpu()
    await asyncio.sleep(seconds)
    return {
        "seconds": seconds,
        "writes": sum((await writes(api) - before).values()),
        "cpuPercentOfOneCore": (operator.cpu() - cpu) / seconds * 100,
    }


async def _restart(api: Api, operator: Operator) -> Json:
    """Edit at once when the process starts; time until status tells of it."""
    before = await writes(api)
    change = {"spec": {"scaling": {"maxReplicas": 99}}}
    async with told(api, "fleet") as statuses:
        live = await api.patch(f"{collection('fleet')}/m0", change)
        await statuses.all_at(["m0"], live["metadata"]["generation"])
        first = time.monotonic() - operator.started
        await operator.ready()
        while (await operator.metrics()).passes < len(statuses.current):
            await asyncio.sleep(0.1)
        all_seen = time.monotonic() - operator.started
    await rest(api)
    made = await writes(api) - before
    made -= {"patch modeldeployments": 1, "update horizontalpodautoscalers": 1}
    made -= {"patch modeldeployments/status": 1}
    return {
        "firstChangeSeconds": first,
        "allSeenSeconds": all_seen,
        "otherWrites": dict(made),
        "cpuSeconds": operator.cpu(),
    }
