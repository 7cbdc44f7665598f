"""Every field of the CRD's spec: an object that is right around it, and values right and wrong.

The schema itself says what to try: nothing here knows a field by name, but for the few that a rule
ties to another field (`complete`).
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from contender.api.crd import modeldeployment_crd

Schema = Mapping[str, Any]
Json = dict[str, Any]
Step = str | int
"""A property or key, or the index of an item."""

LONG = 4096
"""Strings that have no pattern are tried up to their limit, those with one as their pattern may."""


@dataclass(frozen=True)
class Field:
    """One node of the schema below spec."""

    path: tuple[Step, ...]
    schema: Schema
    required: bool = False

    @property
    def where(self) -> str:
        """The path as the API server writes it."""
        text = ""
        for step in self.path:
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                text += f".{step}" if text else step
        return text

    def __str__(self) -> str:
        return self.where.replace("[0]", "")


@cache
def schema_of_crd() -> Schema:
    """Return the schema of a ModelDeployment."""
    return modeldeployment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def fields(part: str = "spec") -> Iterator[Field]:
    """Iterate over all fields below a part of the object, itself included."""
    root = schema_of_crd()
    yield from _walk(Field((part,), root["properties"][part], part in root["required"]))


def _walk(field: Field) -> Iterator[Field]:
    yield field
    schema, required = field.schema, field.schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(Field((*field.path, name), inner, name in required))
    if "items" in schema:
        yield from _walk(Field((*field.path, 0), schema["items"]))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _walk(Field((*field.path, "cpu"), schema["additionalProperties"]))


# Objects


def around(field: Field, value: Any) -> Json:
    """Return a ModelDeployment with this value at a field, and no more than the field needs."""
    body: Json = {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "churn", "namespace": "default"},
        "spec": {
            "model": {
                "version": "1",
                "image": "churn:1",
                "resources": {"requests": {"cpu": "1m"}},
            },
        },
    }
    _put(body, schema_of_crd(), field.path, value)
    return complete(body)


def without(field: Field) -> Json:
    """Return a ModelDeployment that lacks a required field."""
    body = around(field, least(field.schema))
    node: Any = body
    for step in field.path[:-1]:
        node = node[step]
    del node[field.path[-1]]
    return body


def _put(node: Any, schema: Schema, path: tuple[Step, ...], value: Any) -> None:
    step, *rest = path
    inner = _inner(schema, step)
    if not rest:
        _set(node, step, deepcopy(value))
        return
    if isinstance(step, int) and not node:
        node.append(least(inner))
    elif isinstance(step, str) and step not in node:
        node[step] = [] if "items" in inner else least(inner)
    _put(node[step], inner, tuple(rest), value)


def _set(node: Any, step: Step, value: Any) -> None:
    if isinstance(step, int) and not node:
        node.append(value)
    else:
        node[step] = value


def _inner(schema: Schema, step: Step) -> Schema:
    if isinstance(step, int):
        return schema["items"]
    properties = schema.get("properties", {})
    return properties[step] if step in properties else schema["additionalProperties"]


def least(schema: Schema) -> Any:  # noqa: PLR0911 (one per type)
    """Return the smallest value that the schema allows."""
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != "")
    match schema.get("type"):
        case None:
            return "1"  # a quantity
        case "string":
            return text(schema, max(1, schema.get("minLength", 0)))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "array":
            return [least(schema["items"]) for _ in range(schema.get("minItems", 0))]
        case "boolean":
            return True
        case _:
            properties = schema.get("properties", {})
            return {name: least(properties[name]) for name in schema.get("required", ())}


def text(schema: Schema, length: int) -> str:
    """Return a string of this length, or the nearest, that the schema's pattern allows."""
    pattern = re.compile(schema.get("pattern", ""))
    for first, repeated, last in (
        ("", "a", ""),
        ("/", "a", ""),
        ("", "1s", ""),
        ("0", ",0", " * * * *"),
        ("", "0", "1"),
        ("", "a", "/" + "a" * 63),
        ("metadata.labels['", "a", "']"),
        ("", "metadata.name", ""),
        ("limits.hugepages-", "a", ""),
        ("", "limits.cpu", ""),
        ("1", "m", ""),
        ("1", "Ki", ""),
    ):
        count = (length - len(first) - len(last)) // len(repeated)
        candidate = first + repeated * max(0 if first else 1, count) + last
        if pattern.search(candidate):
            return candidate
    raise AssertionError(f"no example matches {pattern.pattern}: add one")


# Right values


