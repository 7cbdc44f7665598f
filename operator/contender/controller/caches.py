"""The caches: one informer per watched kind, and which ModelDeployment an object concerns."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from time import monotonic
from typing import Protocol

from contender.api.v1alpha1 import API_VERSION
from contender.core import names
from contender.core.children import CHILDREN
from contender.core.children.base import POD, Resource
from contender.core.children.experiment import RESOURCE as EXPERIMENTS
from contender.core.commands import is_unanswered
from contender.core.experiment.orders import is_unanswered as awaits_answer
from contender.core.foreign import is_touched
from contender.core.manifest import Manifest, annotation, label
from contender.core.snapshot import Insistence
from contender.kube.client import Client
from contender.kube.copies import Key, key_of
from contender.kube.errors import ApiError
from contender.kube.informer import Informer, relist_seconds, without_managed_fields

OWNERS = Resource(API_VERSION, "ModelDeployment", "modeldeployments")

RELIST_RETRY_SECONDS = 5.0
REFUSAL_MEMORY_SECONDS = 60.0
"""How long a candidate counts as refused: one that runs again is tried again."""

log = logging.getLogger(__name__)


class Wake(Protocol):
    """Told that something about a ModelDeployment has changed."""

    def __call__(self, key: Key, *, urgent: bool) -> None:
        """Take note.

        Args:
            key: whom it concerns.
            urgent: whether somebody waits for an answer in status.
        """


class Caches:
    """Copies of all watched collections.

    Args:
        client: how to reach the API server.
        namespaces: which to watch; none means all.
        wake: called with the key of a ModelDeployment whenever something about it has changed, and
            with whether somebody waits for an answer.
    """

    def __init__(self, client: Client, namespaces: Iterable[str], wake: Wake) -> None:
        self._wake = wake
        self._refused: dict[Key, tuple[float, str]] = {}
        """By revision of a candidate: when and why a child of it was refused."""
        self.insisted: dict[str, Insistence] = {}
        """By uid of a child: what others insist on. Only a process that wrote it knows."""
        scopes: list[str | None] = [*namespaces] or [None]
        self.owners = [
            Informer(
                client,
                OWNERS.api_version,
                OWNERS.kind,
                OWNERS.plural,
                namespace=scope,
                changed=self._owner_changed,
            )
            for scope in scopes
        ]
        self._missed = [asyncio.Event() for _ in scopes]
        self.children = [
            Informer(
                client,
                resource.api_version,
                resource.kind,
                resource.plural,
                namespace=scope,
                selector="" if resource == EXPERIMENTS else names.LABEL_OWNER,
                group_of=_target if resource == EXPERIMENTS else _owner,
                trim=TRIMMED.get(resource.kind, _trim_child),
                changed=self._child_changed,
            )
            for scope in scopes
            for resource in [*(child.resource for child in CHILDREN), POD.resource]
        ]

    async def run(self) -> None:
        """Keep the copies up to date for ever. Kopf watches the owners; what it misses is found by
        listing them now and then."""
        async with asyncio.TaskGroup() as group:
            for informer in self.children:
                group.create_task(informer.run())
            for informer, missed in zip(self.owners, self._missed, strict=True):
                group.create_task(_relist_for_ever(informer, missed))

    def owners_were_missed(self) -> None:
        """List the owners anew: some events of theirs may have been lost."""
        for missed in self._missed:
            missed.set()

    async def synced(self) -> None:
        """Wait until every collection was listed once: what is not seen is really not there."""
        for informer in [*self.owners, *self.children]:
            await informer.synced()

    @property
    def is_synced(self) -> bool:
        """Whether every collection was listed once."""
        return all(informer.is_synced for informer in [*self.owners, *self.children])

    def observe_owner(self, event: str | None, owner: Manifest) -> None:
        """Take over a watch event that Kopf received."""
        self._owners_of(owner["metadata"]["namespace"]).observe(event, owner)

    def owner(self, key: Key) -> Manifest | None:
        """Return the copy of a ModelDeployment."""
        return self._owners_of(key[0]).get(key)

    def all_owners(self) -> Iterator[Manifest]:
        """Iterate over all ModelDeployments."""
        return (owner for informer in self.owners for owner in informer)

    def writing(self, manifest: Manifest) -> AbstractContextManager[None]:
        """Say that an object, ModelDeployment or child, is being written."""
        metadata = manifest["metadata"]
        if manifest["kind"] == OWNERS.kind:
            return self._owners_of(metadata["namespace"]).writing(key_of(manifest))
        return self._of(manifest).writing(key_of(manifest))

    def store_owner(self, owner: Manifest) -> None:
        """Take over a ModelDeployment that a write returned."""
        self._owners_of(owner["metadata"]["namespace"]).store(owner)

    def learn_owner(self, owner: Manifest) -> None:
        """Take over a ModelDeployment that was read: news, as from the watch."""
        self._owners_of(owner["metadata"]["namespace"]).observe(None, owner)

    def related(self, key: Key) -> list[Manifest]:
        """Return all objects that concern a ModelDeployment: its children, their pods, and the
        Experiments about it."""
        return [found for informer in self.children for found in informer.group(*key)]

    def note_refusal(self, key: Key, why: str) -> None:
        """Note that the API server refuses a child of a candidate's revision."""
        self._refused[key] = (monotonic(), why)

    def refusals(self, namespace: str) -> dict[str, str]:
        """Return by revision what was refused of candidates lately."""
        since = monotonic() - REFUSAL_MEMORY_SECONDS
        self._refused = {key: one for key, one in self._refused.items() if one[0] >= since}
        return {key[1]: why for key, (_, why) in self._refused.items() if key[0] == namespace}

    def experiments(self, key: Key) -> list[Manifest]:
        """Return all Experiments about a ModelDeployment, be it there or not."""
        return [one for one in self.related(key) if one["kind"] == EXPERIMENTS.kind]

    def all_experiments(self) -> Iterator[Manifest]:
        """Iterate over all Experiments."""
        return (
            one
            for informer in self.children
            if informer.kind == EXPERIMENTS.kind
            for one in informer
        )

    def store(self, manifest: Manifest) -> None:
        """Take over a child that a write returned."""
        self._of(manifest).store(manifest)

    def learn(self, manifest: Manifest) -> None:
        """Take over a child that was read: news, as from the watch."""
        self._of(manifest).observe(None, manifest)

    def forget(self, manifest: Manifest) -> None:
        """Take out a child that was deleted."""
        self.insisted.pop(manifest["metadata"]["uid"], None)
        self._of(manifest).forget(manifest)

    def _of(self, manifest: Manifest) -> Informer:
        kind, namespace = manifest["kind"], manifest["metadata"]["namespace"]
        return next(one for one in self.children if one.kind == kind and one.covers(namespace))

    def _owners_of(self, namespace: str) -> Informer:
        return next(one for one in self.owners if one.covers(namespace))

    def _owner_changed(self, owner: Manifest) -> None:
        self._wake(key_of(owner), urgent=is_unanswered(owner))

    def _child_changed(self, child: Manifest) -> None:
        if child["kind"] == EXPERIMENTS.kind:
            key = child["metadata"]["namespace"], _target(child)
            self._wake(key, urgent=awaits_answer(child))
        else:
            key = child["metadata"]["namespace"], _owner(child)
            self._wake(key, urgent=False)


