"""Watches that break, lie still or are refused: what happened meanwhile is caught up with, and
nothing wrong is written in between."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Timer

import pytest

from tests.contract.server import Server
from tests.e2e.kube import Json
from tests.faults.lives import FIRST, LATER, apart, assert_rest, forget, of, serve, standing
from tests.faults.proxy import Answer, Asked, DropBefore, Fault, Proxy, Tamper, Told, failure
from tests.scenarios.world import World


@pytest.fixture(scope="module")
def proxy(apiserver: Server) -> Iterator[Proxy]:
    with Proxy(apiserver) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def world(
    apiserver: Server, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One world for all situations here: its operator lives through all of them."""
    folder: Path = tmp_path_factory.mktemp("watches")
    world = World(apiserver, folder / "operator.log")
    world.kubeconfig = proxy.kubeconfig
    world.start_operator()
    serve(world, ["untouched"], FIRST)
    serve(world, ["untouched"], LATER)
    yield world
    world.leave()


def refused(asked: Asked) -> Fault:
    """The connection is closed at once."""
    del asked
    return DropBefore()


def silent(asked: Asked) -> Fault:
    """It is taken, and never a byte comes."""
    del asked
    return Told(then_silent=True)


def bookmarks(asked: Asked) -> Fault:
    """Nothing is told but that nothing has happened."""
    since = asked.query.get("resourceVersion", "1")
    mark = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"resourceVersion": since}}
    return Told(({"type": "BOOKMARK", "object": mark},), then_silent=True)


def too_old(asked: Asked) -> Fault:
    """The version to watch from is gone, says the answer."""
    del asked
    return Answer(410, "Expired", "too old resource version")


def told_too_old(asked: Asked) -> Fault:
    """The version to watch from is gone, says an event."""
    del asked
    return Told(({"type": "ERROR", "object": failure(410, "Expired", "too old")},))


def told_trouble(asked: Asked) -> Fault:
    """The API server has trouble, says an event."""
    del asked
    return Told(({"type": "ERROR", "object": failure(500, "InternalError", "etcd")},))


def overload(asked: Asked) -> Fault:
    """There are too many requests."""
    del asked
    return Answer(429, "TooManyRequests", retry_after=1)


WAYS = (refused, silent, bookmarks, too_old, told_too_old, told_trouble, overload)


@pytest.mark.parametrize("way", WAYS)
def test_what_happened_while_watches_were_broken_is_caught_up_with(
    world: World, proxy: Proxy, way: Callable[[Asked], Fault]
) -> None:
    prefix = way.__name__.replace("_", "-")
    edited, gone, born, hurt = (f"{prefix}-{word}" for word in ("edited", "gone", "born", "hurt"))
    serve(world, [edited, gone, hurt], FIRST)
    world.settle()
    with proxy.faulty(lambda asked: way(asked) if asked.is_watch else None):
        since = proxy.moment()
        proxy.cut_watches()
        world.apply(edited, LATER)
        world.apply(born, LATER)
        world.delete("Service", hurt)
        forget(world, gone)
        world.until(lambda: watched(proxy, since) == watched(proxy), "all are tried again")
    proxy.cut_watches()
    serve(world, [edited, born], LATER)
    serve(world, [hurt], LATER)
    world.settle()
    stands = standing(world)
    assert apart(stands[edited], stands["untouched"], edited) == []
    assert apart(stands[hurt], stands["untouched"], hurt) == []
    assert world.children(gone) == {}
    assert [str(one) for one in proxy.heard(of(gone), since) if one.status == 201] == []
    assert_rest(world, proxy, edited)


def test_events_that_come_late_doubled_and_out_of_order_mislead_nobody(
    world: World, proxy: Proxy
) -> None:
    with proxy.tampering(_shuffled(proxy, Random(7))):
        serve(world, ["storm", "again"], FIRST)
        forget(world, "again")
        serve(world, ["storm", "again"], LATER)
        world.settle()
    stands = standing(world)
    assert apart(stands["storm"], stands["untouched"], "storm") == []
    assert_rest(world, proxy, "storm", "again")


def _shuffled(proxy: Proxy, chance: Random) -> Tamper:
    """Tell each event of a child twice, each time up to half a second late."""

    def tamper(asked: Asked, event: Json) -> list[Json]:
        # Those of ModelDeployments keep their order: Kopf takes the last of some for the newest.
        if event["type"] == "BOOKMARK" or asked.kind == "modeldeployments":
            return [event, event]

        def tell() -> None:
            proxy.tell(lambda watch: watch.is_watch and watch.kind == asked.kind, event)

        for _ in range(2):
            later = Timer(chance.uniform(0, 0.5), tell)
            later.daemon = True
            later.start()
        return []

    return tamper


def watched(proxy: Proxy, since: float = 0.0) -> set[str]:
    """Return the kinds that were watched, or tried to be, since a moment."""
    return {one.asked.kind for one in proxy.heard(lambda asked: asked.is_watch, since)}