def right_values(field: Field) -> Iterator[Any]:
    """Iterate over the values at the bounds, all of which the API server must accept."""
    schema = field.schema
    if "enum" in schema:
        yield from schema["enum"]
    elif schema.get("x-kubernetes-int-or-string"):
        yield from (1, "1", "1500m", "2Gi", "1e3", "0.5")
        yield text(schema, schema["maxLength"])
    elif bounds := duration_bounds(schema):
        yield from (*bounds, text(schema, schema["maxLength"]))
    else:
        yield from _right_by_type(schema)


def _right_by_type(schema: Schema) -> Iterator[Any]:
    match schema["type"]:
        case "string":
            if "pattern" not in schema and not schema.get("minLength"):
                yield ""
            yield text(schema, 1)
            yield text(schema, min(schema["maxLength"], LONG))
        case "integer":
            yield schema["minimum"]
            yield schema.get("maximum", schema["minimum"] + 1)
        case "boolean":
            yield from (True, False)
        case "array":
            yield items(schema, max(1, schema.get("minItems", 0)))
            if schema["items"].get("enum") is None:
                yield items(schema, schema["maxItems"])
        case "object":
            yield least(schema)
            if "maxProperties" in schema:
                yield keys(schema, schema["maxProperties"])


def items(schema: Schema, count: int) -> list[Any]:
    """Return a list of this many right items, told apart by their key where the list has one."""
    made = [least(schema["items"]) for _ in range(count)]
    for number, item in enumerate(made):
        for key in schema.get("x-kubernetes-list-map-keys", ())[:1]:
            item[key] = f"{item[key]}{number}"
    return made


def keys(schema: Schema, count: int) -> Json:
    """Return a map of this many right values."""
    return {
        f"example.com/k{number}": least(schema["additionalProperties"]) for number in range(count)
    }


def duration_bounds(schema: Schema) -> tuple[str, str] | None:
    """Return the least and the longest duration that the schema's rule allows."""
    for one in schema.get("x-kubernetes-validations", ()):
        found = re.findall(r"duration\('(\w+)'\)", one["rule"])
        if len(found) == 2:
            return found[0], found[1]
    return None


# Wrong values


@dataclass(frozen=True)
class Wrong:
    """A value that the API server must refuse."""

    why: str
    value: Any
    says: str
    """What the message must say, beside the path of the field."""


def wrong_values(field: Field) -> Iterator[Wrong]:
    """Iterate over values that break one promise of the schema each."""
    schema = field.schema
    yield _wrong_type(schema)
    if "enum" in schema:
        allowed = ", ".join(f'"{value}"' for value in schema["enum"])
        yield Wrong("not one of the words", "Nonsense", f"supported values: {allowed}")
    if bounds := duration_bounds(schema):
        says = f"must be a duration from {bounds[0]} to {bounds[1]}"
        yield Wrong("too short", "0s", says)
        yield Wrong("too long", "999999h", says)
    yield from _wrong_text(schema)
    yield from _wrong_number(schema)
    yield from _wrong_size(schema)


def _wrong_type(schema: Schema) -> Wrong:
    if schema.get("x-kubernetes-int-or-string"):
        return Wrong("neither number nor text", [], "in body must be of type integer,string")
    kind = schema["type"]
    value = 7 if kind == "string" else "text"
    return Wrong(f"no {kind}", value, f"in body must be of type {kind}")


def _wrong_text(schema: Schema) -> Iterator[Wrong]:
    if "maxLength" in schema:
        most = schema["maxLength"]
        longer = "1s" * most if duration_bounds(schema) else "a" * (most + 1)
        yield Wrong("too many characters", longer, f"may not be more than {most} bytes")
    if schema.get("minLength"):
        yield Wrong("empty", "", "should be at least 1 chars long")
    if "pattern" in schema:
        pattern = re.compile(schema["pattern"])
        for value in ("", " ", "a b", "a\n", "-", "x"):
            if len(value) >= schema.get("minLength", 0) and not _matches(pattern, value):
                yield Wrong(f"{value!r}", value, "should match")


def _matches(pattern: re.Pattern[str], value: str) -> bool:
    """Search as the API server does: `$` is the end, not what stands before a last newline."""
    return bool(re.search(pattern.pattern.replace("$", r"\Z"), value))


def _wrong_number(schema: Schema) -> Iterator[Wrong]:
    if "minimum" in schema:
        least_number = schema["minimum"]
        says = f"should be greater than or equal to {least_number}"
        yield Wrong("below the minimum", least_number - 1, says)
    if "maximum" in schema:
        most = schema["maximum"]
        yield Wrong("above the maximum", most + 1, f"should be less than or equal to {most}")
    if schema.get("type") == "integer":
        yield Wrong("a fraction", 1.5, "must be of type integer")


