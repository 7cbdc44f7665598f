"""What happens in a namespace, in the order in which the API server stored it."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.server import Admin
from tests.e2e.kube import KINDS, Json
from tests.scenarios.world import CHILD_KINDS

WATCHED = (*CHILD_KINDS, "ModelDeployment")
LAG_SECONDS = 0.5
"""How much later events are read: those of other kinds that were stored earlier are there then."""
WATCH_SECONDS = 15


class Hand(Admin):
    """The test's own client: it remembers what it has written, so that all else is told apart."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(kubeconfig)
        self._written: set[str] = set()

    def wrote(self, event: "Event") -> bool:
        """Return whether an event tells of a write of ours."""
        metadata = event.object["metadata"]
        if event.type == "DELETED":
            return metadata["uid"] in self._written
        return metadata["resourceVersion"] in self._written

    def watch(self, kind: str, namespace: str, version: str) -> Iterator[Json]:
        """Iterate over the events of one watch, until the server ends it."""
        query = {
            "watch": "1",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        url = f"{self._url}{_collection(kind, namespace)}"
        answer = self._session.get(url, params=query, stream=True, timeout=WATCH_SECONDS * 4)
        with answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                yield json.loads(line)

    def collection(self, kind: str, namespace: str) -> Json:
        """Return a collection with its resourceVersion."""
        return self.ask("GET", _collection(kind, namespace))

    def _ask(self, method: str, path: str, *rest: Any, **options: Any) -> Json:
        answer = super()._ask(method, path, *rest, **options)
        if method != "GET":
            metadata = answer.get("metadata") or {}
            self._written.add(metadata.get("resourceVersion", ""))
            if method == "DELETE":
                # Of some kinds the answer is the object itself.
                self._written.add((answer.get("details") or metadata)["uid"])
        return answer


@dataclass(frozen=True)
class Event:
    """An object was written or deleted."""

    kind: str
    type: str
    object: Json
    at: float
    """When we heard of it, on the monotonic clock."""

    @property
    def version(self) -> int:
        return int(self.object["metadata"]["resourceVersion"])

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.type.lower()} {self.kind} {self.name}"


class Watcher:
    """Watches all kinds of a namespace at the same time."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._namespace = namespace
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        for kind in WATCHED:
            client = Hand(kubeconfig)
            version = client.collection(kind, namespace)["metadata"]["resourceVersion"]
            threading.Thread(target=self._run, args=(client, kind, version), daemon=True).start()

    def stop(self) -> None:
        """End the watches, each when the server ends it."""
        self._over.set()

    def heard(self, *, everything: bool = False) -> list[Event]:
        """Return the events that were not returned before, in the order of their storage."""
        latest = time.monotonic() - (0 if everything else LAG_SECONDS)
        with self._lock:
            ripe = [one for one in self._events if one.at <= latest]
            self._events = [one for one in self._events if one.at > latest]
        return sorted(ripe, key=lambda one: one.version)

    def _run(self, client: Hand, kind: str, version: str) -> None:
        while not self._over.is_set():
            try:
                for told in client.watch(kind, self._namespace, version):
                    event = Event(kind, told["type"], told["object"], time.monotonic())
                    version = event.object["metadata"]["resourceVersion"]
                    with self._lock:
                        self._events.append(event)
            except OSError:  # also what requests raises
                if self._over.wait(0.1):
                    break
        client.close()


def _collection(kind: str, namespace: str) -> str:
    api_version, plural = KINDS[kind]
    root = "apis" if "/" in api_version else "api"
    return f"/{root}/{api_version}/namespaces/{namespace}/{plural}"
