"""Resolve: candidates become revisions of the target, once, when the experiment starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.experiment import Candidate, ExperimentSpec
from contender.api.v1alpha1.experiment_status import Plan, PlannedArm
from contender.core import names
from contender.core.errors import explain
from contender.core.experiment.objections import objection
from contender.core.records import Record, pod_input
from contender.core.snapshot import Snapshot
from contender.core.template import render_workload
from contender.router.traffic import INCUMBENT


class Unresolvable(Exception):
    """A candidate makes no revision; the message says what to mend."""


@dataclass(frozen=True)
class Resolved:
    """The plan of an experiment, and the records of its candidates."""

    plan: Plan
    records: tuple[Record, ...]


def resolve(
    snapshot: Snapshot,
    spec: ExperimentSpec,
    records: Sequence[Record],
    incumbent: Record,
) -> Resolved:
    """Return what the candidates are, with all that they take over from the target.

    Raises:
        Unresolvable: a candidate is no model, or the same as another arm.
    """
    if why := objection(spec, snapshot.spec):
        raise Unresolvable(why)
    known = {record.name: record for record in records}
    number = max((record.number for record in records), default=0)
    found: dict[str, Record] = {}
    for candidate in spec.candidates:
        record = _record(snapshot, candidate, number + 1 + len(found))
        record = known.get(record.name, record)
        _check_new(candidate.name, record, {INCUMBENT: incumbent, **found})
        found[candidate.name] = record
    planned = [_planned(name, record) for name, record in found.items()]
    served = _planned(INCUMBENT, incumbent)
    plan = Plan(
        hash=names.digest([spec.canonical(), [one.manifest() for one in (served, *planned)]]),
        incumbent=served,
        replicas=snapshot.pods_wanted(incumbent.name),
        candidates=planned,
    )
    return Resolved(plan, tuple(found.values()))


def _record(snapshot: Snapshot, candidate: Candidate, number: int) -> Record:
    """Return the candidate's record: its own fields over those of the target's spec."""
    target = pod_input(snapshot.spec)
    scaling = snapshot.spec.scaling
    body: dict[str, Any] = {
        **target,
        **({"scaling": scaling.canonical()} if scaling else {}),
        "model": {**target["model"], **_said(candidate)},
    }
    try:
        spec = ModelDeploymentSpec.model_validate(body)
    except ValidationError as error:
        raise Unresolvable(
            f"candidate {candidate.name}, with what it takes over from ModelDeployment"
            f" {snapshot.name}, is no model: {explain(error)}"
        ) from error
    if why := _misfit(spec):
        raise Unresolvable(f"candidate {candidate.name}: {why}")
    words = pod_input(spec)
    name = names.revision_name(snapshot.name, names.digest(words))
    return Record(name, number, words, render_workload(snapshot.name, name, spec))


def _misfit(spec: ModelDeploymentSpec) -> str:
    """Return why a model does not fit into the pod and the scaling that it takes over: what the CRD
    refuses in a ModelDeployment, where it sees all of it."""
    volumes = {one.name for one in (spec.pod.volumes or [] if spec.pod else [])}
    mounted = {one.name for one in spec.model.volume_mounts or []}
    if lost := sorted(mounted - volumes):
        return f"it mounts {', '.join(lost)}, which the target's spec.pod.volumes does not declare"
    if spec.transformer and spec.transformer.port == spec.model.port:
        return f"its port {spec.model.port} is that of the transformer in the same pod"
    said = spec.model.resources.canonical() if spec.model.resources else {}
    has_cpu = any("cpu" in amounts for amounts in said.values())
    by_cpu = spec.scaling and any(one.type == "CPU" for one in spec.scaling.metrics or [])
    if by_cpu and not has_cpu:
        return "the target scales by CPU, and its resources name none"
    return ""


def _said(candidate: Candidate) -> dict[str, Any]:
    """Return the fields that were written down, also those that say the default."""
    said = candidate.model.model_dump(by_alias=True, exclude_none=True, mode="json")
    written = {
        type(candidate.model).model_fields[one].alias for one in candidate.model.model_fields_set
    }
    canonical = candidate.model.canonical()
    return {key: canonical.get(key, value) for key, value in said.items() if key in written}


def _check_new(name: str, record: Record, others: dict[str, Record]) -> None:
    for other, known in others.items():
        if known.model_hash == record.model_hash:
            raise Unresolvable(
                f"candidate {name} is the same model as {other} (version {known.version}): give"
                " it another image, or another version to compare a model with itself"
            )


def _planned(name: str, record: Record) -> PlannedArm:
    return PlannedArm(
        name=name,
        revision=record.name,
        version=record.version,
        image=record.image,
        model_hash=record.model_hash,
    )
