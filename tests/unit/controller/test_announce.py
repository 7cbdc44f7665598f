"""Events: told once, counted when they repeat, and no crowd is in the way of others."""

import asyncio
from itertools import count
from typing import Any, cast

import pytest

from contender.controller import announce
from contender.controller.announce import BURST, LONGEST_LINE, REFILL_SECONDS, Announcer
from contender.core.events import Event
from contender.kube.client import Client
from contender.kube.errors import ApiError

Json = dict[str, Any]
READY = Event("Normal", "Ready", "serving 1")
NOT_READY = Event("Warning", "NoPodReady", "no pod is ready")


def _owner(name: str, namespace: str = "shop") -> Json:
    return {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": f"uid-{namespace}-{name}",
            "resourceVersion": "7",
        },
    }


class Server:
    """Stands in for the client: keeps Events."""

    def __init__(self) -> None:
        self.events: dict[str, Json] = {}
        self.failing = False
        self._numbers = count()

    async def create(self, path: str, body: Json) -> Json:
        if self.failing:
            raise ApiError("POST", path, 500, "InternalError", "no")
        name = f"{body['metadata']['generateName']}{next(self._numbers)}"
        stored = {**body, "metadata": {**body["metadata"], "name": name}}
        self.events[f"{path}/{name}"] = stored
        return stored

    async def merge_patch(self, path: str, body: Json) -> Json:
        if path not in self.events:
            raise ApiError("PATCH", path, 404, "NotFound", "gone")
        self.events[path].update(body)
        return self.events[path]

    def told(self) -> list[tuple[str, str, int]]:
        return [
            (one["involvedObject"]["name"], one["reason"], one["count"])
            for one in self.events.values()
        ]


class Play:
    """An announcer, its clock and what it tells."""

    def __init__(self) -> None:
        self.server = Server()
        self.now = 0.0
        self.announcer = Announcer(cast("Client", self.server), clock=lambda: self.now)

    async def post(self) -> list[tuple[str, str, int]]:
        """Post what is in line; return all that the API server has."""
        running = asyncio.ensure_future(self.announcer.run())
        await asyncio.sleep(0.05)
        running.cancel()
        return self.server.told()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    monkeypatch.setattr(announce, "PAUSE_SECONDS", 0)
    return Play()


async def test_what_repeats_is_counted(play: Play) -> None:
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 1)]
    play.announcer.announce(_owner("churn"), NOT_READY)
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 2), ("churn", "NoPodReady", 1)]


async def test_what_repeats_while_it_is_in_line_is_counted_too(play: Play) -> None:
    for _ in range(3):
        play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 3)]
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 4)]


async def test_another_message_or_object_is_another_event(play: Play) -> None:
    play.announcer.announce(_owner("churn"), READY)
    play.announcer.announce(_owner("churn"), Event("Normal", "Ready", "serving 2"))
    play.announcer.announce(_owner("churn", "bank"), READY)
    assert len(await play.post()) == 3


async def test_an_event_that_the_api_server_forgot_is_told_anew(play: Play) -> None:
    play.announcer.announce(_owner("churn"), READY)
    await play.post()
    play.server.events.clear()
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 1)]


async def test_one_reason_is_told_of_one_object_only_so_often(play: Play) -> None:
    for _ in range(2 * BURST):
        play.announcer.announce(_owner("churn"), NOT_READY)
    play.announcer.announce(_owner("churn"), READY)
    play.announcer.announce(_owner("fraud"), NOT_READY)
    assert await play.post() == [
        ("churn", "NoPodReady", BURST),
        ("churn", "Ready", 1),
        ("fraud", "NoPodReady", 1),
    ]
    play.now += REFILL_SECONDS
    play.announcer.announce(_owner("churn"), NOT_READY)
    play.announcer.announce(_owner("churn"), NOT_READY)
    assert (await play.post())[0] == ("churn", "NoPodReady", BURST + 1)


async def test_a_crowd_in_one_namespace_is_not_in_the_way_of_another(play: Play) -> None:
    for number in range(LONGEST_LINE + 5):
        play.announcer.announce(_owner(f"m{number}", "noisy"), READY)
    play.announcer.announce(_owner("single"), READY)
    told = await play.post()
    assert ("single", "Ready", 1) in told[:2]


async def test_what_could_not_be_posted_is_not_taken_for_posted(play: Play) -> None:
    play.server.failing = True
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == []
    play.server.failing = False
    play.announcer.announce(_owner("churn"), READY)
    assert await play.post() == [("churn", "Ready", 1)]
