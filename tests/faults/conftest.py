"""A real operator behind the proxy, on a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.server import Server
from tests.faults.proxy import Proxy
from tests.scenarios.conftest import pytest_runtest_makereport
from tests.scenarios.world import World


@pytest.fixture
def proxy(apiserver: Server) -> Iterator[Proxy]:
    """A proxy before the API server."""
    with Proxy(apiserver) as proxy:
        yield proxy


@pytest.fixture
def world(apiserver: Server, proxy: Proxy, tmp_path: Path) -> Iterator[World]:
    """A namespace of the test's own, and an operator that sees it through the proxy."""
    world = World(apiserver, tmp_path / "operator.log")
    world.kubeconfig = proxy.kubeconfig
    world.start_operator()
    yield world
    world.leave()


__all__ = ["proxy", "pytest_runtest_makereport", "world"]
