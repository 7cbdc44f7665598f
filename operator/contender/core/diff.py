"""diff: the least writes that turn what exists into what should exist.

A child is compared field by field with what is wanted: fields that the API server or others added
are left alone, wanted fields that differ are written, and fields that are no longer wanted are
noticed by the hash of what was applied last. A write replaces the child's spec, so that the result
is what a fresh creation would give.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contender.api.v1alpha1 import GROUP
from contender.core import names
from contender.core.children.base import Child, Path
from contender.core.manifest import Manifest, name_of, value_at, with_value, without
from contender.core.plan import Annotated, Context, Plan
from contender.core.quantity import same_quantity
from contender.core.snapshot import Snapshot


@dataclass(frozen=True)
class Create:
    """POST an object: never takes over one that is there."""

    child: Child
    manifest: Manifest


@dataclass(frozen=True)
class Update:
    """PUT an object, with the resourceVersion it was read at."""

    child: Child
    manifest: Manifest
    fields: tuple[str, ...]
    """Which fields differ, for the log."""


@dataclass(frozen=True)
class Delete:
    """DELETE an object, with its uid as precondition."""

    child: Child
    manifest: Manifest


Write = Create | Update | Delete

_APPLIED: Path = ("metadata", "annotations", names.ANNOTATION_APPLIED)
_QUANTITY = re.compile(r"\.resources\.(requests|limits)\.|\.target\.\w+$|\.(sizeLimit|divisor)$")
"""Fields in which the API server may spell the same amount another way."""

_WHOLE = frozenset({"spec.selector"})
"""Maps that mean something as a whole: one more label would select no pod at all."""


def diff(snapshot: Snapshot, plan: Plan, children: tuple[Child, ...]) -> tuple[Write, ...]:
    """Return the writes of one pass, in order: what is new or changed, then what goes.

    Args:
        snapshot: what exists.
        plan: what should exist.
        children: the registry of kinds that may be deleted.
    """
    if plan.paused:
        return ()
    writes: list[Write] = []
    for child, wanted in plan.wanted:
        live = snapshot.child(child.resource.kind, name_of(wanted))
        write = compare(plan.context, child, wanted, live)
        if write:
            writes.append(write)
    writes.extend(_annotate(one) for one in plan.annotated)
    writes.extend(_unwanted(snapshot, plan, children))
    return tuple(writes)


def compare(
    context: Context, child: Child, wanted: Manifest, live: Manifest | None
) -> Write | None:
    """Return the write that makes one child as wanted, or None when it is."""
    others = child.others(context)
    stamped = _stamp(wanted, others)
    if live is None:
        return Create(child, stamped)
    merged = _with_kept(stamped, live, others)
    fields = tuple(differences(merged, live))
    if not fields:
        return None
    return Update(child, _over(merged, live), fields)


def _stamp(wanted: Manifest, others: tuple[Path, ...]) -> Manifest:
    """Note on the manifest the hash of what we apply, without what belongs to others."""
    bare: Mapping[str, Any] = wanted
    for path in others:
        bare = without(bare, path)
    return with_value(wanted, _APPLIED, names.digest(bare))


def _with_kept(wanted: Manifest, live: Manifest, others: tuple[Path, ...]) -> Manifest:
    """Copy from the live object what belongs to others. An empty value is not kept: an autoscaler
    rests at zero replicas and would never come back by itself."""
    for path in others:
        if value := value_at(live, path):
            wanted = with_value(wanted, path, value)
    return wanted


def _over(wanted: Manifest, live: Manifest) -> Manifest:
    """Return the object to PUT: our body, and the metadata of others beside ours."""
    theirs = live["metadata"]
    ours = wanted["metadata"]
    annotations = {
        key: value
        for key, value in (theirs.get("annotations") or {}).items()
        if not key.startswith(f"{GROUP}/")
    }
    metadata = {
        **{key: theirs[key] for key in ("uid", "resourceVersion", "finalizers") if key in theirs},
        **ours,
        "labels": {**(theirs.get("labels") or {}), **ours["labels"]},
        "annotations": {**annotations, **ours["annotations"]},
        "ownerReferences": [
            *ours["ownerReferences"],
            *(
                owner
                for owner in theirs.get("ownerReferences") or []
                if owner.get("uid") != ours["ownerReferences"][0]["uid"]
            ),
        ],
    }
    return {**wanted, "metadata": metadata}


def _annotate(one: Annotated) -> Update:
    manifest: Manifest = one.live
    for key, value in one.annotations.items():
        manifest = with_value(manifest, ("metadata", "annotations", key), value)
    return Update(one.child, manifest, tuple(sorted(one.annotations)))


def _unwanted(snapshot: Snapshot, plan: Plan, children: tuple[Child, ...]) -> Iterator[Delete]:
    """Iterate over children that are no longer wanted; what they hang on goes last."""
    wanted = {(child.resource.kind, name_of(one)) for child, one in plan.wanted}
    for child in reversed(children):
        kind = child.resource.kind
        for live in snapshot.of_kind(kind):
            kept = kind == "Job" and name_of(live) in plan.kept_jobs
            leaving = live["metadata"].get("deletionTimestamp")
            if (kind, name_of(live)) not in wanted and not kept and not leaving:
                yield Delete(child, live)


def differences(wanted: Manifest, live: Manifest) -> Iterator[str]:
    """Iterate over the fields of `wanted` that the live object does not have so.

    Of the metadata, our labels, annotations and the owner count; what others put there does not.
    """
    ours, theirs = wanted["metadata"], live["metadata"]
    yield from _missing(ours["labels"], theirs.get("labels") or {}, "metadata.labels")
    own = {
        key: value
        for key, value in (theirs.get("annotations") or {}).items()
        if key.startswith(f"{GROUP}/")
    }
    for key in sorted({*ours["annotations"], *own}):
        if ours["annotations"].get(key) != own.get(key):
            yield f"metadata.annotations.{key}"
    for body in sorted(set(wanted) - {"apiVersion", "kind", "metadata"}):
        yield from _missing(wanted[body], live.get(body), body)


def _missing(wanted: Any, live: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            if wanted or live is not None:
                yield path
            return
        if path in _WHOLE and wanted.keys() != live.keys():
            yield path
            return
        for key, value in wanted.items():
            yield from _missing(value, live.get(key), f"{path}.{key}")
    elif isinstance(wanted, list | tuple):
        if not isinstance(live, list | tuple) or len(live) != len(wanted):
            yield path
            return
        for index, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from _missing(one, other, f"{path}[{index}]")
    elif wanted != live and not (_QUANTITY.search(path) and same_quantity(wanted, live)):
        yield path


def residue(write: Update, stored: Manifest) -> tuple[str, ...]:
    """Return the fields that the API server stored otherwise than we wrote them: a mutating webhook
    has its own mind, and writing again would be an endless fight."""
    return tuple(differences(write.manifest, stored))
