"""What a pass does when the operator itself has a defect."""

from typing import Any, cast

import pytest

from contender.controller import reconcile
from contender.controller.announce import Announcer
from contender.controller.caches import Caches
from contender.controller.reconcile import Reconciler
from contender.core.manifest import condition
from contender.kube.client import Client

Json = dict[str, Any]


class Server:
    """Stands in for the client: keeps the status that is written."""

    def __init__(self, owner: Json) -> None:
        self.owner = owner

    async def merge_patch(self, path: str, body: Json) -> Json:
        assert path.endswith("/churn/status")
        version = int(self.owner["metadata"]["resourceVersion"]) + 1
        metadata = {**self.owner["metadata"], "resourceVersion": str(version)}
        self.owner = {**self.owner, "metadata": metadata, "status": body["status"]}
        return self.owner


async def test_a_defect_is_said_in_status_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "namespace": "shop",
            "name": "churn",
            "uid": "u",
            "generation": 3,
            "resourceVersion": "7",
        },
        "spec": {"model": {"version": "1", "image": "churn:1"}},
    }

    def broken(_: object) -> None:
        raise KeyError("x")

    server = Server(owner)
    client = cast("Client", server)
    caches = Caches(client, (), lambda key, *, urgent: None)
    caches.store_owner(owner)
    monkeypatch.setattr(reconcile, "make_plan", broken)
    with pytest.raises(KeyError):
        await Reconciler(client, caches, Announcer(client)).reconcile(("shop", "churn"))
    told = condition(server.owner, "Stalled")
    assert told
    assert (told["status"], told["reason"]) == ("True", "InternalError")
    assert "KeyError: 'x'" in told["message"]
    assert server.owner["status"]["observedGeneration"] == 3
