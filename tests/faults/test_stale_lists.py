"""Lists that tell what was true earlier: an API server that lags behind answers so.

While the lists are old no watch tells better; then the watches come back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.server import until
from tests.e2e.kube import Json
from tests.faults.clock import Clock
from tests.faults.lives import assert_rest, forget, owner, serve
from tests.faults.proxy import Answer, Asked, Fault, OldAnswer, Proxy, Told, failure
from tests.scenarios.world import World, model, serves


class Past:
    """What all lists of the operator say at the moment."""

    def __init__(self, world: World, proxy: Proxy) -> None:
        self._proxy = proxy
        self._lists: dict[str, Json] = {}
        for asked in proxy.asked:
            if asked.is_list and asked.kind != "events" and asked.path not in self._lists:
                query = {key: value for key, value in asked.query.items() if key != "limit"}
                self._lists[asked.path] = world.kube.ask("GET", asked.path, query=query)
        self._paths = set(self._lists)

    def forget(self, kind: str) -> None:
        """Let the lists of a kind tell the present."""
        for path in [path for path in self._lists if path.endswith(f"/{kind}")]:
            del self._lists[path]

    @contextmanager
    def rules(self) -> Iterator[None]:
        """Answer lists with the past; no watch tells anything."""
        with self._proxy.faulty(self._fault):
            self._proxy.cut_watches()
            yield
        since = self._proxy.moment()
        self._proxy.cut_watches()
        until(lambda: self._paths <= self._watched(since), "all watch again")

    def _watched(self, since: float) -> set[str]:
        return {
            one.asked.path
            for one in self._proxy.heard(lambda asked: asked.is_watch, since)
            if one.status == 200
        }

    def _fault(self, asked: Asked) -> Fault | None:
        if asked.is_watch:
            return Told(then_silent=True)
        old = self._lists.get(asked.path) if asked.is_list else None
        return OldAnswer(old) if old else None


def generations(proxy: Proxy, name: str) -> list[int]:
    """Return the generations that were told in status, in order."""
    told = proxy.heard(lambda asked: asked.writes and asked.kind == "modeldeployments/status")
    found = [
        one.asked.json["status"] for one in told if one.asked.name == name and one.status == 200
    ]
    return [one["observedGeneration"] for one in found if "observedGeneration" in one]


@pytest.fixture(params=["at the start", "in mid-life"])
def starts_anew(request: pytest.FixtureRequest) -> bool:
    """Whether the lists are those of a new process, or a running one lists again."""
    return str(request.param) == "at the start"


@contextmanager
def in_the_past(world: World, proxy: Proxy, past: Past, *, starts_anew: bool) -> Iterator[None]:
    """Let the operator, a new one or the running one, know only the past."""
    if starts_anew:
        world.stop_operator()
        with past.rules():
            world.start_operator()
            world.settle()
            yield
        return
    gone = Told(({"type": "ERROR", "object": failure(410, "Expired", "too old")},))
    since = proxy.moment()
    told: set[str] = set()

    def once_each(asked: Asked) -> Fault | None:
        if not asked.is_watch or asked.path in told:
            return None
        told.add(asked.path)
        return gone

    with past.rules(), proxy.faulty(once_each):
        proxy.cut_watches()
        world.until(
            lambda: len(proxy.heard(lambda asked: asked.is_list, since)) >= 9, "all list anew"
        )
        world.settle()
        yield


def test_an_old_list_undoes_nothing(world: World, proxy: Proxy, starts_anew: bool) -> None:
    """Seen is the state before an update, a creation and a deletion."""
    serve(world, ["churn", "ghost"], model("1"))
    world.settle()
    past = Past(world, proxy)
    serve(world, ["churn", "new"], model("2"))
    new = world.status("new")["serving"]["revision"]
    forget(world, "ghost")
    world.settle()
    before, since = world.selected("churn"), proxy.moment()
    with in_the_past(world, proxy, past, starts_anew=starts_anew):
        assert world.selected("churn") == before
        assert world.get("Deployment", new)
        assert world.children("ghost") == {}
    serve(world, ["churn", "new"], model("3"))
    told = generations(proxy, "churn")
    assert told == sorted(told)
    writes = proxy.heard(lambda asked: asked.writes, since)
    assert [str(one) for one in writes if owner(one.asked) == "ghost" and one.status == 201] == []
    assert world.children("ghost") == {}
    assert_rest(world, proxy, "churn", "new")


@pytest.mark.parametrize("late", ["all", "children"])
def test_what_serves_again_is_not_removed_by_who_has_not_heard_of_it(
    world: World, proxy: Proxy, tmp_path: Path, late: str
) -> None:
    """Seen is a replaced revision whose time is over; in truth it serves again by a rollback."""
    clock = Clock(world, tmp_path / "clock")
    old = world.serve("churn", model("1"))
    world.serve("churn", model("2"))
    world.settle()
    past = Past(world, proxy)
    world.annotate("churn", rollback=f"{old}/now")
    world.until_status("churn", lambda status: serves(status) == old, "the rollback")
    world.annotate("churn", rollback=None)
    world.until_status("churn", lambda status: not status.get("handled"), "the command is gone")
    clock.put(60)
    if late == "children":
        past.forget("modeldeployments")
    with in_the_past(world, proxy, past, starts_anew=True):
        assert world.selected("churn") == old
        assert world.get("Deployment", old), "callers are answered from there"
    assert_rest(world, proxy, "churn")
    assert world.get("Deployment", old)


def test_a_list_whose_next_page_has_expired_is_read_anew(world: World, proxy: Proxy) -> None:
    """The first page alone is not taken for the whole."""
    revision = world.serve("churn", model())
    world.stop_operator()
    expired = Answer(410, "Expired", "the provided continue parameter is too old")
    since = proxy.moment()

    def half_a_list(asked: Asked) -> Fault | None:
        if not asked.is_list or asked.kind == "modeldeployments":
            return None
        if "continue" in asked.query:
            return expired
        number = len(proxy.heard(lambda one: one.is_list and one.kind == asked.kind, since))
        if number > 1:
            return None
        page = {"resourceVersion": "1", "continue": "there-is-more"}
        return OldAnswer({"kind": "List", "metadata": page, "items": []})

    with proxy.faulty(half_a_list):
        world.start_operator()
        world.settle()
    assert [str(one) for one in proxy.heard(lambda asked: asked.writes, since)] == []
    assert world.get("Deployment", revision)
    assert_rest(world, proxy, "churn")
