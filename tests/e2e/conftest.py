"""The real cluster with the operator of this checkout, and a namespace for each test.

A test marked `alone` stops or replaces the operator: it comes last, and no other runs meanwhile.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from dev.demo import install, prepare
from dev.files import exclusive
from dev.paths import KUBECONFIG
from dev.test.machine import lacks
from tests.e2e.kube import Kube
from tests.e2e.place import Place


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: no other test of the cluster runs at the same time")
    config.addinivalue_line("markers", "restricted: in a namespace with Pod Security `restricted`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    place = getattr(item, "funcargs", {}).get("place")
    if call.when == "call" and call.excinfo and isinstance(place, Place):
        report.sections.append(("the cluster", place.dump()))
    return report


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> install.Kubectl:
    """kubectl of a cluster with the images and the operator of this checkout."""
    if reason := lacks("cluster"):
        pytest.skip(reason)
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    done = run / "cluster-is-ready"
    with exclusive(run / "cluster-lock", "preparing the cluster"):
        kubectl = install.Kubectl()
        if not done.exists():
            prepare.prepare()
            install.install(kubectl, local=True)
            done.touch()
    return kubectl


@pytest.fixture(scope="session")
def kube(kubectl: install.Kubectl) -> Iterator[Kube]:
    """A client of the cluster."""
    del kubectl  # it only has to be ready
    client = Kube(KUBECONFIG)
    yield client
    client.close()


@pytest.fixture
def its_turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let tests run side by side, but none beside one that is marked `alone`."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    alone = request.node.get_closest_marker("alone") is not None
    with (run / "turn-lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture
def place(
    request: pytest.FixtureRequest, its_turn: None, kube: Kube, kubectl: install.Kubectl
) -> Iterator[Place]:
    """A namespace of the test's own."""
    restricted = request.node.get_closest_marker("restricted") is not None
    labels = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
    place = Place(kube, kubectl, labels)
    yield place
    place.leave()
