"""Records: the durable truth about each revision.

A ControllerRevision holds what a revision is, frozen at its birth, and as annotations the marks of
what happened to it. Status can be lost; this cannot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from contender.api.v1alpha1 import GROUP, ModelDeploymentSpec
from contender.core import names, routers
from contender.core.manifest import (
    Manifest,
    format_micro_time,
    label,
    name_of,
    parse_time,
)
from contender.core.snapshot import Snapshot
from contender.core.template import RENDERER

GUESSED = "guessed"
"""Renderer of a record whose words were lost and are guessed from its pods: it may go on serving,
but it is never what spec wants."""


DECISIVE = ("version", "image", "command", "args", "env", "envFrom", "volumeMounts")
"""Fields of a container that decide which answers it gives."""


SIZE = ("resources", "imagePullPolicy", "securityContext")
"""Fields of a container that its pod is given, whatever runs in it."""


class UnreadableRecord(Exception):
    """A record that makes no sense: nothing may be decided until somebody mends it."""


def pod_input(spec: ModelDeploymentSpec) -> dict[str, Any]:
    """Return the user fields that decide what runs in a pod."""
    said = spec.canonical()
    return {key: said[key] for key in ("model", "transformer", "pod") if key in said}


def model_input(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of `pod_input`, the fields that decide which answers the model gives."""
    decides: dict[str, Any] = {
        role: {key: pod[role][key] for key in DECISIVE if key in pod[role]}
        for role in ("model", "transformer")
        if role in pod
    }
    if volumes := pod.get("pod", {}).get("volumes"):
        decides["volumes"] = volumes
    return decides


def with_model(pod: Mapping[str, Any], winner: Mapping[str, Any]) -> dict[str, Any]:
    """Return `winner` with the pods that `pod` asks for; both as of `pod_input`. How the winner is
    asked (its port, protocol and probes) belongs to the winner, its size to the pod."""
    merged: dict[str, Any] = {**winner}
    for role in ("model", "transformer"):
        if role in winner and role in pod:
            kept = {key: value for key, value in winner[role].items() if key not in SIZE}
            merged[role] = {**kept, **{key: pod[role][key] for key in SIZE if key in pod[role]}}
    volumes = winner.get("pod", {}).get("volumes")
    merged["pod"] = {**pod.get("pod", {}), **({"volumes": volumes} if volumes else {})}
    return {key: value for key, value in merged.items() if value}


@dataclass(frozen=True)
class Record:
    """One stored revision."""

    name: str
    number: int
    """Order of birth within the ModelDeployment."""
    input: Mapping[str, Any]
    """What the user said, canonical."""
    workload: Mapping[str, Any]
    """Pod template and progress settings, as rendered at birth."""
    renderer: str = RENDERER
    marks: Mapping[str, str] = field(default_factory=lambda: {})
    """What happened to it, also what only a later version understands."""
    more: Mapping[str, Any] = field(default_factory=lambda: {})
    """What a later version stored besides."""

    @property
    def version(self) -> str:
        """Version of the model."""
        return self.input["model"]["version"]

    @property
    def image(self) -> str:
        """Image of the model."""
        return self.input["model"]["image"]

    @property
    def account(self) -> str:
        """Service account of its pods, or the empty string for the namespace's default."""
        return self.workload["template"]["spec"].get("serviceAccountName", "")

    @property
    def port(self) -> int:
        """Port of its pods that callers reach."""
        ports = (
            port
            for container in self.workload["template"]["spec"]["containers"]
            for port in container.get("ports", [])
        )
        return next(one["containerPort"] for one in ports if one["name"] == names.FRONT_PORT)

    @cached_property
    def pod_hash(self) -> str:
        """Hash of all user fields of the pod."""
        return names.digest(self.input)

    @cached_property
    def model_hash(self) -> str:
        """Hash of the user fields that decide the answers."""
        return names.digest(model_input(self.input))

    @property
    def served_at(self) -> datetime | None:
        """When the revision last began to serve."""
        mark = self.marks.get(names.ANNOTATION_SERVED_AT)
        return parse_time(mark) if mark else None

    @property
    def won_against(self) -> str | None:
        """The modelHash of the spec in whose place it serves, as the winner of an Experiment."""
        mark = self.marks.get(names.ANNOTATION_WON)
        return mark.partition(" ")[2] if mark else None

    def marked(self, **marks: str) -> "Record":
        """Return the record with more marks; keyword names are those of `names`, an empty value
        removes the mark."""
        merged = {**self.marks, **{getattr(names, key): value for key, value in marks.items()}}
        return replace(self, marks={key: value for key, value in merged.items() if value})


