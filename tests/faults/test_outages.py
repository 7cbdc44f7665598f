"""The API server goes away and comes back, and etcd forgets the past: both are real."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.apiserver import ApiServer
from dev.test.machine import lacks
from tests.contract.server import ACCOUNT, GROUPS, Server
from tests.faults.lives import FIRST, LATER, assert_rest, forget, serve
from tests.faults.proxy import DropBefore, Proxy
from tests.scenarios.world import World


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server that only this test knows."""
    if reason := lacks("apiserver"):
        pytest.skip(reason)
    with ApiServer(tokens={ACCOUNT: GROUPS}) as running:
        yield running


@pytest.fixture
def apiserver(running: ApiServer, tmp_path: Path) -> Iterator[Server]:
    """In place of the one that all tests share."""
    (tmp_path / "audit.log").touch()  # nobody asks it here
    server = Server(running, audit=tmp_path / "audit.log")
    server.install()
    yield server
    server.close()


def test_an_api_server_that_was_killed_is_waited_for(
    world: World, proxy: Proxy, running: ApiServer
) -> None:
    """It is edited at once when it is back; then again, with a past that etcd has forgotten."""
    serve(world, ["edited", "gone", "hurt"], FIRST)
    running.kill()
    assert world.says_yes("healthz")
    assert world.says_yes("readyz"), "what was listed is still known"
    running.revive()
    world.apply("edited", LATER)
    world.apply("born", LATER)
    world.delete("PodDisruptionBudget", world.status("hurt")["serving"]["revision"])
    forget(world, "gone")
    serve(world, ["edited", "born", "hurt"], LATER)
    assert world.children("gone") == {}
    _change_and_forget_the_past(world, proxy, running)
    since = proxy.moment()
    serve(world, ["edited", "hurt"], FIRST)
    listed = {one.asked.kind for one in proxy.heard(lambda asked: asked.is_list, since)}
    assert "deployments" in listed, "the version to watch from was really gone"
    assert world.children("born") == {}
    assert_rest(world, proxy, "edited", "hurt")


def _change_and_forget_the_past(world: World, proxy: Proxy, running: ApiServer) -> None:
    """Change much while the operator hears nothing, and compact etcd."""
    world.settle()
    with proxy.faulty(lambda asked: DropBefore()):
        proxy.cut_watches()
        world.delete("Deployment", world.status("edited")["serving"]["revision"])
        forget(world, "born")
        _compact(running)
        running.kill()  # its own memory of what was lately goes with it
        running.revive()


def _compact(running: ApiServer) -> None:
    """Let etcd forget all versions but the newest."""
    newest = _etcd(running, "range", {"key": "AA=="})["header"]["revision"]
    _etcd(running, "compaction", {"revision": newest, "physical": True})


def _etcd(running: ApiServer, call: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
    """Ask etcd through its JSON gateway."""
    data = json.dumps(body).encode()
    url = f"http://127.0.0.1:{running.etcd_port}/v3/kv/{call}"
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
        found: dict[str, dict[str, str]] = json.load(answer)
    return found
