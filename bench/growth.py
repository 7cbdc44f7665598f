"""How the cost grows with the number of ModelDeployments."""

from bench.api import Json
from bench.life import create_all, latency, rest
from bench.operator import running
from bench.server import fresh_server, make_namespace

SIZES = (100, 300, 1000, 3000)


async def growth(sizes: tuple[int, ...] = SIZES) -> Json:
    """Create fleets of growing size, each on a fresh API server, and edit some of each."""
    points = []
    for size in sizes:
        async with fresh_server() as (server, api), running(server) as operator:
            await make_namespace(api, "fleet")
            cpu = operator.cpu()
            await create_all(api, "fleet", size)
            cpu = operator.cpu() - cpu
            await rest(api)
            rss = operator.rss()
            single = await latency(api, "fleet", operator)
            points.append(
                {
                    "count": size,
                    "cpuSecondsToCreate": cpu,
                    "rssMb": rss,
                    "cpuMsPerEdit": single["cpuMsPerEdit"],
                    "p50Ms": single["p50Ms"],
                    "p99Ms": single["p99Ms"],
                }
            )
    return {"points": points}