def stored_records(snapshot: Snapshot) -> tuple[Record, ...]:
    """Read the records; rebuild from its Deployment one that somebody deleted."""
    records = {
        record.name: record
        for record in (read_record(child) for child in snapshot.of_kind("ControllerRevision"))
    }
    answers = answering_revision(snapshot, records.values())
    for deployment in snapshot.workloads():
        if name_of(deployment) not in records:
            rebuilt = _rebuild(snapshot, deployment, records.values(), answers)
            if rebuilt:
                records[rebuilt.name] = rebuilt
    return tuple(sorted(records.values(), key=lambda record: (-record.number, record.name)))


def read_record(manifest: Manifest) -> Record:
    """Return what a ControllerRevision of ours says.

    Raises:
        UnreadableRecord: it was not written by an operator.
    """
    try:
        data = dict(manifest["data"])
        record = Record(
            name=name_of(manifest),
            number=manifest["revision"],
            input=data.pop("input"),
            workload=data.pop("workload"),
            renderer=data.pop("renderer"),
            marks=_marks(manifest),
            more=data,
        )
        _ = record.version[:0], record.image[:0], record.account[:0], record.served_at
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(
            f"ControllerRevision {name_of(manifest)!r} is no record of this operator"
            f" ({type(error).__name__}: {error}): mend or delete it"
        ) from error
    return record


def _marks(manifest: Manifest) -> dict[str, str]:
    return {
        key: value
        for key, value in (manifest["metadata"].get("annotations") or {}).items()
        if key.startswith(f"{GROUP}/") and key != names.ANNOTATION_APPLIED and value
    }


def _rebuild(
    snapshot: Snapshot, deployment: Manifest, known: Iterable[Record], answers: str
) -> Record | None:
    """Return the record that a Deployment was made from, if it is still what spec says.

    A Deployment holds the template but not the user's words. If callers are led to a revision
    whose words are lost, they are taken from its template, so that it goes on serving.
    """
    spec = deployment["spec"]
    workload = {
        key: spec[key]
        for key in ("minReadySeconds", "progressDeadlineSeconds", "template")
        if spec.get(key)
    }
    name = name_of(deployment)
    serves = name == answers
    wanted = pod_input(snapshot.spec)
    refreshes = ("", snapshot.command(names.COMMAND_REFRESH))
    if name in {names.revision_name(snapshot.name, names.digest(wanted), one) for one in refreshes}:
        words: Mapping[str, Any] = wanted
        renderer = RENDERER
    elif serves:
        model = next(
            container
            for container in spec["template"]["spec"]["containers"]
            if container["name"] == names.MODEL_CONTAINER
        )
        version = label(spec["template"], names.LABEL_VERSION)
        words = {"model": {"version": version, "image": model["image"]}}
        renderer = GUESSED
    else:
        return None
    # When it began to serve is lost too; the endpoint says that no other began later.
    born = parse_time(deployment["metadata"]["creationTimestamp"])
    others = [record.served_at for record in known if record.served_at]
    since = max([born, *(other + timedelta(microseconds=1) for other in others)])
    marks = {names.ANNOTATION_SERVED_AT: format_micro_time(since)} if serves else {}
    return Record(name, 0, words, workload, renderer, marks)


def selected_revision(snapshot: Snapshot) -> str:
    """Return the revision to which the endpoint leads now, directly or through routers."""
    if routers.carry_callers(snapshot):
        return routers.leads_to(snapshot)
    endpoint = snapshot.child("Service", snapshot.name)
    return (endpoint or {}).get("spec", {}).get("selector", {}).get(names.LABEL_REVISION, "")


def answering_revision(snapshot: Snapshot, known: Iterable[Record]) -> str:
    """Return the revision to which callers are led, or were before the endpoint was lost: then it
    is the one with most ready pods, unless a record tells of another that has some."""
    if selected := selected_revision(snapshot):
        return selected
    served = {record.name for record in known if record.served_at}
    ready = {
        name: pods
        for name in sorted(name_of(deployment) for deployment in snapshot.workloads())
        if (pods := snapshot.pods_ready(name))
    }
    return "" if served & ready.keys() else max(ready, key=lambda name: ready[name], default="")


def handled(records: tuple[Record, ...], command: str, token: str) -> bool:
    """Return whether a command's token was carried out before."""
    return any(record.marks.get(command) == token for record in records)


def replaced(records: tuple[Record, ...], changed: Record) -> tuple[Record, ...]:
    """Return the records with one of them changed."""
    return tuple(changed if record.name == changed.name else record for record in records)
