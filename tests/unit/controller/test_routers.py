"""What router pods say, read whole and within bounds."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.controller import routers
from contender.controller.routers import RouterReader
from contender.core import names
from contender.core.snapshot import Reading, Snapshot

SAID = """cluster_manager.cds.version_text: "abc1"
cluster.live_churn-a.membership_healthy: 2
cluster.live_churn-b.membership_healthy: 0
cluster_manager.warming_clusters: 0
"""


@pytest.fixture
async def router(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, str]]:
    """A router whose answers a test sets by path."""
    answers = {"/versions": SAID, "/stats/prometheus": ""}

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        text = answers[request.path].encode()
        for start in range(0, len(text), 10_000):
            await response.write(text[start : start + 10_000])
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        monkeypatch.setattr(routers, "STATS_PORT", server.port)
        monkeypatch.setattr(routers, "PATIENCE_SECONDS", 30.0)
        yield answers


def snapshot() -> Snapshot:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "r", "uid": "u", "labels": {names.LABEL_ROLE: "router"}},
        "status": {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    given = {
        "kind": "ConfigMap",
        "metadata": {"name": "churn-router"},
        "data": {"cds.yaml": "version_info: abc2\n"},
    }
    spec = ModelDeploymentSpec.model_validate({"model": {"version": "1", "image": "churn:1"}})
    owner = {"metadata": {"name": "churn", "namespace": "shop"}}
    return Snapshot(owner, spec, datetime(2026, 1, 1, tzinfo=UTC), children=(given,), pods=(pod,))


async def read(*, count: bool = False) -> Reading:
    reader = RouterReader()
    try:
        found = await reader.read(snapshot(), count=count)
    finally:
        await reader.close()
    return found["u/0"]


async def test_versions_and_the_pods_that_it_has_found(router: dict[str, str]) -> None:
    del router
    assert await read() == Reading(frozenset({"abc1"}), frozenset({"churn-a"}))


async def test_one_that_still_looks_for_pods_has_acknowledged_nothing(
    router: dict[str, str],
) -> None:
    router["/versions"] = SAID.replace("warming_clusters: 0", "warming_clusters: 1")
    assert await read() == Reading()


async def test_long_metrics_are_read_whole(router: dict[str, str]) -> None:
    router["/stats/prometheus"] = "a 1\n" * 100_000
    assert len((await read(count=True)).scrape) == 400_000


async def test_endless_metrics_are_refused(
    router: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routers, "LARGEST_ANSWER", 50_000)
    router["/stats/prometheus"] = "a 1\n" * 100_000
    assert await read(count=True) == Reading()
