"""What stands in a namespace, without what differs between two objects that mean the same."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contender.core import names
from tests.e2e.kube import Json
from tests.faults.mutation_crowd import Crowd
from tests.scenarios.world import CHILD_KINDS

ChildKey = tuple[str, str]
"""Kind and name."""

HISTORY = (names.ANNOTATION_APPLIED, names.ANNOTATION_SERVED_AT)
"""Annotations of children that tell of the past, or are a hash over owner and namespace."""


@dataclass
class Look:
    """One ModelDeployment and its children, as they are stored."""

    children: dict[ChildKey, Json] = field(default_factory=dict)
    status: Json = field(default_factory=dict)
    message: str = ""
    current: bool = False
    """Whether status is about the present spec."""

    @property
    def revision(self) -> str:
        """The revision that serves."""
        return str((self.status.get("serving") or {}).get("revision", ""))

    @property
    def is_ready(self) -> bool:
        return self.current and self.status.get("phase") == "Ready"

    @property
    def revisions(self) -> set[str]:
        """The stored revisions."""
        return {name for kind, name in self.children if kind == "ControllerRevision"}


async def look(crowd: Crowd, namespace: str) -> dict[str, Look]:
    """Return all ModelDeployments of a namespace by name."""
    kinds = ["ModelDeployment", *CHILD_KINDS]
    owners, *others = await asyncio.gather(*(crowd.all(kind, namespace) for kind in kinds))
    found = {one["metadata"]["name"]: _look_at(one) for one in owners}
    for child in (one for listed in others for one in listed):
        owner = child["metadata"]["ownerReferences"][0]["name"]
        found[owner].children[child["kind"], child["metadata"]["name"]] = child
    return found


def _look_at(owner: Json) -> Look:
    status = owner.get("status") or {}
    return Look(
        status={
            "phase": status.get("phase"),
            "conditions": [
                (one["type"], one["status"], one["reason"]) for one in status.get("conditions", ())
            ],
            "serving": status.get("serving"),
            "candidate": status.get("candidate"),
            "retraining": sorted(status.get("retraining", {})),
        },
        message=status.get("message", ""),
        current=status.get("observedGeneration") == owner["metadata"]["generation"],
    )


def meaning(one: Look, name: str, replaced: str = "") -> Json:
    """Return what two ModelDeployments of different names must have in common.

    Args:
        one: what stands there.
        name: its name.
        replaced: the revision that was before, whose pods and record may still be there.
    """
    told = dict(one.status)
    children = {}
    for (kind, child), stored in one.children.items():
        if child != replaced or child == one.revision:
            automatic = ("HorizontalPodAutoscaler", child) in one.children
            children[f"{kind} {child}"] = _plain(stored, automatic=automatic)
            if automatic and told["serving"]:
                # How many there are is the autoscaler's, and so a matter of history.
                told["serving"] = {key: told["serving"][key] for key in ("revision", "version")}
    text = json.dumps({"children": children, "status": told})
    same: Json = json.loads(text.replace(one.revision or "?", "<revision>").replace(name, "<name>"))
    return same


def _plain(child: Json, *, automatic: bool) -> Json:
    """Return of a child what does not tell of its past."""
    metadata, annotations = child["metadata"], child["metadata"].get("annotations") or {}
    spec = dict(child.get("spec") or {})
    if child["kind"] == "Deployment" and automatic:
        del spec["replicas"]
    if child["kind"] == "Service" and spec["clusterIP"] != "None":
        del spec["clusterIP"], spec["clusterIPs"]  # given by the API server
    return {
        "spec": spec,
        "data": child.get("data"),
        "labels": metadata["labels"],
        "annotations": {key: one for key, one in annotations.items() if key not in HISTORY},
        "owners": [
            {key: value for key, value in owner.items() if key != "uid"}
            for owner in metadata["ownerReferences"]
        ],
        "finalizers": metadata.get("finalizers"),
    }


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Iterate over where two values differ, with both."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}, key=str):
            yield from differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {str(one)[:200]} is not {str(other)[:200]}"
