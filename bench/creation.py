"""1,000 ModelDeployments are created at once: until all children and statuses are written."""

import itertools
import statistics
import time
from collections import Counter

from bench.api import Api, Json
from bench.bare import play, script
from bench.fleet import create, names, told
from bench.operator import running
from bench.server import fresh_server, make_namespace, writes
from dev.cluster.apiserver import ApiServer

CONCURRENCIES = (8, 16, 32)
"""The bare client tries these, and goes on with its best."""
TRIAL = 200
ROUNDS = 3
"""The two take turns, as a machine is not equally fast all the time."""


async def creation(count: int) -> Json:
    """Time the operator and the bare client with the same writes on the same API server, in turns.

    Each run of the operator is compared with the mean of the bare runs before and after it.
    """
    async with fresh_server() as (server, api):
        await _bare(api, "warm-up", TRIAL, CONCURRENCIES[0])
        trials = {one: await _bare(api, f"trial-{one}", TRIAL, one) for one in CONCURRENCIES}
        at_once = min(trials, key=lambda one: trials[one])
        bare, ours = [await _bare(api, "bare", count, at_once)], []
        for number in range(ROUNDS):
            ours.append(await _ours(server, api, f"ours-{number}", count))
            bare.append(await _bare(api, f"bare-{number}", count, at_once))
    ratios = [
        run["seconds"] / statistics.mean(pair)
        for run, pair in zip(ours, itertools.pairwise(bare), strict=True)
    ]
    return {
        "count": count,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "operator": ours,
        "bareSeconds": bare,
        "bareAtOnce": at_once,
        "bareWritesPerSecond": (len(script("n", "m").children) + 2) * count / min(bare),
    }


async def _ours(server: ApiServer, api: Api, namespace: str, count: int) -> Json:
    """Time an operator that sees this namespace only, and not what the bare client made."""
    await make_namespace(api, namespace)
    async with running(server, f"--namespace={namespace}") as operator:
        before, cpu = await writes(api), operator.cpu()
        async with told(api, namespace) as statuses:
            start = time.monotonic()
            await create(api, namespace, names(count))
            await statuses.all_at(names(count))
            seconds = time.monotonic() - start
        made = _without_users(await writes(api) - before)
        return {"seconds": seconds, "cpuSeconds": operator.cpu() - cpu, "writes": made}


async def _bare(api: Api, namespace: str, count: int, at_once: int) -> float:
    await make_namespace(api, namespace)
    scripts = [script(namespace, name) for name in names(count)]
    start = time.monotonic()
    await play(api, namespace, scripts, at_once)
    return time.monotonic() - start


def _without_users(made: Counter[str]) -> dict[str, int]:
    """Leave out what the operator did not write: the owners, and the addresses of Services, which
    the API server counts as writes of its own."""
    made["create services"] -= made.pop("create ipaddresses", 0)
    for aside in ("create modeldeployments", "patch modeldeployments"):
        made.pop(aside, None)
    return dict(sorted(made.items()))
