"""Sealing: a verdict with all that it follows from, so that anybody can check it later, offline."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contender import __version__
from contender.api.v1alpha1 import ExperimentSpec, ExperimentStatus
from contender.api.v1alpha1.capture import Feedback, Rows
from contender.core.errors import explain
from contender.core.experiment.looks import LABELLED, VALUE
from contender.core.experiment.machine import Phase
from contender.core.experiment.resolve import plan_hash
from contender.report.material import Json, Material, Subject, Unreadable, looks_of, reading

KIND = "SealedVerdict"
FORMAT = 1
"""Raised when a file means something else than before."""
DIGEST = "digest"
_ALGORITHM = "sha256:"

_TOLD = (
    *("phase", "reason", "message", "plan", "beganAt", "attempts", "arms", "epochs", "guardrails"),
    *("comparisons", "look", "leader", "undecided", "recommended", "winner", "verdict", "handled"),
    *("byCommand", "countedAt"),
)
"""What of a status is sealed: all but where routers' counters stood, and what goes on by itself."""
_OPEN = (Phase.PENDING, Phase.RUNNING, Phase.PAUSED)
_NUMBERS = ("replicas", "ready", "weight", "desiredWeight", "shadowPercent")
"""Of an arm: what goes on after the verdict."""


class Newer(Unreadable):
    """The file was sealed by a newer version, in a format that this one does not know."""


class Identity(BaseModel):
    """Which Experiment it is."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    name: str
    uid: str


class Target(BaseModel):
    """How the target says that rows and truths are read."""

    model_config = ConfigDict(frozen=True)

    feedback: list[Feedback]
    """Declarations of the truths that objectives are about."""
    rows: Rows | None = None


class Sealed(BaseModel):
    """The content of a file."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["SealedVerdict"]
    format: Annotated[int, Field(ge=1)]
    contender: str
    """Version that has sealed it."""
    experiment: Identity
    spec: ExperimentSpec
    target: Target
    status: ExperimentStatus
    looks: list[dict[str, Any]]
    """The looks that were weighed: means, and how sure they are."""
    planHash: bool  # noqa: N815 - as it is written
    """Whether the plan's hash could be computed anew: not when the target has come to read rows or
    truths otherwise since the start."""
    digest: str

    def material(self) -> Material:
        """Return what is to be weighed again."""
        one = self.experiment
        subject = Subject(one.namespace, one.name, one.uid, self.spec, self.status)
        target = reading(self.target.feedback, self.target.rows)
        return Material(subject, target, tuple(self.looks))


def seal(material: Material) -> Json:
    """Return the content of a sealed file.

    Raises:
        Unreadable: nothing was decided yet, or it is not known what it follows from.
    """
    subject = material.subject
    if subject.status.plan is None or subject.status.phase in _OPEN:
        what = f"there is no verdict to seal: the Experiment is {subject.status.phase}"
        raise Unreadable(f"{what}. Without --seal it is told how it stands")
    named = {one.feedback for one in subject.spec.objectives or []}
    content: Json = {
        "kind": KIND,
        "format": FORMAT,
        "contender": __version__,
        "experiment": {"namespace": subject.namespace, "name": subject.name, "uid": subject.uid},
        "spec": subject.spec.manifest(),
        "target": _target(material, named),
        "status": _told(subject.status),
        "looks": [_needed(one, subject) for one in material.looks],
        "planHash": subject.status.plan.hash == hash_of_plan(material),
    }
    return {**content, DIGEST: digest_of(content)}


def _needed(look: Mapping[str, Any], subject: Subject) -> Json:
    """Return a look with what objectives are weighed by, and no other losses."""
    needed = {(one.feedback, one.loss or VALUE) for one in subject.spec.objectives or []}
    needed |= {(feedback, LABELLED) for feedback, _ in needed}
    means = [one for one in look["means"] if (one["feedback"], one["loss"]) in needed]
    return {**look, "means": means}


def _target(material: Material, named: set[str]) -> Json:
    declared = material.target.feedback or []
    found: Json = {"feedback": [one.manifest() for one in declared if one.name in named]}
    rows = material.target.rows
    return {**found, "rows": rows.manifest()} if rows else found


def hash_of_plan(material: Material) -> str:
    """Return the hash of the plan as it follows from all the rest; empty: there is no plan."""
    subject = material.subject
    plan = subject.status.plan
    if plan is None:
        return ""
    return plan_hash(subject.spec, material.target, (plan.incumbent, *plan.candidates))


def _told(status: ExperimentStatus) -> Json:
    told = status.manifest()
    found = {key: told[key] for key in _TOLD if key in told}
    for arm in found.get("arms", []):
        for number in _NUMBERS:
            arm.pop(number, None)
    return found


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 digest of all but the digest itself.

    It is taken of JSON with sorted keys and without spaces: in Python
    `json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` as UTF-8.
    """
    rest = {key: value for key, value in content.items() if key != DIGEST}
    text = json.dumps(
        rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return _ALGORITHM + hashlib.sha256(text.encode()).hexdigest()


def written(content: Json) -> bytes:
    """Return a file: each field in a line, and each look."""
    fields = []
    for key, value in content.items():
        if key == "looks" and value:
            text = "[\n  " + ",\n  ".join(map(_line, value)) + "\n ]"
        else:
            text = _line(value)
        fields.append(f" {_line(key)}: {text}")
    return ("{\n" + ",\n".join(fields) + "\n}\n").encode()


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def opened(raw: bytes) -> tuple[Sealed, Json]:
    """Return the content of a file, as it is understood and as it is written.

    Raises:
        Newer: it was sealed by a newer version.
        Unreadable: it is none.
    """
    content = _json(raw)
    found = content.get("format")
    if content.get("kind") != KIND or not isinstance(found, int):
        raise Unreadable("it is no sealed verdict: `contender report NAME --seal FILE` writes one")
    if found > FORMAT:
        by = str(content.get("contender", "a newer version"))[:40]
        raise Newer(
            f"it is of format {found}, sealed by contender {by}; this is contender {__version__},"
            f" which knows formats up to {FORMAT}: verify it with a newer one"
        )
    try:
        sealed = Sealed.model_validate(content)
    except ValidationError as error:
        raise Unreadable(f"it is no whole sealed verdict: {explain(error)}") from error
    looks_of(sealed.looks)
    return sealed, content


def _json(raw: bytes) -> Json:
    try:
        content = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON, or not all of it: {error}") from error
    if not isinstance(content, dict):
        raise Unreadable("it is no sealed verdict: that is a JSON object")
    try:
        digest_of(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it cannot be digested: {error}") from error
    return content


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