def _wrong_size(schema: Schema) -> Iterator[Wrong]:
    if "maxItems" in schema:
        most = schema["maxItems"]
        yield Wrong("too many items", items(schema, most + 1), f"must have at most {most} item")
    if schema.get("minItems"):
        yield Wrong("too few items", [], "should have at least 1 items")
    if "maxProperties" in schema:
        most = schema["maxProperties"]
        yield Wrong("too many keys", keys(schema, most + 1), f"must have at most {most} item")
    if "x-kubernetes-list-map-keys" in schema:
        yield Wrong("twice the same", items(schema, 1) * 2, "Duplicate value")


# Rules between fields


def complete(body: Json) -> Json:
    """Add what the rules between fields ask for. What is of a wrong type is left as it is."""
    spec = body["spec"]
    if not isinstance(spec, dict):
        return body
    for container, pod in _containers(spec):
        _complete_container(container, pod)
    for pod in _pods(spec):
        for volume in _dicts(pod.get("volumes")):
            if not volume.keys() & {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}:
                volume["emptyDir"] = {}
        for toleration in _dicts(pod.get("tolerations")):
            _complete_toleration(toleration)
        for part in ("affinity", "topologySpreadConstraints"):
            _complete_requirements(pod.get(part))
    _complete_scaling(spec.get("scaling"))
    _complete_requirements(spec.get("scaling"))
    retraining = spec.get("retraining")
    if isinstance(retraining, dict) and "timeZone" in retraining:
        retraining.setdefault("schedule", "@daily")
    return body


def _containers(spec: Json) -> Iterator[tuple[Json, Json]]:
    for name in ("model", "transformer"):
        if isinstance(spec.get(name), dict):
            yield spec[name], spec
    if job := _job(spec):
        yield job, job


def _job(spec: Json) -> Json | None:
    retraining = spec.get("retraining")
    job = retraining.get("job") if isinstance(retraining, dict) else None
    return job if isinstance(job, dict) else None


def _pods(spec: Json) -> Iterator[Json]:
    for holder in (spec, _job(spec) or {}):
        if isinstance(holder.get("pod"), dict):
            yield holder["pod"]


def _complete_container(container: Json, holder: Json) -> None:
    for variable in _dicts(container.get("env")):
        if variable.get("valueFrom") == {}:
            variable["valueFrom"] = {"fieldRef": {"fieldPath": "metadata.name"}}
    for source in _dicts(container.get("envFrom")):
        if not source.keys() & {"configMapRef", "secretRef"}:
            source["configMapRef"] = {"name": "settings"}
    named = {
        mount["name"]
        for mount in _dicts(container.get("volumeMounts"))
        if isinstance(mount.get("name"), str)
    }
    if named:
        volumes = holder.setdefault("pod", {}).setdefault("volumes", [])
        known = {volume.get("name") for volume in _dicts(volumes)}
        volumes += [{"name": name} for name in sorted(named - known)]


def _complete_toleration(toleration: Json) -> None:
    if toleration.get("key") == "":
        toleration["operator"] = "Exists"
    elif toleration.get("operator") != "Exists":
        toleration.setdefault("key", "gpu")
    if "tolerationSeconds" in toleration:
        toleration["effect"] = "NoExecute"


def _complete_requirements(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _complete_requirements(item)
    elif isinstance(node, dict):
        if node.get("operator") in ("In", "NotIn", "Gt", "Lt"):
            node.setdefault("values", ["1"])
        for inner in node.values():
            _complete_requirements(inner)


def _complete_scaling(scaling: Any) -> None:
    if not isinstance(scaling, dict):
        return
    most = scaling.get("maxReplicas")
    if isinstance(most, int) and most > 1:
        scaling.setdefault("metrics", [{"type": "CPU"}])
    for metric in _dicts(scaling.get("metrics")):
        if "pods" in metric or "external" in metric:
            metric["type"] = "Pods" if "pods" in metric else "External"
        match metric.get("type"):
            case "CPU":
                metric.setdefault("target", 70)
            case "Pods":
                metric.setdefault("pods", {**_METRIC, "target": {"averageValue": "1"}})
            case "External":
                external = metric.setdefault("external", {**_METRIC, "target": {"type": "Value"}})
                target = external.get("target") if isinstance(external, dict) else None
                if isinstance(target, dict):
                    _complete_target(target)


_METRIC = {"metric": {"name": "queue"}}


def _complete_target(target: Json) -> None:
    if "averageValue" in target:
        target["type"] = "AverageValue"
    elif target.get("type") == "AverageValue":
        target["averageValue"] = "1"
    elif target.get("type") == "Value":
        target.setdefault("value", "1")


def _dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
