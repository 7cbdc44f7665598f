"""diff: the least writes that turn what exists into what should exist.

A child is compared field by field with what is wanted: wanted fields that differ are written, what
others have put into the spec is taken out, and fields that are no longer wanted are noticed by the
hash of what was applied last. Fields that the API server added are left alone. A write replaces the
child's spec, so that the result is what a fresh creation would give.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contender.api.v1alpha1 import GROUP
from contender.core import names
from contender.core.children.base import POD, Child, Path
from contender.core.foreign import added_by_others, disowned, is_touched
from contender.core.manifest import Manifest, annotation, name_of, value_at, with_value, without
from contender.core.plan import Annotated, Context, Plan
from contender.core.quantity import same_quantity
from contender.core.snapshot import Insistence, Snapshot


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
    """Which fields differ."""
    wanted: Manifest
    """What is ours of the object."""
    others: tuple[Path, ...] = ()
    """What of this belongs to others."""

    @property
    def applied(self) -> str:
        """Hash of what is ours."""
        return annotation(self.wanted, names.ANNOTATION_APPLIED)


@dataclass(frozen=True)
class Delete:
    """DELETE an object, with its uid as precondition."""

    child: Child
    manifest: Manifest


@dataclass(frozen=True)
class Annotate:
    """PATCH annotations into an object, whatever else has changed of it."""

    child: Child
    manifest: Manifest
    annotations: Mapping[str, str]


Write = Create | Update | Annotate | Delete

_APPLIED: Path = ("metadata", "annotations", names.ANNOTATION_APPLIED)
_QUANTITY = re.compile(r"\.resources\.(requests|limits)\.|\.target\.\w+$|\.(sizeLimit|divisor)$")
"""Fields in which the API server may spell the same amount another way."""

MOST_NAMED = 3
"""How many objects, and fields of each, status names that are left to others."""

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
    writes.extend(
        Annotate(POD, one.pod, {names.ANNOTATION_CONFIG: one.value}) for one in plan.nudges
    )
    writes.extend(_unwanted(snapshot, plan, children))
    return tuple(write for write in writes if not _is_vain(snapshot, write))


def left_to_others(snapshot: Snapshot, plan: Plan) -> tuple[str, ...]:
    """Return what is left as others made it although spec wants it otherwise, for people."""
    if plan.paused or not snapshot.insisted:
        return ()
    found: list[str] = []
    for child, wanted in plan.wanted:
        live = snapshot.child(child.resource.kind, name_of(wanted))
        write = compare(plan.context, child, wanted, live)
        if isinstance(write, Update) and _is_vain(snapshot, write):
            more = " and more" if len(write.fields) > MOST_NAMED else ""
            fields = ", ".join(write.fields[:MOST_NAMED])
            found.append(f"{child.resource.kind} {name_of(wanted)}: {fields}{more}")
    return tuple(found)


def _is_vain(snapshot: Snapshot, write: Write) -> bool:
    """Return whether the same write did not help before: repeating it would be an endless fight."""
    if not isinstance(write, Update):
        return False
    insisted = snapshot.insisted.get(write.manifest["metadata"]["uid"])
    return insisted == Insistence(write.applied, write.fields)


def compare(
    context: Context, child: Child, wanted: Manifest, live: Manifest | None
) -> Write | None:
    """Return the write that makes one child as wanted, or None when it is."""
    others = child.others(context, wanted)
    stamped = _stamp(wanted, others)
    if live is None:
        return Create(child, stamped)
    merged = _with_kept(stamped, live, others)
    fields = tuple(differences(merged, live))
    if not fields:
        return None
    return Update(child, _over(merged, live), fields, stamped, others)


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
        key: value for key, value in (theirs.get("annotations") or {}).items() if not _is_ours(key)
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
    if is_touched(live):
        metadata["managedFields"] = disowned(live)
    return {**wanted, "metadata": metadata}


def _annotate(one: Annotated) -> Update:
    manifest: Manifest = one.live
    for key, value in one.annotations.items():
        manifest = with_value(manifest, ("metadata", "annotations", key), value)
    wanted: Manifest = {"metadata": {**manifest["metadata"], "labels": {}}}
    return Update(one.child, manifest, tuple(differences(wanted, one.live)), wanted)


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
    """Iterate over the fields of `wanted` that the live object does not have so, and over what
    others have put into its spec beside them.

    Of the metadata, our labels, annotations and the owner count; what others put there does not.
    """
    ours, theirs = wanted["metadata"], live["metadata"]
    yield from _missing(ours["labels"], theirs.get("labels") or {}, "metadata.labels")
    own = {key: value for key, value in (theirs.get("annotations") or {}).items() if _is_ours(key)}
    for key in sorted({*filter(_is_ours, ours["annotations"]), *own}):
        if ours["annotations"].get(key) != own.get(key):
            yield f"metadata.annotations.{key}"
    for body in sorted(set(wanted) - {"apiVersion", "kind", "metadata"}):
        yield from _missing(wanted[body], live.get(body), body)
    yield from added_by_others(wanted, live)


def _is_ours(annotation: str) -> bool:
    return annotation.startswith(f"{GROUP}/") and annotation not in names.OF_USERS


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
    """Return what the next comparison will find: the fields of ours that were stored otherwise than
    we wrote them."""
    return tuple(differences(_with_kept(write.wanted, stored, write.others), stored))
