"""What the router costs a caller: a request through it, beside one through a plain Envoy."""

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.api import Json
from bench.envoy import Envoy
from bench.life import percentile
from contender.router.traffic import Arm, Traffic, Trial

ROUNDS = 7
"""The two take turns, as a machine is not equally fast all the time."""
WARM_UP = 200
BODY = b'{"instances": [[' + b"1.25, " * 80 + b"0]]}"
"""About 512 bytes."""
PREDICTION = b'{"predictions": [0]}\n'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(PREDICTION),
    PREDICTION,
)

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
    with _model() as model, tempfile.TemporaryDirectory() as folder:
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
    """Return the median time of a request in milliseconds."""
    asked = (
        b"POST /v1/predict HTTP/1.1\r\nhost: churn.shop\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
    )
    taken = []
    with socket.create_connection(envoy.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(WARM_UP + requests):
            start = time.perf_counter()
            connection.sendall(asked)
            answer = b""
            while not answer.endswith(PREDICTION):
                answer += connection.recv(65536)
            if number >= WARM_UP:
                taken.append(time.perf_counter() - start)
            assert answer.startswith(b"HTTP/1.1 200")
    return percentile(taken, 50)


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


@contextmanager
def _model() -> Iterator[int]:
    """Run a model that answers at once, in a process of its own; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,))
    process.start()
    try:
        yield listener.getsockname()[1]
    finally:
        process.kill()
        process.join()
        listener.close()


def _serve(listener: socket.socket) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(BODY))
            except asyncio.IncompleteReadError:
                break
            writer.write(ANSWER)
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(connected, sock=listener) as server:
            await server.serve_forever()

    asyncio.run(serve())
