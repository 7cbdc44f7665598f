"""A real Envoy, and pods of three revisions behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.envoy import Envoy
from tests.router.plans import REVISIONS
from tests.router.pods import Pods
from tests.router.sink import Sink


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    """A pod of each revision."""
    pods = Pods()
    for revision in REVISIONS:
        await pods.start(revision)
    yield pods
    await pods.close()


@pytest.fixture
async def sink(pods: Pods) -> AsyncIterator[Sink]:
    """A recorder to which the routers find."""
    sink = Sink()
    pods.ports |= sink.ports
    async with sink.running():
        yield sink


@pytest.fixture
def envoy(pods: Pods, tmp_path: Path) -> Envoy:
    """Not yet running."""
    return Envoy(tmp_path, pods.ports)
