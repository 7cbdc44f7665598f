"""The Snapshot: all that one pass of the operator knows, frozen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.manifest import Manifest, annotation, label, name_of

if TYPE_CHECKING:
    from contender.core.capturing import CaptureReport
    from contender.core.experiment.looks import Look


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


ROUTER_IMAGE = "docker.io/envoyproxy/envoy:distroless-v1.40.0"
"""Image of the router pods unless the platform sets another: a stock Envoy."""


@dataclass(frozen=True)
class Installation:
    """What the platform team set for the whole operator."""

    router_image: str = ROUTER_IMAGE
    """Image of the router pods."""
    namespace: str = ""
    """Namespace of the operator, from where it reads the routers; empty: it runs elsewhere."""
    recorder: str = ""
    """DNS name of the recorder's Service; empty: there is none, and nothing is captured."""


@dataclass(frozen=True)
class Reading:
    """What a ready router pod says of itself."""

    versions: frozenset[str] = frozenset()
    """Versions of the configuration that it works with; empty when it did not answer, or is not
    done with looking for pods."""
    sees: frozenset[str] = frozenset()
    """Revisions of which it knows pods."""
    scrape: str = ""
    """Its metrics, when they were asked for."""


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

    experiments: tuple[Manifest, ...] = ()
    """Experiments whose target is this ModelDeployment."""
    routers: Mapping[str, Reading] = field(default_factory=lambda: {})
    """By process (uid of the pod and number of restarts): what each ready router says."""
    refused: Mapping[str, str] = field(default_factory=lambda: {})
    """By revision of a candidate: why the API server refuses one of its children."""
    capture: "CaptureReport | None" = None
    """What is said of the capture; None: the recorder does not answer."""
    looks: "Mapping[str, tuple[Look, ...]]" = field(default_factory=lambda: {})
    """By uid of an Experiment (and number of its retries): what the recorder has noted of it, in
    the order of its numbers. At least what status does not know yet, and the last that it does."""
    installation: Installation = Installation()
    """What holds for all ModelDeployments."""
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
    def follows_winner(self) -> bool:
        """Whether the winner of an Experiment serves at once, and not when spec names it."""
        return self.spec.promotion is not None and self.spec.promotion.follow == "Winner"

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

    def workloads(self) -> Iterator[Manifest]:
        """Iterate over the live Deployments of revisions."""
        return (one for one in self.of_kind("Deployment") if label(one, names.LABEL_REVISION))

    def pods_of(self, revision: str) -> tuple[Manifest, ...]:
        """Return the serving pods of one revision that are not on their way out."""
        return tuple(
            pod
            for pod in self.pods
            if label(pod, names.LABEL_REVISION) == revision
            and not pod["metadata"].get("deletionTimestamp")
        )

    def router_pods(self) -> tuple[Manifest, ...]:
        """Return the router pods that are not on their way out."""
        return tuple(
            pod
            for pod in self.pods
            if label(pod, names.LABEL_ROLE) == "router"
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
