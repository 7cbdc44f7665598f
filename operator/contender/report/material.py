"""Material: all that is known of one Experiment when a report about it is made."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contender.api.v1alpha1 import ExperimentSpec, ExperimentStatus, ModelDeploymentSpec
from contender.api.v1alpha1.capture import Feedback, Rows
from contender.api.v1alpha1.container import Model
from contender.core.errors import explain
from contender.core.experiment.course import run_of
from contender.core.experiment.looks import Look, read_look

Json = dict[str, Any]


class Unreadable(ValueError):
    """Something is not what it should be; the message says what, and how to mend it."""


@dataclass(frozen=True)
class Subject:
    """The Experiment itself."""

    namespace: str
    name: str
    uid: str
    spec: ExperimentSpec
    status: ExperimentStatus

    @property
    def run(self) -> str:
        """What tells its data in the recorder."""
        return run_of(self.uid, self.status.attempts)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of all arms, the incumbent first."""
        plan = self.status.plan
        return (plan.incumbent.name, *(one.name for one in plan.candidates)) if plan else ()


@dataclass(frozen=True)
class Material:
    """An Experiment, and what was found out about it."""

    subject: Subject
    target: ModelDeploymentSpec
    """Of its ModelDeployment, what says how rows and truths are read."""
    looks: tuple[Json, ...] = ()
    """How it stood at moments that the data decided, as the recorder tells; only those that were
    weighed."""
    rows: tuple[Json, ...] | None = None
    """Some rows to which arms gave different answers; None: nobody asked for them."""
    lacking: tuple[str, ...] = ()
    """What could not be read, and how to mend it."""


def subject_of(manifest: Mapping[str, Any]) -> Subject:
    """Return an Experiment as the API server has it.

    Raises:
        Unreadable: it is none, or one of another version.
    """
    with _reading("Experiment"):
        metadata = manifest["metadata"]
        return Subject(
            namespace=str(metadata["namespace"]),
            name=str(metadata["name"]),
            uid=str(metadata["uid"]),
            spec=ExperimentSpec.model_validate(manifest["spec"]),
            status=ExperimentStatus.model_validate(manifest.get("status") or {}),
        )


def experiment_of(manifest: Mapping[str, Any]) -> ExperimentSpec:
    """Return the spec of an Experiment, which need not be in a cluster.

    Raises:
        Unreadable: it is none, or one of another version.
    """
    with _reading("Experiment"):
        return ExperimentSpec.model_validate(manifest["spec"])


def target_of(manifest: Mapping[str, Any]) -> ModelDeploymentSpec:
    """Return the spec of a ModelDeployment as the API server has it.

    Raises:
        Unreadable: it is none, or one of another version.
    """
    with _reading("ModelDeployment"):
        return ModelDeploymentSpec.model_validate(manifest["spec"])


@contextmanager
def _reading(kind: str) -> Iterator[None]:
    """Say what is wrong with an object that cannot be read.

    Raises:
        Unreadable: it is none of this kind, or one of another version.
    """
    try:
        yield
    except ValidationError as error:
        what = f"the {kind} cannot be read by this version of contender: {explain(error)}"
        raise Unreadable(what) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"this is no {kind}: {error!r} is not as it should be") from error


def reading(feedback: Sequence[Feedback] = (), rows: Rows | None = None) -> ModelDeploymentSpec:
    """Return a target of which nothing is known but how rows and truths are read."""
    model = Model(version="unknown", image="unknown")
    return ModelDeploymentSpec(model=model, feedback=[*feedback], rows=rows)


def looks_of(told: Sequence[Mapping[str, Any]]) -> tuple[Look, ...]:
    """Return looks that can be weighed.

    Raises:
        Unreadable: they are none.
    """
    try:
        return tuple(read_look(one) for one in told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"a look is not as a recorder tells it: {error!r}") from error
