"""The Snapshot: all that one pass of the operator knows, frozen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.manifest import Manifest, annotation, label, name_of


@dataclass(frozen=True)
class Report:
    """The newest Warning of interest about an object."""

    reason: str
    message: str


@dataclass(frozen=True)
class Insistence:
    """What came back otherwise than we wrote it: a webhook has its own mind."""

    applied: str
    """Hash of what we wrote."""
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """One ModelDeployment and everything around it at one moment."""

    owner: Manifest
    """The ModelDeployment as the API server has it."""
    spec: ModelDeploymentSpec
    """Its spec, parsed."""
    now: datetime
    """The moment; the only clock the core knows."""
    children: tuple[Manifest, ...] = ()
    """Objects whose controlling owner is this ModelDeployment."""
    pods: tuple[Manifest, ...] = ()
    """Pods labelled as ours, serving and retraining."""
    runs: tuple[Manifest, ...] = ()
    """Jobs made by our CronJob; those started by a command are children."""
    allowed_accounts: Mapping[str, bool] = field(default_factory=lambda: {})
    """Service accounts the spec names: whether they exist and allow to be used."""

    insisted: Mapping[str, Insistence] = field(default_factory=lambda: {})
    """By uid of a child: what others insist on."""
    reports: Mapping[str, Report] = field(default_factory=lambda: {})
    """By uid: what only an Event says of a pod that is not ready, such as its probe's answer, and
    of a Job without pods."""

    @property
    def name(self) -> str:
        """Name of the ModelDeployment."""
        return name_of(self.owner)

    @property
    def namespace(self) -> str:
        """Namespace of the ModelDeployment."""
        return self.owner["metadata"]["namespace"]

    @property
    def uid(self) -> str:
        """Uid of the ModelDeployment."""
        return self.owner["metadata"]["uid"]

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return self.owner["metadata"].get("generation", 1)

    @property
    def status(self) -> Mapping[str, Any]:
        """Status as it was written last, possibly empty."""
        return self.owner.get("status") or {}

    @property
    def paused(self) -> bool:
        """Whether the operator may change nothing."""
        return self.spec.paused or annotation(self.owner, names.ANNOTATION_PAUSED) == "true"

    def command(self, key: str) -> str:
        """Return the token of a command annotation, or the empty string."""
        return annotation(self.owner, key)

    def of_kind(self, kind: str) -> Iterator[Manifest]:
        """Iterate over the live children of one kind."""
        return (child for child in self.children if child["kind"] == kind)

    def child(self, kind: str, name: str) -> Manifest | None:
        """Return one live child, if it is there."""
        return next((child for child in self.of_kind(kind) if name_of(child) == name), None)

    def pods_of(self, revision: str) -> tuple[Manifest, ...]:
        """Return the serving pods of one revision that are not on their way out."""
        return tuple(
            pod
            for pod in self.pods
            if label(pod, names.LABEL_REVISION) == revision
            and not pod["metadata"].get("deletionTimestamp")
        )

    def pods_wanted(self, revision: str) -> int:
        """Return the replicas that the revision's Deployment asks for."""
        deployment = self.child("Deployment", revision)
        return deployment["spec"].get("replicas", 0) if deployment else 0

    def pods_ready(self, revision: str) -> int:
        """Return how many pods of the revision are ready."""
        return self._count(revision, "readyReplicas")

    def pods_available(self, revision: str) -> int:
        """Return how many pods of the revision have been ready for `warmup.minReady`."""
        return self._count(revision, "availableReplicas")

    def _count(self, revision: str, key: str) -> int:
        deployment = self.child("Deployment", revision)
        return (deployment or {}).get("status", {}).get(key, 0)
