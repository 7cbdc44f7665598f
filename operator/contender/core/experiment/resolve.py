"""Resolve: candidates become revisions of the target, once, when the experiment starts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.capture import Rows
from contender.api.v1alpha1.experiment import Candidate, ExperimentSpec
from contender.api.v1alpha1.experiment_status import Plan, PlannedArm
from contender.core import names
from contender.core.errors import explain
from contender.core.experiment.objections import objection
from contender.core.records import Record, pod_input
from contender.core.snapshot import Snapshot
from contender.core.template import render_workload
from contender.router.traffic import INCUMBENT

CHANGEABLE = ("promotion", "paused")
"""Of a spec: what the CRD lets somebody change after the start."""


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
        hash=plan_hash(spec, snapshot.spec, (served, *planned)),
        incumbent=served,
        replicas=snapshot.pods_wanted(incumbent.name),
        candidates=planned,
    )
    return Resolved(plan, tuple(found.values()))


def plan_hash(spec: ExperimentSpec, target: ModelDeploymentSpec, arms: Iterable[PlannedArm]) -> str:
    """Return the hash of all that is tested and how, which must not change after the start.

    What may change meanwhile is left out: who promotes, whether it is paused, and the pods of an
    arm, since the same model in other pods is the same arm.

    Args:
        spec: of the Experiment.
        target: of its ModelDeployment, for how rows and truths are read.
        arms: the incumbent and its candidates.
    """
    tested = _without(spec.canonical(), *CHANGEABLE)
    models = [_without(one.canonical(), "revision") for one in arms]
    return names.digest([tested, _judging(spec, target), models])


def _without(said: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in fields}


def _judging(spec: ExperimentSpec, target: ModelDeploymentSpec) -> dict[str, Any]:
    """Return what objectives take over from the target: their truths, how rows are read, and the
    segments that are looked at."""
    if not spec.objectives:
        return {}
    named = {one.feedback for one in spec.objectives}
    declared = [one.canonical() for one in target.feedback or [] if one.name in named]
    return {"feedback": declared, "rows": _rows(spec, target.rows)}


def _rows(spec: ExperimentSpec, rows: Rows | None) -> dict[str, Any] | None:
    if rows is None:
        return None
    named = (spec.analysis and spec.analysis.segments) or []
    looked_at = [one for one in rows.segments or [] if one.name in named]
    return rows.model_copy(update={"segments": looked_at or None}).canonical()


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
