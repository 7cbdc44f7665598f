"""Fields that others have added to a child, told from its managedFields.

The API server notes who set each field. What it adds itself, defaults and what webhooks make of our
writes, counts as set by us. So a field that is another's, and not in what we render, was put there
by hand: a fresh creation would not have it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contender.core import names
from contender.core.manifest import Manifest

Owned = Mapping[str, Any]
"""FieldsV1: a tree of `f:<field>`, `k:<keys of a list item>` and `v:<value>`; `.` is the node."""


def is_touched(manifest: Manifest) -> bool:
    """Return whether others own a part of the object's spec. Subresources do not count: status is
    not ours, and who scales is known."""
    return any("f:spec" in owned for owned in _of_others(manifest))


def added_by_others(wanted: Manifest, live: Manifest) -> Iterator[str]:
    """Iterate over what others have put into the spec beside what is wanted."""
    if not is_touched(live):
        return
    managed = live["metadata"]["managedFields"]
    ours = [one.get("fieldsV1", {}) for one in managed if one.get("manager") == names.OPERATOR]
    for owned in _of_others(live):
        spec = [one.get("f:spec", {}) for one in ours]
        yield from _added(owned.get("f:spec", {}), spec, wanted.get("spec"), live["spec"], "spec")


def disowned(live: Manifest) -> list[dict[str, Any]]:
    """Return the managedFields in which others own nothing of the spec any more. Written together
    with the spec we want: what is there nevertheless is a default or a webhook's, and stays."""
    kept: list[dict[str, Any]] = []
    for one in live["metadata"]["managedFields"]:
        owned = one.get("fieldsV1", {})
        if _is_anothers(one):
            owned = {key: inner for key, inner in owned.items() if key != "f:spec"}
        if owned:
            kept.append({**one, "fieldsV1": owned})
    return kept or [{}]  # an empty list would mean: as before


def _is_anothers(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") != names.OPERATOR and not entry.get("subresource")


def _of_others(manifest: Manifest) -> Iterator[Owned]:
    for one in manifest["metadata"].get("managedFields") or []:
        if _is_anothers(one):
            yield one.get("fieldsV1", {})


def _added(owned: Owned, ours: list[Owned], wanted: Any, live: Any, path: str) -> Iterator[str]:
    for step, inner in owned.items():
        if step == ".":
            continue
        shared = [one[step] for one in ours if step in one]
        asked, found = _child(wanted, step), _child(live, step)
        where = f"{path}.{step[2:]}" if step.startswith("f:") else f"{path}[{step[2:]}]"
        if found is None or (shared and not inner):
            continue  # gone, or of the same opinion as we are
        if asked is None:
            # Whole items are compared anyway, and may lack a default in what we render.
            if step.startswith("f:"):
                yield where
        elif inner:
            yield from _added(inner, shared, asked, found, where)
        elif _has_more(found, asked):
            yield where


def _child(node: Any, step: str) -> Any:
    """Return the field or list item that a step names, or None."""
    kind, _, name = step.partition(":")
    if kind == "f":
        return node.get(name) if isinstance(node, Mapping) else None
    if kind == "k" and isinstance(node, list | tuple):
        keys = json.loads(name)
        return next((one for one in node if keys.items() <= one.items()), None)
    return None


def _has_more(found: Any, asked: Any) -> bool:
    """Return whether a value that is set as a whole has parts that nobody asked for."""
    if isinstance(found, Mapping) and isinstance(asked, Mapping):
        return any(key not in asked or _has_more(one, asked[key]) for key, one in found.items())
    if isinstance(found, list | tuple) and isinstance(asked, list | tuple):
        return any(map(_has_more, found, asked))
    return False
