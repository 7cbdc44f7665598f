"""An informer: a local copy of a collection, kept up to date by LIST and WATCH.

It never ends by an error: it waits and lists again. What we write ourselves is put into the copy
at once (`store`), so that a pass never acts on a state older than its own writes.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from contender.kube.client import Client, collection
from contender.kube.errors import ApiError

Json = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""

PAGE = 500
FIRST_DELAY = 0.5
BETWEEN_WATCHES = 0.1
"""Seconds: a server that ends every watch at once must not be asked thousands of times."""
LONGEST_DELAY = 30.0
MOST_TOMBSTONES = 10_000
"""Deletions that are remembered, so that a late event brings nothing back; the oldest go first."""
LONGEST_SHARED = 128
"""Longer strings are rarely met twice."""

log = logging.getLogger(__name__)


def key_of(manifest: Json) -> Key:
    """Return namespace and name of an object."""
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


class Informer:
    """Copies one collection.

    Args:
        client: how to reach the API server.
        api_version: such as `apps/v1`.
        kind: such as `Deployment`; items of a list do not say it themselves.
        plural: such as `deployments`.
        namespace: only this one; None for all.
        selector: label selector.
        group_by: label by whose value objects are found together.
        trim: keeps of an object what is needed, to save memory.
        changed: called with every object that was added, changed or deleted.
    """

    def __init__(
        self,
        client: Client,
        api_version: str,
        kind: str,
        plural: str,
        *,
        namespace: str | None = None,
        selector: str = "",
        group_by: str = "",
        trim: Callable[[Json], Json] = lambda manifest: manifest,
        changed: Callable[[Json], None] = lambda manifest: None,
    ) -> None:
        self.kind = kind
        self._namespace = namespace
        self._client = client
        self._api_version = api_version
        self._path = collection(api_version, plural, namespace)
        self._selector = {"labelSelector": selector} if selector else {}
        self._group_by = group_by
        self._trim = trim
        self._changed = changed
        self._objects: dict[Key, Json] = {}
        self._groups: dict[Key, set[Key]] = {}
        self._deleted: dict[Key, int] = {}
        self._in_flight: set[Key] = set()
        self._synced = asyncio.Event()
        self._version = ""

    def covers(self, namespace: str) -> bool:
        """Return whether objects of this namespace are copied here."""
        return self._namespace in (None, namespace)

    def get(self, key: Key) -> Json | None:
        """Return the copy of one object."""
        return self._objects.get(key)

    def group(self, namespace: str, value: str) -> Iterator[Json]:
        """Iterate over the objects of a namespace whose `group_by` label has this value."""
        return (self._objects[key] for key in self._groups.get((namespace, value), ()))

    def __iter__(self) -> Iterator[Json]:
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    async def synced(self) -> None:
        """Wait until the collection was listed once."""
        await self._synced.wait()

    @property
    def is_synced(self) -> bool:
        """Whether the collection was listed once."""
        return self._synced.is_set()

    @contextmanager
    def writing(self, key: Key) -> Iterator[None]:
        """Say that an object is being written: what the watch tells of it meanwhile is taken over,
        but wakes nobody, because it mostly is the write itself."""
        self._in_flight.add(key)
        try:
            yield
        finally:
            self._in_flight.discard(key)

    def store(self, manifest: Json) -> None:
        """Take over an object that a write returned; tell if somebody has changed it since."""
        known = self._objects.get(key_of(manifest))
        if known and _version(known) > _version(manifest):
            self._changed(known)
        self._put(manifest)

    def forget(self, manifest: Json) -> None:
        """Take out an object that we deleted."""
        key = key_of(manifest)
        live = self._objects.get(key)
        if live and live["metadata"]["uid"] == manifest["metadata"]["uid"]:
            self._remove(live, _version(live))

    def observe(self, event: str | None, manifest: Json) -> None:
        """Take over one watch event that somebody else received."""
        if event == "DELETED":
            self._remove(manifest, _version(manifest))
            self._changed(manifest)
        else:
            self._put(manifest, tell=True)

    async def run(self) -> None:
        """List and watch for ever."""
        delay = FIRST_DELAY
        while True:
            began = monotonic()
            try:
                if not self._version:
                    await self.relist()
                await self._watch()
                delay = FIRST_DELAY
                await asyncio.sleep(BETWEEN_WATCHES)
            except ApiError as error:
                if error.is_gone:
                    self._version = ""
                else:
                    log.warning("watch of %s: %s", self._path, error)
                if monotonic() - began > delay:
                    delay = FIRST_DELAY  # it went well for longer than was waited before
                jitter = random.uniform(0.5, 1.0)  # noqa: S311
                await asyncio.sleep(max(delay * jitter, error.retry_after))
                delay = min(delay * 2, LONGEST_DELAY)

    async def relist(self) -> None:
        """Read the whole collection, and tell about all that differs from the copy."""
        seen: set[Key] = set()
        version = ""
        pages = {"limit": str(PAGE), **self._selector}
        while True:
            page = await self._client.get(self._path, **pages)
            version = page["metadata"]["resourceVersion"]
            for manifest in page["items"]:
                seen.add(key_of(manifest))
                self._put(manifest, tell=True)
            following = page["metadata"].get("continue")
            if not following:
                break
            pages["continue"] = following
        for key in set(self._objects) - seen:
            live = self._objects[key]
            # What we made after the list was read is not missing from it.
            if _version(live) <= int(version):
                self._remove(live, int(version))
                self._changed(live)
        self._deleted = {key: gone for key, gone in self._deleted.items() if gone > int(version)}
        self._version = version
        self._synced.set()

    async def _watch(self) -> None:
        async for event in self._client.watch(
            self._path, resourceVersion=self._version, **self._selector
        ):
            manifest = event["object"]
            match event["type"]:
                case "ERROR":
                    raise ApiError(
                        "WATCH",
                        self._path,
                        manifest.get("code", 500),
                        manifest.get("reason", ""),
                        manifest.get("message", ""),
                    )
                case "BOOKMARK":
                    pass
                case kind:
                    self.observe(kind, manifest)
            self._version = manifest["metadata"]["resourceVersion"]

    def _put(self, manifest: Json, *, tell: bool = False) -> None:
        """Take over a state that is newer than the one we have."""
        key = key_of(manifest)
        known = self._objects.get(key)
        version = _version(manifest)
        if version <= max(_version(known) if known else 0, self._deleted.get(key, 0)):
            return
        self._deleted.pop(key, None)
        manifest.setdefault("apiVersion", self._api_version)
        manifest.setdefault("kind", self.kind)
        manifest["metadata"].pop("managedFields", None)
        if known:
            self._ungroup(known)
        self._objects[key] = trimmed = self._trim(manifest)
        _share_strings(trimmed)
        self._groups.setdefault(self._group_of(manifest), set()).add(key)
        if tell and key not in self._in_flight:
            self._changed(self._objects[key])

    def _remove(self, manifest: Json, version: int) -> None:
        key = key_of(manifest)
        live = self._objects.get(key)
        if live and _version(live) <= version:
            self._ungroup(live)
            del self._objects[key]
            self._deleted[key] = version
            if len(self._deleted) > MOST_TOMBSTONES:
                del self._deleted[next(iter(self._deleted))]

    def _group_of(self, manifest: Json) -> Key:
        labels = manifest["metadata"].get("labels") or {}
        return manifest["metadata"].get("namespace", ""), labels.get(self._group_by, "")

    def _ungroup(self, manifest: Json) -> None:
        group = self._group_of(manifest)
        members = self._groups[group]
        members.discard(key_of(manifest))
        if not members:
            del self._groups[group]


def _share_strings(value: Json | list[Any]) -> None:
    """Let all copies share their short strings: thousands of objects repeat the same few words,
    and half of the memory would be theirs. Keys are shared by the JSON decoder."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, str):
            if len(inner) <= LONGEST_SHARED:
                value[key] = sys.intern(inner)
        elif isinstance(inner, dict | list):
            _share_strings(inner)


def _version(manifest: Json) -> int:
    """Return the resourceVersion; versions of one collection are ordered numbers."""
    return int(manifest["metadata"]["resourceVersion"])
