"""What a pass does when the world is not as it thought, or it has a defect itself."""

from typing import Any, cast

import pytest

from contender.controller import reconcile
from contender.controller.announce import Announcer
from contender.controller.caches import Caches
from contender.controller.looks import LookReader
from contender.controller.reconcile import Reconciler
from contender.controller.recorder import RecorderReader
from contender.controller.recorder_client import RecorderClient
from contender.controller.routers import RouterReader
from contender.core.manifest import condition
from contender.core.snapshot import Installation
from contender.kube.client import Client
from contender.kube.copies import Key
from contender.kube.errors import ApiError

Json = dict[str, Any]


class Server:
    """Stands in for the client: keeps the status that is written."""

    def __init__(self, owner: Json) -> None:
        self.owner = owner

    async def get(self, path: str) -> Json:
        assert path.endswith("/churn")
        return self.owner

    async def merge_patch(self, path: str, body: Json) -> Json:
        assert path.endswith("/churn/status")
        version = int(self.owner["metadata"]["resourceVersion"]) + 1
        metadata = {**self.owner["metadata"], "resourceVersion": str(version)}
        self.owner = {**self.owner, "metadata": metadata, "status": body["status"]}
        return self.owner


def _owner(version: int) -> Json:
    return {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "namespace": "shop",
            "name": "churn",
            "uid": "u",
            "generation": 3,
            "resourceVersion": str(version),
        },
        "spec": {"model": {"version": "1", "image": "churn:1"}},
    }


async def test_what_is_found_to_have_changed_is_looked_at_again_at_once() -> None:
    """The watch will not tell of it any more: what it brings is known by then."""
    woken: list[Key] = []
    client = cast("Client", Server(_owner(8)))

    def wake(key: Key, *, urgent: bool) -> None:
        assert urgent, "a new generation waits for an answer"
        woken.append(key)

    caches = Caches(client, (), wake)
    seen = {**_owner(7), "status": {"observedGeneration": 2}}
    caches.store_owner(seen)
    with pytest.raises(ApiError, match="changed meanwhile"):
        await _reconciler(client, caches).reconcile(("shop", "churn"))
    assert woken == [("shop", "churn")]
    caches.observe_owner("MODIFIED", _owner(8))
    assert woken == [("shop", "churn")]


def _reconciler(client: Client, caches: Caches) -> Reconciler:
    nobody = RecorderClient("")
    recorder, looks = RecorderReader(nobody, lambda key: None), LookReader(nobody, lambda key: None)
    announcer, routers = Announcer(client), RouterReader()
    return Reconciler(client, caches, announcer, routers, recorder, looks, Installation())


async def test_a_defect_is_said_in_status_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise KeyError("x")

    owner = _owner(7)
    server = Server(owner)
    client = cast("Client", server)
    caches = Caches(client, (), lambda key, *, urgent: None)
    caches.store_owner(owner)
    monkeypatch.setattr(reconcile, "make_plan", broken)
    with pytest.raises(KeyError):
        await _reconciler(client, caches).reconcile(("shop", "churn"))
    told = condition(server.owner, "Stalled")
    assert told
    assert (told["status"], told["reason"]) == ("True", "InternalError")
    assert "KeyError: 'x'" in told["message"]
    assert server.owner["status"]["observedGeneration"] == 3
