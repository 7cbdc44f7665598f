"""What every field of spec may say: the states between which a test changes it.

The schema names the fields and right values (tests/contract/fields.py). Around each field stands
one of the bases, so that the fields are met in models of every shape.
"""

import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from zlib import crc32

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from tests.contract import fields
from tests.contract.fields import Field, Json, Schema, Step

LONGEST = 100
"""Characters of a value: what long ones do is a matter of the schema, not of a change."""

_MODEL: Json = {"version": "1", "image": "churn:1", "resources": {"requests": {"cpu": "1"}}}
_CPU: Json = {"type": "CPU", "target": 70}

BASES: dict[str, Json] = {
    "minimal": {"model": _MODEL},
    "with a transformer": {"model": _MODEL, "transformer": {"image": "front:1"}},
    "gRPC": {"model": {**_MODEL, "protocol": "H2C", "probes": {"grpc": {}}}},
    "fixed replicas": {"model": _MODEL, "scaling": {"minReplicas": 3}},
    "autoscaled": {
        "model": _MODEL,
        "scaling": {"minReplicas": 2, "maxReplicas": 5, "metrics": [_CPU]},
    },
    "with retraining": {
        "model": _MODEL,
        "retraining": {"schedule": "0 3 * * 0", "job": {"image": "train:1"}},
    },
}

SPECIAL: dict[str, Sequence[Any]] = {
    "timeZone": ("Europe/Berlin", "Asia/Tokyo"),
    "schedule": ("0 3 * * 0", "@daily"),
    "divisor": ("1", "1m"),
    "fieldPath": ("metadata.name", "status.podIP"),
    "resource": ("limits.cpu", "limits.memory"),
}
"""By name of the field: values where the API server knows more than the schema."""

Accepts = Callable[[Json], Awaitable[bool]]
"""Says whether the API server stores a spec."""


@dataclass(frozen=True)
class Change:
    """One field changed: between two whole specs, both of which the API server takes."""

    field: Field
    base: str
    said: Json
    """The spec with the field."""
    other: Json
    """The spec without it; where it may not be absent alone, with another value, or without what
    holds it."""


def every_field() -> list[Field]:
    """Return all nodes of the schema below spec."""
    return [field for field in fields.fields("spec") if len(field.path) > 1]


async def change_of(field: Field, accepts: Accepts) -> Change | None:
    """Return a change of a field that matters around one of its bases, or at least one that may be
    made; None when there is no such."""
    found: list[Change] = []
    for name in _bases(field):
        change = await _around(field, name, accepts)
        if change and matters(change):
            return change
        found += [change] if change else []
    return next(iter(found), None)


def _bases(field: Field) -> list[str]:
    """Return the bases in the order in which they suit a field. Fields that stand together begin
    with the same, so that one's spec without it is the spec of the other."""
    names = [*BASES]
    start = crc32(".".join(map(str, field.path[1:3])).encode()) % len(names)
    turned = [*names[start:], *names[:start]]
    return sorted(turned, key=lambda name: field.path[1] not in BASES[name])


async def _around(field: Field, base: str, accepts: Accepts) -> Change | None:
    """Return the first change around a base that matters, or else the first that may be made."""
    specs = [*_specs(field, BASES[base])]
    found: list[Change] = []
    for said in specs:
        others = [*_lacking(field, said), BASES[base]]
        for other in [*specs, *others] if field.required else others:
            if other != said and await accepts(said) and await accepts(other):
                found.append(Change(field, base, said, other))
                if matters(found[-1]):
                    return found[-1]
    return next(iter(found), None)


def matters(change: Change) -> bool:
    """Return whether the two specs ask for different children."""
    return _rendered(change.said) != _rendered(change.other)


def _rendered(spec: Json) -> list[Json]:
    metadata = {"name": "churn", "namespace": "default", "uid": "1", "generation": 1}
    plan = make_plan(
        Snapshot(
            owner={"metadata": metadata, "spec": spec},
            spec=ModelDeploymentSpec.model_validate(spec),
            now=datetime(2026, 1, 1, tzinfo=UTC),
            allowed_accounts=defaultdict(lambda: True),
        )
    )
    return [manifest for _, manifest in plan.wanted if manifest["kind"] != "ControllerRevision"]


def _specs(field: Field, base: Json) -> Iterator[Json]:
    """Iterate over the base with each value of the field, and what the rules ask for then."""
    schema = fields.schema_of_crd()
    for value in _values(field):
        body = {"spec": deepcopy(base)}
        put(body, schema, field.path, value)
        yield fields.complete(body)["spec"]


def _lacking(field: Field, said: Json) -> Iterator[Json]:
    """Iterate over the spec without the field: alone, or with more and more of what holds it."""
    for depth in range(len(field.path), 1, -1):
        spec = deepcopy(said)
        remove({"spec": spec}, field.path[:depth])
        yield spec


def put(node: Any, schema: Schema, path: tuple[Step, ...], value: Any) -> None:
    """Set a value at a path; what is missing on the way is made as small as may be."""
    step, *rest = path
    inner = _inner(schema, step)
    made = fields.least(inner) if rest else deepcopy(value)
    if isinstance(step, int):
        if not node:
            node.append(made)
        elif not rest:
            node[0] = made
    elif not rest or step not in node:
        node[step] = made
    if rest:
        put(node[step], inner, tuple(rest), value)


def _inner(schema: Schema, step: Step) -> Schema:
    if isinstance(step, int):
        return schema["items"]
    properties = schema.get("properties", {})
    return properties[step] if step in properties else schema["additionalProperties"]


def remove(node: Any, path: tuple[Step, ...]) -> None:
    """Take out what stands at a path, if anything does."""
    *way, last = path
    for step in way:
        node = node[step]
    del node[last]


def _values(field: Field) -> list[Any]:
    """Return short right values, and some that are like them."""
    if special := SPECIAL.get(str(field.path[-1])):
        return [*special]
    right = [one for one in fields.right_values(field) if len(json.dumps(one)) <= LONGEST]
    found: list[Any] = []
    for value in [*right, *chain.from_iterable(_like(field.schema, one) for one in right)]:
        if value not in found:
            found.append(value)
    # What is empty or a default comes last: it tends to mean the same as being absent.
    return sorted(found, key=lambda value: value in ("", False, {}))


def _like(schema: Schema, value: Any) -> Iterator[Any]:
    if isinstance(value, str) and "enum" not in schema and not fields.duration_bounds(schema):
        for other in (value.replace("a", "b"), f"{value}b", "b"):
            if re.search(schema.get("pattern", ""), other):
                yield other
    elif isinstance(value, int) and not isinstance(value, bool) and "minimum" in schema:
        yield min(value + 1, schema.get("maximum", value + 1))
    elif isinstance(value, list) and schema["items"].get("type") == "string":
        yield [*value, *value]
    elif isinstance(value, dict) and not value:
        for name, inner in schema.get("properties", {}).items():
            yield {name: fields.least(inner)}
