"""Carrying out writes: in order, up to the first failure, and never against others."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

import pytest

from contender.controller.apply import Applier, NameConflict
from contender.controller.caches import Caches
from contender.core.children.service import SERVICE
from contender.core.diff import Create, Delete, Update
from contender.core.snapshot import Insistence
from contender.kube.client import Client
from contender.kube.errors import ApiError

Json = dict[str, Any]
FOLDER = "/api/v1/namespaces/shop/services"


def _service(name: str = "churn", owner: str = "ours", port: int = 80, **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"contender.dev/modeldeployment": "churn"},
            "annotations": {},
            "ownerReferences": [
                {"kind": "ModelDeployment", "name": "churn", "uid": owner, "controller": True}
            ],
            **metadata,
        },
        "spec": {"port": port},
    }


class Store:
    """Stands in for the API server: objects by path, and what was asked of it."""

    def __init__(self, *objects: Json) -> None:
        self.objects = {f"{FOLDER}/{one['metadata']['name']}": one for one in objects}
        self.asked: list[str] = []
        self.insists: Json = {}
        self.failing = ""

    def _note(self, what: str, path: str) -> None:
        self.asked.append(f"{what} {path.rpartition('/')[2]}")
        if self.failing and path.endswith(self.failing):
            raise ApiError(what, path, 500, "InternalError", "no")

    async def get(self, path: str) -> Json:
        self._note("get", path)
        return deepcopy(self.objects[path])

    async def create(self, folder: str, body: Json) -> Json:
        path = f"{folder}/{body['metadata']['name']}"
        self._note("create", path)
        if path in self.objects:
            raise ApiError("POST", folder, 409, "AlreadyExists", "taken")
        return self._keep(path, body)

    async def replace(self, path: str, body: Json) -> Json:
        self._note("replace", path)
        return self._keep(path, body)

    async def delete(self, path: str, uid: str) -> Json:
        self._note(f"delete {uid}", path)
        if path not in self.objects:
            raise ApiError("DELETE", path, 404, "NotFound", "gone")
        return self.objects.pop(path)

    def _keep(self, path: str, body: Json) -> Json:
        self.objects[path] = {**deepcopy(body), "spec": {**body["spec"], **self.insists}}
        return deepcopy(self.objects[path])


class Copies:
    """Stands in for the caches: notes what it is told."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.learned: list[str] = []
        self.forgotten: list[str] = []
        self.insisted: dict[str, Insistence] = {}

    def store(self, one: Json) -> None:
        self.stored.append(one["metadata"]["name"])

    def learn(self, one: Json) -> None:
        self.learned.append(one["metadata"]["name"])

    @contextmanager
    def writing(self, one: Json) -> Iterator[None]:
        del one
        yield

    def forget(self, one: Json) -> None:
        self.forgotten.append(one["metadata"]["name"])


def _update(manifest: Json, *fields: str) -> Update:
    return Update(SERVICE, manifest, fields or ("spec.port",), manifest)


def _applier(store: Store) -> tuple[Applier, Copies]:
    copies = Copies()
    return Applier(cast("Client", store), cast("Caches", copies)), copies


async def test_writes_are_carried_out_in_order_and_put_into_the_cache() -> None:
    store = Store(_service("b"), _service("c"))
    applier, copies = _applier(store)
    writes = (
        Create(SERVICE, _service("a")),
        _update(_service("b", port=81)),
        Delete(SERVICE, _service("c")),
    )
    assert await applier.apply(writes) == 3
    assert store.asked == ["create a", "replace b", "delete uid-c c"]
    assert copies.stored == ["a", "b"]
    assert copies.forgotten == ["c"]


async def test_nothing_is_written_after_a_failure() -> None:
    store = Store(_service("b"))
    store.failing = "b"
    applier, copies = _applier(store)
    writes = (
        Create(SERVICE, _service("a")),
        _update(_service("b")),
        Create(SERVICE, _service("c")),
    )
    with pytest.raises(ApiError, match="no"):
        await applier.apply(writes)
    assert store.asked == ["create a", "replace b"]
    assert copies.stored == ["a"]


@pytest.mark.parametrize(
    ("owners", "whose"),
    [
        ([], "no controller"),
        ([{"kind": "Rollout", "name": "shop", "uid": "x", "controller": True}], "Rollout shop"),
        ([{"kind": "Rollout", "name": "shop", "uid": "x"}], "no controller but hangs on Rollout"),
    ],
)
async def test_an_object_of_others_is_left_alone_and_named(owners: list[Json], whose: str) -> None:
    theirs = _service(ownerReferences=owners)
    store = Store(deepcopy(theirs))
    applier, copies = _applier(store)
    with pytest.raises(NameConflict, match=f"Service 'churn' exists and belongs to {whose}"):
        await applier.apply((Create(SERVICE, _service()),))
    assert store.objects == {f"{FOLDER}/churn": theirs}
    assert copies.stored == []


async def test_a_child_of_ours_that_lost_its_label_gets_it_back_and_is_compared_next_time() -> None:
    store = Store(_service(labels={"team": "fraud"}, resourceVersion="7"))
    applier, copies = _applier(store)
    with pytest.raises(ApiError) as raised:
        await applier.apply((Create(SERVICE, _service(port=81)),))
    assert raised.value.is_conflict
    held = store.objects[f"{FOLDER}/churn"]
    assert held["metadata"]["labels"] == {"team": "fraud", "contender.dev/modeldeployment": "churn"}
    assert held["metadata"]["resourceVersion"] == "7"
    assert held["spec"] == {"port": 80}
    assert copies.learned == ["churn"]


async def test_a_child_that_is_being_deleted_is_not_touched() -> None:
    store = Store(_service(labels={}, deletionTimestamp="2026-01-05T09:00:00Z"))
    applier, _ = _applier(store)
    with pytest.raises(ApiError) as raised:
        await applier.apply((Create(SERVICE, _service()),))
    assert raised.value.is_conflict
    assert store.asked == ["create churn", "get churn"]


async def test_what_a_webhook_insists_on_is_noted_and_forgotten_when_it_does_not_any_more() -> None:
    store = Store(_service())
    store.insists = {"port": 99}
    applier, copies = _applier(store)
    await applier.apply((_update(_service()),))
    assert copies.insisted == {"uid-churn": Insistence("", ("spec.port",))}
    store.insists = {}
    await applier.apply((_update(_service()),))
    assert copies.insisted == {}


async def test_a_child_that_is_gone_already_counts_as_deleted() -> None:
    applier, copies = _applier(Store())
    assert await applier.apply((Delete(SERVICE, _service()),)) == 1
    assert copies.forgotten == ["churn"]
