"""What the router costs a caller: a request through it, beside one through a plain Envoy."""

import asyncio
import statistics
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.api import Json
from bench.asking import answering, ask
from bench.envoy import Envoy
from bench.life import percentile
from contender.router.traffic import Arm, Traffic, Trial

ROUNDS = 7
"""The two take turns, as a machine is not equally fast all the time."""
BODY = b'{"instances": [[' + b"1.25, " * 80 + b"0]]}"
"""About 512 bytes."""
PREDICTION = b'{"predictions": [0]}\n'

INCUMBENT, CHALLENGER = (
    Arm("incumbent", "churn-aaaaaaaa", "1", 8080),
    Arm("v2", "churn-bbbbbbbb", "2", 8080),
)
PLANS = {
    "passes": Traffic("churn", "shop", INCUMBENT),
    "splits": Traffic("churn", "shop", INCUMBENT, Trial((CHALLENGER,), weights={"v2": 50})),
    "shadows": Traffic("churn", "shop", INCUMBENT, Trial((CHALLENGER,), shadows={"v2": 100})),
}


async def router(requests: int = 2000) -> Json:
    """Ask over one kept-alive connection, one request after another."""
    with answering(BODY, PREDICTION) as model, tempfile.TemporaryDirectory() as folder:
        pods = {arm.revision: model for arm in (INCUMBENT, CHALLENGER)}
        found: Json = {"requests": requests, "rounds": ROUNDS}
        for name, plan in PLANS.items():
            place = Path(folder, name)
            (place / "plain").mkdir(parents=True)
            async with (
                PlainEnvoy(place / "plain", pods).running(plan) as plain,
                Envoy(place, pods).running(plan) as ours,
            ):
                found[name] = await asyncio.to_thread(_compare, plain, ours, requests)
    return found


def _compare(plain: Envoy, ours: Envoy, requests: int) -> Json:
    turns = [(_p50(plain, requests), _p50(ours, requests)) for _ in range(ROUNDS)]
    return {
        "plainP50Ms": statistics.median(one for one, _ in turns),
        "routerP50Ms": statistics.median(other for _, other in turns),
        "ratio": statistics.median(other / one for one, other in turns),
    }


def _p50(envoy: Envoy, requests: int) -> float:
    return percentile(ask(envoy, BODY, PREDICTION, requests), 50)


class PlainEnvoy(Envoy):
    """An Envoy that passes everything on to the incumbent, and does nothing else."""

    @asynccontextmanager
    async def running(self, traffic: Traffic) -> Any:
        self.put("bootstrap.yaml", yaml.safe_dump(_plain(traffic.incumbent.revision)))
        async with self.process():
            await self.answers()
            yield self


def _plain(revision: str) -> Json:
    manager = (
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager"
    )
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    connections = {
        "@type": manager,
        "stat_prefix": "main",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "model"}}],
                }
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": router}},
        ],
    }
    network = "envoy.filters.network.http_connection_manager"
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "main",
                    "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8080}},
                    "filter_chains": [
                        {"filters": [{"name": network, "typed_config": connections}]}
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "model",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "model",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {
                                        "endpoint": {
                                            "address": {
                                                "socket_address": {
                                                    "address": f"{revision}.shop.svc",
                                                    "port_value": 80,
                                                }
                                            }
                                        }
                                    }
                                ]
                            }
                        ],
                    },
                }
            ],
        }
    }
