"""A namespace with the real operator; the test plays the controllers that are not there."""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import requests

from tests.contract.server import Server
from tests.scenarios.world import World


@pytest.fixture
def world(apiserver: Server, tmp_path: Path) -> Iterator[World]:
    """A namespace of the test's own, watched by an operator process of its own."""
    world = World(apiserver, tmp_path / "operator.log")
    world.start_operator()
    yield world
    world.leave()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if call.when == "call" and call.excinfo and isinstance(world, World):
        with contextlib.suppress(requests.ConnectionError):  # the test may have ended the server
            report.sections.append(("the world", world.dump()))
    return report
