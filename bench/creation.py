"""1,000 ModelDeployments are created at once: until all children and statuses are written."""

import time
from collections import Counter

from bench.api import Api, Json
from bench.bare import play, script
from bench.fleet import create, names, told
from bench.operator import running
from bench.server import fresh_server, make_namespace, writes

CONCURRENCIES = (8, 16, 32, 64)
"""The bare client is timed with each of these; its best counts."""
WARM_UP = 100


async def creation(count: int) -> Json:
    """Time the operator and the bare client with the same writes on the same API server."""
    async with fresh_server() as (server, api):
        await _bare(api, "warm-up", WARM_UP, CONCURRENCIES[0])
        bare = [await _bare(api, "bare-0", count, CONCURRENCIES[0])]
        async with running(server, "--namespace=ours") as operator:
            await make_namespace(api, "ours")
            before, cpu = await writes(api), operator.cpu()
            seconds = await _ours(api, "ours", count)
            made, cpu = await writes(api) - before, operator.cpu() - cpu
        for number, at_once in enumerate(CONCURRENCIES[1:], 1):
            bare.append(await _bare(api, f"bare-{number}", count, at_once))
    return {
        "count": count,
        "operatorSeconds": seconds,
        "bareSeconds": dict(zip(map(str, CONCURRENCIES), bare, strict=True)),
        "ratio": seconds / min(bare),
        "operatorCpuSeconds": cpu,
        "writes": _without_users(made),
        "bareWritesPerSecond": (len(script("n", "m").children) + 2) * count / min(bare),
    }


async def _bare(api: Api, namespace: str, count: int, at_once: int) -> float:
    await make_namespace(api, namespace)
    scripts = [script(namespace, name) for name in names(count)]
    start = time.monotonic()
    await play(api, namespace, scripts, at_once)
    return time.monotonic() - start


async def _ours(api: Api, namespace: str, count: int) -> float:
    async with told(api, namespace) as statuses:
        start = time.monotonic()
        await create(api, namespace, names(count))
        await statuses.all_at(names(count))
        return time.monotonic() - start


def _without_users(made: Counter[str]) -> dict[str, int]:
    """Leave out what the operator did not write: the owners, and the addresses of Services, which
    the API server counts as writes of its own."""
    made["create services"] -= made.pop("create ipaddresses", 0)
    for aside in ("create modeldeployments", "patch modeldeployments"):
        made.pop(aside, None)
    return dict(sorted(made.items()))
