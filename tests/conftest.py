"""One bare API server for the tests of a process: the CRDs and the operator's rights applied.

Everything that the operator's account asks of it is written down in an audit log, so that tests
can say which writes were made, and in which order.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dev.cluster.apiserver import ApiServer
from dev.test.machine import lacks
from tests.contract.server import ACCOUNT, GROUPS, Server

# How long an example takes says nothing about whether it is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "users": [ACCOUNT]}, {"level": "None"}],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the .out.yaml files anew instead of comparing them: read the diff",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "apiserver" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.apiserver)


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A bare API server. Under pytest-xdist each worker has its own: it is ready in seconds."""
    if reason := lacks("apiserver"):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("apiserver")
    with ApiServer(flags=_audit_flags(folder), tokens={ACCOUNT: GROUPS}) as running:
        server = Server(running, audit=folder / "audit.log")
        server.install()
        yield server
        server.close()


def _audit_flags(folder: Path) -> list[str]:
    policy = folder / "policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    # Blocking: what was answered is in the log.
    return [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={folder / 'audit.log'}",
        "--audit-log-mode=blocking-strict",
    ]
