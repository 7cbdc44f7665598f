"""Copies of the objects of one collection: what an informer remembers.

Each is kept as JSON text. As Python objects a fleet would take five times the memory, and to decode
one takes microseconds. So whoever asks gets an object of their own.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

Json = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""

MOST_TOMBSTONES = 10_000
"""Deletions that are remembered, so that a late event brings nothing back; the oldest go first."""


def key_of(manifest: Json) -> Key:
    """Return namespace and name of an object."""
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def version_of(manifest: Json) -> int:
    """Return the resourceVersion; versions of one collection are ordered numbers."""
    return int(manifest["metadata"]["resourceVersion"])


class _Copy(NamedTuple):
    version: int
    group: Key
    text: bytes


class Copies:
    """Copies by key, found in groups.

    Args:
        group_of: returns the value by which objects are found together.
    """

    def __init__(self, group_of: Callable[[Json], str]) -> None:
        self._group_of = group_of
        self._copies: dict[Key, _Copy] = {}
        self._groups: dict[Key, set[Key]] = {}
        self._deleted: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._copies)

    def __iter__(self) -> Iterator[Json]:
        return (orjson.loads(copy.text) for copy in [*self._copies.values()])

    def keys(self) -> set[Key]:
        """Return the keys of all copies."""
        return set(self._copies)

    def get(self, key: Key) -> Json | None:
        """Return the copy of one object."""
        copy = self._copies.get(key)
        return orjson.loads(copy.text) if copy else None

    def group(self, namespace: str, value: str) -> Iterator[Json]:
        """Iterate over the objects of a namespace for which `group_of` has this value."""
        for key in [*self._groups.get((namespace, value), ())]:
            yield orjson.loads(self._copies[key].text)

    def group_of(self, manifest: Json) -> Key:
        """Return the group of an object: its namespace and the value it is found by."""
        return manifest["metadata"].get("namespace", ""), self._group_of(manifest)

    def group_at(self, key: Key) -> Key | None:
        """Return the group of a copy; None when there is none."""
        return self._copies[key].group if key in self._copies else None

    def version(self, key: Key) -> int:
        """Return the version of a copy; 0 when there is none."""
        return self._copies[key].version if key in self._copies else 0

    def knows(self, manifest: Json) -> bool:
        """Return whether this state, or a later one, is known; a deletion is one."""
        key = key_of(manifest)
        return version_of(manifest) <= max(self.version(key), self._deleted.get(key, 0))

    def put(self, manifest: Json) -> None:
        """Keep a copy of an object, instead of the one there was."""
        key, group = key_of(manifest), self.group_of(manifest)
        self._ungroup(key)
        self._deleted.pop(key, None)
        # Copied, as orjson gives away its whole buffer of several times the length.
        text = bytes(memoryview(orjson.dumps(manifest)))
        self._copies[key] = _Copy(version_of(manifest), group, text)
        self._groups.setdefault(group, set()).add(key)

    def remove(self, key: Key, version: int) -> bool:
        """Take out a copy that is not newer than the version of its deletion; return whether."""
        if key not in self._copies or self.version(key) > version:
            return False
        self._ungroup(key)
        del self._copies[key]
        self._deleted[key] = version
        if len(self._deleted) > MOST_TOMBSTONES:
            del self._deleted[next(iter(self._deleted))]
        return True

    def forget_deletions(self, version: int) -> None:
        """Forget deletions up to a version: nothing older is to come."""
        self._deleted = {key: gone for key, gone in self._deleted.items() if gone > version}

    def _ungroup(self, key: Key) -> None:
        if key not in self._copies:
            return
        group = self._copies[key].group
        members = self._groups[group]
        members.discard(key)
        if not members:
            del self._groups[group]
