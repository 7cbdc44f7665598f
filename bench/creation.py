"""1,000 ModelDeployments are created at once."""

import time
from collections import Counter

from bench.api import Api, Json
from bench.bare import play, script
from bench.fleet import create, told
from bench.operator import running
from bench.server import fresh_server, make_namespace, writes

CONCURRENCIES = (8, 16, 32, 64)
"""The bare client is timed with each of these; its best counts."""


async def creation(count: int) -> Json:
    """Time the operator, then the bare client, on the same API server."""
    async with fresh_server() as (server, api):
        async with running(server) as operator:
            await _ours(api, "warm-up", 100)
            before, cpu = await writes(api), operator.cpu()
            seconds = await _ours(api, "ours", count)
            cpu, rss = operator.cpu() - cpu, operator.rss()
            made = await writes(api) - before
        bare = {
            at_once: await _bare(api, f"bare-{at_once}", count, at_once)
            for at_once in CONCURRENCIES
        }
    best = min(bare.values())
    return {
        "count": count,
        "operator seconds": seconds,
        "bare seconds": bare,
        "ratio": seconds / best,
        "operator CPU seconds": cpu,
        "writes": dict(made),
        "operator RSS MB": rss,
    }


async def _bare(api: Api, namespace: str, count: int, at_once: int) -> float:
    await make_namespace(api, namespace)
    scripts = [script(namespace, f"m{number}") for number in range(count)]
    start = time.monotonic()
    await play(api, namespace, scripts, at_once)
    return time.monotonic() - start


async def _ours(api: Api, namespace: str, count: int) -> float:
    await make_namespace(api, namespace)
    names = [f"m{number}" for number in range(count)]
    async with told(api, namespace) as statuses:
        start = time.monotonic()
        await create(api, namespace, names)
        await statuses.all_at(names)
        return time.monotonic() - start
