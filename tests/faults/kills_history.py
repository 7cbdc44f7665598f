"""Everything that ever happened on the API server, in order: told by its own watches.

The versions of all kinds come from one counter, so what the watches of several kinds tell can be
put in one order.
"""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from tests.contract.server import until
from tests.e2e.kube import KINDS, ApiRefusal, Json, Kube
from tests.scenarios.world import CHILD_KINDS

OWNER = "ModelDeployment"
OBSERVED = (OWNER, *CHILD_KINDS)

_DIFFERS = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink"}
_ADDRESSES = {"clusterIP", "clusterIPs"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_APPLIED = "contender.dev/applied"
_SERVED_AT = "contender.dev/served-at"

State = Mapping[str, str]
"""By kind and name: what an object says, without what differs between two runs."""


@dataclass(frozen=True)
class Change:
    """An object was made, changed or deleted."""

    type: str
    kind: str
    manifest: Json

    @property
    def version(self) -> int:
        return int(self.manifest["metadata"]["resourceVersion"])

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.manifest["metadata"]["uid"])

    @property
    def is_new(self) -> bool:
        return self.type == "ADDED"

    @property
    def is_deletion(self) -> bool:
        return self.type == "DELETED"

    @property
    def owner(self) -> str:
        """Uid of the controlling owner, or the empty string."""
        owners = self.manifest["metadata"].get("ownerReferences") or []
        return next((str(one["uid"]) for one in owners if one.get("controller")), "")

    def __str__(self) -> str:
        return f"{self.type} {self.kind} {self.name}"


class History:
    """What has happened in all namespaces since it began."""

    def __init__(self, kubeconfig: Path) -> None:
        self._watches = {kind: _Watch(kubeconfig, kind) for kind in OBSERVED}
        self._lock = threading.Lock()
        self._over = False
        self._changes: dict[str, list[Change]] = defaultdict(list)
        self._live: dict[str, dict[tuple[str, str], Json]] = defaultdict(dict)

    @contextmanager
    def told(self) -> Iterator["History"]:
        threads = [
            threading.Thread(target=self._follow, args=(watch,), daemon=True)
            for watch in self._watches.values()
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over = True

    def of(self, namespace: str) -> list[Change]:
        """All changes in a namespace, in order."""
        with self._lock:
            return sorted(self._changes[namespace], key=lambda change: change.version)

    def live(self, namespace: str) -> dict[tuple[str, str], Json]:
        """What is there now, by kind and name."""
        with self._lock:
            return dict(self._live[namespace])

    def state(self, namespace: str) -> State:
        """What is there now, comparable with another namespace."""
        return comparable(self.live(namespace), namespace)

    def catch_up(self) -> None:
        """Wait until it knows all that is there."""
        for kind, watch in self._watches.items():
            until(partial(self._is_complete, kind, watch), f"all is told of each {kind}")

    def _is_complete(self, kind: str, watch: "_Watch") -> bool:
        there = {
            one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in watch.items()
        }
        with self._lock:
            known = {
                one["metadata"]["uid"]: one["metadata"]["resourceVersion"]
                for objects in self._live.values()
                for (of_kind, _), one in objects.items()
                if of_kind == kind
            }
        return all(known.get(uid) == version for uid, version in there.items())

    def _follow(self, watch: "_Watch") -> None:
        try:
            for change in watch.follow():
                self._take(change)
        except requests.RequestException:
            # The API server ends after the history, and the watches with it.
            if not self._over:
                raise

    def _take(self, change: Change) -> None:
        namespace = change.manifest["metadata"]["namespace"]
        key = (change.kind, change.name)
        with self._lock:
            self._changes[namespace].append(change)
            if change.is_deletion:
                self._live[namespace].pop(key, None)
            else:
                self._live[namespace][key] = change.manifest


class _Watch(Kube):
    """The watch of one kind, from now on."""

    def __init__(self, kubeconfig: Path, kind: str) -> None:
        super().__init__(kubeconfig)
        self._kind = kind
        version, plural = KINDS[kind]
        self._path = f"/apis/{version}/{plural}" if "/" in version else f"/api/{version}/{plural}"
        self._since = self._ask("GET", self._path)["metadata"]["resourceVersion"]

    def items(self) -> list[Json]:
        """What is there of what was made since."""
        items: list[Json] = self._ask("GET", self._path)["items"]
        since = int(self._since)
        return [one for one in items if int(one["metadata"]["resourceVersion"]) > since]

    def follow(self) -> Iterator[Change]:
        query = {"watch": "true", "resourceVersion": self._since}
        with self._session.get(self._url + self._path, params=query, stream=True) as answer:
            for line in answer.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiRefusal(event["object"]["code"], str(event["object"]))
                yield Change(event["type"], self._kind, event["object"])


def comparable(live: Mapping[tuple[str, str], Json], namespace: str) -> State:
    """Return what objects say, without what differs between two runs: versions, uids, times and
    addresses. When the revisions began to serve is compared as the order in which they did."""
    served = sorted(
        (mark, name)
        for (_, name), one in live.items()
        if (mark := (one["metadata"].get("annotations") or {}).get(_SERVED_AT))
    )
    state = {f"{kind} {name}": _text(one, namespace) for (kind, name), one in live.items()}
    return {**state, "served in turn": ", ".join(name for _, name in served)}


def _text(manifest: Json, namespace: str) -> str:
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _DIFFERS}
    if manifest.get("kind") != OWNER:
        # How often a child was written is compared by its writes.
        metadata.pop("generation", None)
    annotations = {**(metadata.get("annotations") or {})}
    annotations.pop(_APPLIED, None)  # the uid of the owner is part of it
    body = {key: value for key, value in manifest.items() if key != "metadata"}
    if manifest.get("kind") == "Service":
        body["spec"] = {k: v for k, v in body["spec"].items() if k not in _ADDRESSES}
    if manifest.get("kind") == "Deployment":
        body.get("status", {}).pop("observedGeneration", None)
    said = {"metadata": {**metadata, "annotations": annotations}, **body}
    text = json.dumps(said, indent=1, sort_keys=True).replace(namespace, "NAMESPACE")
    return _UID.sub("UID", _TIME.sub("TIME", text))