def _owner(child: Manifest) -> str:
    """Return the ModelDeployment to which a child belongs."""
    return label(child, names.LABEL_OWNER)


def _target(experiment: Manifest) -> str:
    """Return the ModelDeployment which an Experiment is about: users' own have no label of ours."""
    return str(experiment.get("spec", {}).get("target", ""))


async def _relist_for_ever(informer: Informer, missed: asyncio.Event) -> None:
    while True:
        missed.clear()
        try:
            await informer.relist()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(relist_seconds()):
                    await missed.wait()
        except ApiError as error:
            hint = " (apply crds/ first)" if error.not_found else ""
            log.warning("list of ModelDeployments: %s%s", error, hint)
            await asyncio.sleep(RELIST_RETRY_SECONDS)


def _trim_child(child: Manifest) -> Manifest:
    """Keep who set which field where others have set some."""
    return child if is_touched(child) else without_managed_fields(child)


def _trim_pod(pod: Manifest) -> Manifest:
    """Keep of a pod what its trouble and its report are read from, and how to reach a router."""
    status = pod.get("status") or {}
    kept = [
        "phase",
        "reason",
        "message",
        "conditions",
        "initContainerStatuses",
        "containerStatuses",
    ]
    metadata = {key: pod["metadata"][key] for key in POD_METADATA if key in pod["metadata"]}
    if label(pod, names.LABEL_ROLE) == "router":
        kept.append("podIP")
        config = annotation(pod, names.ANNOTATION_CONFIG)
        metadata["annotations"] = {names.ANNOTATION_CONFIG: config}
    return {
        "apiVersion": pod["apiVersion"],
        "kind": pod["kind"],
        "metadata": metadata,
        "status": {key: status[key] for key in kept if key in status},
    }


POD_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
TRIMMED: dict[str, Callable[[Manifest], Manifest]] = {"Pod": _trim_pod}
