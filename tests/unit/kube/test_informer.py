"""The local copy: what it takes over, what it ignores, and whom it tells."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from contender.kube import informer
from contender.kube.client import Client
from contender.kube.informer import Informer

Json = dict[str, Any]


def _thing(name: str, version: int, label: str = "churn", uid: str = "") -> Json:
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {"owner": label},
        }
    }


def _page(version: int, *items: Json, following: str = "") -> Json:
    metadata = {"resourceVersion": str(version)}
    return {"metadata": metadata | ({"continue": following} if following else {}), "items": items}


class Pages:
    """Stands in for the client: answers one list request after another."""

    def __init__(self, *pages: Json) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, str]] = []

    async def get(self, path: str, **query: str) -> Json:
        assert path == "/apis/example/v1/things"
        self.asked.append(query)
        return self.pages.pop(0)


class Watched:
    """An informer, and what it told."""

    def __init__(self, *pages: Json) -> None:
        self.told: list[str] = []
        self.client = Pages(*pages)
        self.informer = Informer(
            cast("Client", self.client),
            "example/v1",
            "Thing",
            "things",
            selector="owner",
            group_of=lambda one: one["metadata"].get("labels", {}).get("owner", ""),
            changed=lambda one: self.told.append(one["metadata"]["name"]),
        )

    def version(self, name: str) -> str | None:
        found = self.informer.get(("shop", name))
        return found["metadata"]["resourceVersion"] if found else None

    def group(self, label: str) -> list[str]:
        return sorted(one["metadata"]["name"] for one in self.informer.group("shop", label))


def test_an_event_is_taken_over_and_told() -> None:
    watched = Watched()
    watched.informer.observe("ADDED", _thing("a", 5))
    watched.informer.observe("MODIFIED", _thing("a", 6))
    assert watched.version("a") == "6"
    assert watched.told == ["a", "a"]


@pytest.mark.parametrize("version", [4, 5])
def test_a_stale_event_is_ignored_and_told_to_nobody(version: int) -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    watched.informer.observe("MODIFIED", _thing("a", version, label="other"))
    assert watched.version("a") == "5"
    assert watched.group("churn") == ["a"]
    assert watched.told == []


def test_versions_are_ordered_as_numbers() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 9))
    watched.informer.store(_thing("a", 10))
    assert watched.version("a") == "10"


def test_what_we_wrote_ourselves_wakes_nobody() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    assert watched.version("a") == "5"
    assert watched.told == []


def test_what_the_watch_tells_of_a_write_of_ours_wakes_nobody() -> None:
    watched = Watched()
    with watched.informer.writing(("shop", "a")):
        watched.informer.observe("MODIFIED", _thing("a", 6))
        watched.informer.store(_thing("a", 6))
    assert watched.version("a") == "6"
    assert watched.told == []


def test_what_the_watch_told_during_a_write_that_failed_wakes() -> None:
    """Somebody was quicker: their change came while ours was on its way to be refused."""
    watched = Watched()

    def write() -> None:
        with watched.informer.writing(("shop", "a")):
            watched.informer.observe("MODIFIED", _thing("a", 6))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        write()
    assert watched.version("a") == "6"
    assert watched.told == ["a"]


def test_kind_and_version_are_filled_in_and_managed_fields_dropped() -> None:
    watched = Watched()
    one = _thing("a", 5)
    one["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    watched.informer.store(one)
    found = watched.informer.get(("shop", "a"))
    assert found is not None
    assert (found["apiVersion"], found["kind"]) == ("example/v1", "Thing")
    assert "managedFields" not in found["metadata"]


def test_a_deletion_is_taken_over_and_told() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    watched.informer.observe("DELETED", _thing("a", 7))
    assert watched.version("a") is None
    assert watched.group("churn") == []
    assert watched.told == ["a"]


def test_a_late_event_does_not_bring_a_deleted_object_back() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    watched.informer.observe("DELETED", _thing("a", 7))
    watched.informer.observe("MODIFIED", _thing("a", 6))
    assert watched.version("a") is None
    watched.informer.observe("ADDED", _thing("a", 8, uid="new"))
    assert watched.version("a") == "8"


def test_the_deletion_of_a_predecessor_does_not_take_its_successor_away() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 9, uid="new"))
    watched.informer.observe("DELETED", _thing("a", 7, uid="old"))
    assert watched.version("a") == "9"


def test_forget_takes_out_what_we_deleted_and_not_its_successor() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5, uid="old"))
    watched.informer.forget(_thing("a", 5, uid="old"))
    assert watched.version("a") is None
    watched.informer.store(_thing("a", 8, uid="new"))
    watched.informer.forget(_thing("a", 5, uid="old"))
    assert watched.version("a") == "8"
    assert watched.told == []


def test_objects_are_found_by_their_label_also_after_it_changed() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    watched.informer.store(_thing("b", 6))
    watched.informer.store(_thing("a", 7, label="fraud"))
    assert watched.group("churn") == ["b"]
    assert watched.group("fraud") == ["a"]
    assert list(watched.informer.group("elsewhere", "churn")) == []


async def test_a_list_tells_what_differs_from_the_copy() -> None:
    watched = Watched(_page(20, _thing("same", 5), _thing("newer", 9), _thing("new", 8)))
    for name in ("same", "newer", "gone"):
        watched.informer.store(_thing(name, 5))
    assert not watched.informer.is_synced
    await watched.informer.relist()
    assert watched.informer.is_synced
    assert sorted(watched.told) == ["gone", "new", "newer"]
    assert sorted(one["metadata"]["name"] for one in watched.informer) == ["new", "newer", "same"]


async def test_a_long_list_is_read_page_by_page() -> None:
    watched = Watched(_page(20, _thing("a", 5), following="more"), _page(20, _thing("b", 6)))
    await watched.informer.relist()
    assert watched.group("churn") == ["a", "b"]
    assert [query.get("continue") for query in watched.client.asked] == [None, "more"]
    assert {query["labelSelector"] for query in watched.client.asked} == {"owner"}


async def test_what_was_made_after_the_list_was_read_is_not_missing_from_it() -> None:
    watched = Watched(_page(20))
    watched.informer.store(_thing("ours", 21))
    await watched.informer.relist()
    assert watched.version("ours") == "21"
    assert watched.told == []


async def test_a_list_older_than_a_deletion_does_not_bring_the_object_back() -> None:
    watched = Watched(_page(6, _thing("a", 5)))
    watched.informer.store(_thing("a", 5))
    watched.informer.observe("DELETED", _thing("a", 7))
    await watched.informer.relist()
    assert watched.version("a") is None


async def test_deletions_are_remembered_only_until_a_newer_list() -> None:
    watched = Watched(_page(6), _page(20))
    watched.informer.store(_thing("a", 5))
    watched.informer.observe("DELETED", _thing("a", 7))
    await watched.informer.relist()
    watched.informer.store(_thing("a", 6))
    assert watched.version("a") is None
    await watched.informer.relist()
    watched.informer.store(_thing("a", 21))
    assert watched.version("a") == "21"


async def test_events_from_before_our_own_deletion_leave_nothing_behind() -> None:
    watched = Watched()
    watched.informer.store(_thing("a", 5))
    watched.informer.forget(_thing("a", 5))
    watched.informer.observe("MODIFIED", _thing("a", 6))
    watched.informer.observe("DELETED", _thing("a", 7))
    assert watched.version("a") is None
    assert watched.group("churn") == []


class DeafPages(Pages):
    """Its watches are healthy, and never tell anything."""

    async def watch(self, path: str, **query: str) -> AsyncIterator[Json]:
        await asyncio.Event().wait()
        yield {}


async def test_an_event_that_was_lost_is_noticed_by_listing_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(informer, "RELIST_SECONDS", 0.01)
    monkeypatch.setattr(informer, "BETWEEN_WATCHES", 0.0)
    gone = asyncio.Event()
    told: list[str] = []

    def changed(one: Json) -> None:
        told.append(one["metadata"]["resourceVersion"])
        if len(told) == 2:
            gone.set()

    pages = DeafPages(_page(5, _thing("a", 3)), *(_page(version) for version in range(6, 99)))
    watched = Informer(
        cast("Client", pages),
        "example/v1",
        "Thing",
        "things",
        group_of=lambda one: one["metadata"].get("labels", {}).get("owner", ""),
        changed=changed,
    )
    running = asyncio.create_task(watched.run())
    async with asyncio.timeout(30):
        await gone.wait()
    running.cancel()
    assert watched.get(("shop", "a")) is None
