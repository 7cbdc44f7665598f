"""Small helpers on Kubernetes objects as plain dictionaries."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""


def name_of(manifest: Mapping[str, Any]) -> str:
    """Return metadata.name."""
    return manifest["metadata"]["name"]


def annotation(manifest: Mapping[str, Any], key: str) -> str:
    """Return an annotation, or the empty string."""
    return (manifest["metadata"].get("annotations") or {}).get(key, "")


def label(manifest: Mapping[str, Any], key: str) -> str:
    """Return a label, or the empty string."""
    return (manifest["metadata"].get("labels") or {}).get(key, "")


def owned_by(manifest: Mapping[str, Any], uid: str) -> bool:
    """Return whether the object with this uid is the controlling owner."""
    owners = manifest["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == uid and owner.get("controller") for owner in owners)


def condition(manifest: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """Return the status condition of this type, if the object has it."""
    for entry in (manifest.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            return entry
    return None


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime.

    Raises:
        ValueError: the text is no RFC 3339 time.
    """
    return datetime.fromisoformat(text).astimezone(UTC)


def format_time(when: datetime) -> str:
    """Return a time as Kubernetes writes it: UTC, whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(when: datetime) -> str:
    """Return a time with microseconds (Kubernetes' MicroTime), so that marks keep their order."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def value_at(node: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, or None."""
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def with_value(node: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a manifest with another value at a path; the original stays, and shares the rest."""
    key, *rest = path
    inner = with_value(node.get(key) or {}, tuple(rest), value) if rest else value
    return {**node, key: inner}


def without(node: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    """Return a manifest without the value at a path; the original stays, and shares the rest."""
    key, *rest = path
    if key not in node:
        return node
    if rest:
        return {**node, key: without(node[key], tuple(rest))}
    return {other: value for other, value in node.items() if other != key}
