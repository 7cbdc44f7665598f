"""An informer: a local copy of a collection, kept up to date by LIST and WATCH.

It never ends by an error: it waits and lists again. What we write ourselves is put into the copy
at once (`store`), so that a pass never acts on a state older than its own writes.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterator
from time import monotonic

from contender.kube.client import Client, collection
from contender.kube.copies import Copies, Json, Key, key_of, version_of
from contender.kube.errors import ApiError

PAGE = 500
FIRST_DELAY = 0.5
BETWEEN_WATCHES = 0.1
"""Seconds: a server that ends every watch at once must not be asked thousands of times."""
LONGEST_DELAY = 30.0
RELIST_SECONDS = 600.0
"""How often a collection is listed anew: by then at the latest a lost watch event is noticed."""

log = logging.getLogger(__name__)


def relist_seconds() -> float:
    """Return when to list anew: not all collections at the same moment."""
    return RELIST_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 (jitter)


def without_managed_fields(manifest: Json) -> Json:
    """Take out who set which field: a third of an object, and mostly of no use."""
    manifest["metadata"].pop("managedFields", None)
    return manifest


class Informer:
    """Copies one collection.

    Args:
        client: how to reach the API server.
        api_version: such as `apps/v1`.
        kind: such as `Deployment`; items of a list do not say it themselves.
        plural: such as `deployments`.
        namespace: only this one; None for all.
        selector: label selector.
        group_of: the value by which objects are found together.
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
        group_of: Callable[[Json], str] = lambda manifest: "",
        trim: Callable[[Json], Json] = without_managed_fields,
        changed: Callable[[Json], None] = lambda manifest: None,
    ) -> None:
        self.kind = kind
        self._namespace = namespace
        self._client = client
        self._api_version = api_version
        self._path = collection(api_version, plural, namespace)
        self._selector = {"labelSelector": selector} if selector else {}
        self._trim = trim
        self._changed = changed
        self._copies = Copies(group_of)
        self._in_flight: dict[Key, Json | None] = {}
        """What is being written, and what the watch told of it meanwhile."""
        self._synced = asyncio.Event()
        self._version = ""

    def covers(self, namespace: str) -> bool:
        """Return whether objects of this namespace are copied here."""
        return self._namespace in (None, namespace)

    def get(self, key: Key) -> Json | None:
        """Return a copy of one object."""
        return self._copies.get(key)

    def group(self, namespace: str, value: str) -> Iterator[Json]:
        """Iterate over the objects of a namespace for which `group_of` has this value."""
        return self._copies.group(namespace, value)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._copies)

    def __len__(self) -> int:
        return len(self._copies)

    async def synced(self) -> None:
        """Wait until the collection was listed once."""
        await self._synced.wait()

    @property
    def is_synced(self) -> bool:
        """Whether the collection was listed once."""
        return self._synced.is_set()

    @contextlib.contextmanager
    def writing(self, key: Key) -> Iterator[None]:
        """Say that an object is being written: what the watch tells of it meanwhile is taken over,
        but wakes nobody, because it mostly is the write itself; unless the write fails."""
        self._in_flight[key] = None
        try:
            yield
        except BaseException:
            if hushed := self._in_flight.get(key):
                self._changed(hushed)
            raise
        finally:
            self._in_flight.pop(key, None)

    def store(self, manifest: Json) -> None:
        """Take over an object that a write returned; tell if somebody has changed it since."""
        known = self._copies.get(key_of(manifest))
        if known and version_of(known) > version_of(manifest):
            self._changed(known)
        self._put(manifest)

    def forget(self, manifest: Json) -> None:
        """Take out an object that we deleted."""
        key = key_of(manifest)
        live = self._copies.get(key)
        if live and live["metadata"]["uid"] == manifest["metadata"]["uid"]:
            self._copies.remove(key, version_of(live))

    def observe(self, event: str | None, manifest: Json) -> None:
        """Take over one watch event that somebody else received."""
        if event == "DELETED":
            self._copies.remove(key_of(manifest), version_of(manifest))
            self._changed(manifest)
        else:
            self._put(manifest, tell=True)

    async def run(self) -> None:
        """List and watch for ever."""
        delay, relist_at = FIRST_DELAY, 0.0
        while True:
            began = monotonic()
            try:
                if not self._version or began >= relist_at:
                    await self.relist()
                    relist_at = monotonic() + relist_seconds()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(relist_at - monotonic()):
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
        for key in self._copies.keys() - seen:
            live = self._copies.get(key)
            # What we made after the list was read is not missing from it.
            if live and self._copies.remove(key, int(version)):
                self._changed(live)
        self._copies.forget_deletions(int(version))
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
        if self._copies.knows(manifest):
            return
        key = key_of(manifest)
        moves = self._copies.group_at(key) not in (None, self._copies.group_of(manifest))
        left = self._copies.get(key) if moves else None
        manifest.setdefault("apiVersion", self._api_version)
        manifest.setdefault("kind", self.kind)
        self._copies.put(self._trim(manifest))
        if not tell:
            return
        if left:
            self._changed(left)  # its former owner has to know too
        if key in self._in_flight:
            self._in_flight[key] = manifest
        else:
            self._changed(manifest)
