"""Every field of the CRDs' specs: an object that is right around it, and values right and wrong.

The schema itself says what to try: nothing here knows a field by name, but for the few that a rule
ties to another field (`complete`).
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from contender.api.crd import CRDS
from contender.api.v1alpha1.rollout import CANDIDATE

Schema = Mapping[str, Any]
Json = dict[str, Any]
Step = str | int
"""A property or key, or the index of an item."""

LONG = 4096
"""Strings that have no pattern are tried up to their limit, those with one as their pattern may."""

SMALLEST: Mapping[str, Json] = {
    "ModelDeployment": {
        "model": {
            "version": "1",
            "image": "churn:1",
            "resources": {"requests": {"cpu": "1m"}},
        },
    },
    "Experiment": {
        "target": "churn",
        "candidates": [{"name": CANDIDATE, "model": {"version": "2"}}],
        "steps": [{"name": "look"}],
    },
}
"""By kind: the least that a right spec says, but for what `complete` adds."""


@dataclass(frozen=True)
class Field:
    """One node of the schema of a kind, below spec or status."""

    path: tuple[Step, ...]
    schema: Schema
    required: bool = False
    inner: bool = False
    """Whether it is the item of a list or the value of a map, which what holds it describes."""
    kind: str = "ModelDeployment"

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
        return f"{self.kind}.{self.where}".replace("[0]", "")


@cache
def schema_of_crd(kind: str = "ModelDeployment") -> Schema:
    """Return the schema of a kind."""
    crd = next(crd for make in CRDS if (crd := make())["spec"]["names"]["kind"] == kind)
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def fields(part: str = "spec", kind: str = "ModelDeployment") -> Iterator[Field]:
    """Iterate over all fields below a part of an object, itself included."""
    root = schema_of_crd(kind)
    yield from _walk(Field((part,), root["properties"][part], part in root["required"], kind=kind))


def _walk(field: Field) -> Iterator[Field]:
    yield field
    schema, required = field.schema, field.schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(_below(field, name, inner, required=name in required))
    if "items" in schema:
        yield from _walk(_below(field, 0, schema["items"], inner=True))
    if isinstance(schema.get("additionalProperties"), dict):
        key = CANDIDATE if _is_by_candidate(schema) else "cpu"
        yield from _walk(_below(field, key, schema["additionalProperties"], inner=True))


def _below(field: Field, step: Step, schema: Schema, **how: bool) -> Field:
    return Field((*field.path, step), schema, kind=field.kind, **how)


def _is_by_candidate(schema: Schema) -> bool:
    """Return whether the keys of a map are names of candidates: all maps to numbers are so."""
    return schema["additionalProperties"].get("type") == "integer"


# Objects


def around(field: Field, value: Any) -> Json:
    """Return an object with this value at a field, and no more than the field needs."""
    body: Json = {
        "apiVersion": "contender.dev/v1alpha1",
        "kind": field.kind,
        "metadata": {"name": "churn", "namespace": "default"},
        "spec": deepcopy(SMALLEST[field.kind]),
    }
    _put(body, schema_of_crd(field.kind), field.path, value)
    return complete(body)


def without(field: Field) -> Json:
    """Return an object that lacks a required field."""
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
            return (quantity_bounds(schema) or ("1",))[0]
        case "string":
            return text(schema, max(1, schema.get("minLength", 0)))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "array":
            return [least(schema["items"]) for _ in range(schema.get("minItems", 0))]
        case "boolean":
            return True
        case _ if "additionalProperties" in schema:
            return keys(schema, schema.get("minProperties", 0))
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
        ("0.", "5", ""),
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
    elif quantities := quantity_bounds(schema):
        yield from (*quantities, quantities[0].zfill(schema["maxLength"]))
        yield from (10**9, "1000000000", "1.5G", "1e9", "1048576000m")
    elif schema.get("x-kubernetes-int-or-string"):
        yield from (1, "1", "1500m", "2Gi", "1e3", "0.5")
        yield text(schema, schema["maxLength"])
    elif bounds := duration_bounds(schema):
        padded = (schema["maxLength"] - len(bounds[0])) // len("0s")
        yield from (*bounds, bounds[0] + padded * "0s")
    else:
        yield from _right_by_type(field)


def _right_by_type(field: Field) -> Iterator[Any]:
    schema = field.schema
    match schema["type"]:
        case "string":
            if "pattern" not in schema and not schema.get("minLength"):
                yield ""
            yield text(schema, 1)
            yield text(schema, min(schema["maxLength"], LONG))
        case "integer":
            yield schema["minimum"]
            yield schema.get("maximum", schema["minimum"] + 1)
        case "number":
            yield from (schema["minimum"], schema["maximum"])
        case "boolean":
            yield from (True, False)
        case "array":
            yield items(schema, max(1, schema.get("minItems", 0)))
            if schema["items"].get("enum") is None:
                yield items(schema, schema["maxItems"])
        case "object":
            yield least(schema)
            if "maxProperties" in schema:
                only = field.kind != "Experiment" and _is_by_candidate(schema)
                yield keys(schema, 1 if only else schema["maxProperties"])


def items(schema: Schema, count: int) -> list[Any]:
    """Return a list of this many right items, told apart by their key where the list has one."""
    made = [least(schema["items"]) for _ in range(count)]
    if schema.get("x-kubernetes-list-type") == "set" and count > 1:
        return [f"{item}{number}" for number, item in enumerate(made)]
    for number, item in enumerate(made):
        for key in schema.get("x-kubernetes-list-map-keys", ())[:1]:
            item[key] = f"{item[key]}{number}"
    return made


def keys(schema: Schema, count: int) -> Json:
    """Return a map of this many right values."""
    if _is_by_candidate(schema):
        names = [CANDIDATE, *(f"{CANDIDATE}-{number}" for number in range(1, count))][:count]
    else:
        names = [f"example.com/k{number}" for number in range(count)]
    return {name: least(schema["additionalProperties"]) for name in names}


def duration_bounds(schema: Schema) -> tuple[str, str] | None:
    """Return the least and the longest duration that the schema's rule allows."""
    for one in schema.get("x-kubernetes-validations", ()):
        found = re.findall(r"duration\('(\w+)'\)", one["rule"])
        if len(found) == 2:
            return found[0], found[1]
    return None


def quantity_bounds(schema: Schema) -> tuple[str, str] | None:
    """Return the least and the largest quantity that the schema's rule allows."""
    for one in schema.get("x-kubernetes-validations", ()):
        found = re.findall(r"compareTo\(quantity\('(\w+)'\)\)", one["rule"])
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
        if bounds[0] != "0s":
            yield Wrong("too short", "0s", says)
        yield Wrong("too long", "999999h", says)
    if quantities := quantity_bounds(schema):
        says = f"must be a quantity from {quantities[0]} to {quantities[1]}"
        yield from (Wrong("too little", value, says) for value in (0, "0Gi", "1m", "1n"))
        yield from (Wrong("too much", value, says) for value in (10**18, "7E", "7Ei", "1e30"))
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
        says = f"should be greater than or equal to {_written(least_number)}"
        yield Wrong("below the minimum", least_number - 1, says)
    if "maximum" in schema:
        most = schema["maximum"]
        says = f"should be less than or equal to {_written(most)}"
        yield Wrong("above the maximum", most + 1, says)
    if schema.get("type") == "integer":
        yield Wrong("a fraction", 1.5, "must be of type integer")


def _written(number: float) -> str:
    """Return a number as the API server writes it."""
    return f"{number:g}" if isinstance(number, float) else str(number)


def _wrong_size(schema: Schema) -> Iterator[Wrong]:
    if "maxItems" in schema:
        most = schema["maxItems"]
        yield Wrong("too many items", items(schema, most + 1), f"must have at most {most} item")
    if schema.get("minItems"):
        yield Wrong("too few items", [], "should have at least 1 items")
    if schema.get("minProperties"):
        yield Wrong("too few keys", {}, "should have at least 1 properties")
    if "maxProperties" in schema:
        most = schema["maxProperties"]
        yield Wrong("too many keys", keys(schema, most + 1), f"must have at most {most} item")
    if "x-kubernetes-list-map-keys" in schema:
        yield Wrong("twice the same", items(schema, 1) * 2, "Duplicate value")


# Rules between fields


def complete(body: Json) -> Json:
    """Add what the rules between fields ask for. What is of a wrong type is left as it is."""
    spec = body["spec"]
    if isinstance(spec, dict):
        if body.get("kind") == "Experiment":
            _complete_experiment(spec)
        else:
            _complete_model_deployment(spec)
    return body


def _complete_model_deployment(spec: Json) -> None:
    for container, pod in _containers(spec):
        _complete_container(container)
        _complete_volumes(container, pod)
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
    rollout, router = spec.get("rollout"), spec.get("router")
    if isinstance(rollout, dict):
        _complete_trial(rollout.get("experiment"))
        _complete_objectives(spec)
        _complete_segments(spec)
    _complete_capture(spec)
    if isinstance(router, dict) and router.get("maxReplicas") == 1:
        router["replicas"] = 1


def _complete_capture(spec: Json) -> None:
    rows, feedback = spec.get("rows"), _dicts(spec.get("feedback"))
    if isinstance(rows, dict):
        _complete_rows(rows)
        spec.setdefault("capture", {})
    for one in feedback:
        if one.get("missing") == "Zero":
            one["kind"] = "Reward"
            one.setdefault("delay", "1h")
    if feedback:
        spec.setdefault("capture", {"retention": {"age": "87600h"}})


def _complete_rows(rows: Json) -> None:
    if rows.keys() & {"request", "response"}:
        rows.setdefault("request", "")
        rows.setdefault("response", "")
    else:
        rows.setdefault("preset", "V1")
    if "threshold" in rows:
        rows.setdefault("score", "/1")
    elif "score" in rows:
        rows.setdefault("output", "/0")
    if "score" in rows:
        rows.setdefault("positiveClass", "1")
    if "positiveClass" in rows:
        rows["task"] = "Binary"
    for segment in _dicts(rows.get("segments")):
        if not segment.keys() & {"values", "atLeast", "below"}:
            segment["values"] = ["a"]


def _complete_experiment(spec: Json) -> None:
    _complete_trial(spec)
    for candidate in _dicts(spec.get("candidates")):
        if isinstance(candidate.get("model"), dict):
            _complete_container(candidate["model"])
    named = {
        name
        for step in _dicts(spec.get("steps"))
        for part, percents in (("shadow", "percents"), ("split", "weights"))
        for name in _dict(_dict(step.get(part)).get(percents))
    }
    if not named <= {CANDIDATE}:
        model = SMALLEST["Experiment"]["candidates"][0]["model"]
        spec["candidates"] = [{"name": name, "model": dict(model)} for name in sorted(named)]


def _complete_trial(trial: Any) -> None:
    """Complete what Experiments and rollouts have in common."""
    if not isinstance(trial, dict):
        return
    if trial.get("stickiness") == {}:
        trial["stickiness"] = {"header": "x-user"}
    for step in _dicts(trial.get("steps")):
        _complete_step(step)
    for guardrail in _dicts(trial.get("guardrails")):
        if not guardrail.keys() & {"maxRatio", "max"}:
            guardrail["max"] = 0.1
        if "threshold" in guardrail:
            guardrail["metric"] = "LatencyAbove"
        elif guardrail.get("metric") == "LatencyAbove":
            guardrail["threshold"] = "100ms"
    for objective in _dicts(trial.get("objectives")):
        if objective.get("goal") == "NonInferior":
            objective["margin"] = objective.get("margin") or 0.01
    horizon = _dict(trial.get("analysis")).get("horizon")
    if horizon == {}:
        horizon["rows"] = 100
    waits = any(_dict(step.get("until")).get("verdict") for step in _dicts(trial.get("steps")))
    if waits and "objectives" not in trial:
        trial["objectives"] = [{"name": "better", "feedback": "truth"}]


def _complete_objectives(spec: Json) -> None:
    """Declare the feedback that objectives of a rollout name, and rows that fit their loss."""
    trial = _dict(_dict(spec.get("rollout")).get("experiment"))
    for objective in _dicts(trial.get("objectives")):
        name, loss = objective.get("feedback"), objective.get("loss")
        if not isinstance(name, str):
            continue
        kind = "Label" if loss else "Reward"
        spec.setdefault("feedback", [{"name": name, "kind": kind}])
        if kind == "Reward":
            split = {"split": {"weights": {CANDIDATE: 10}}, "until": {"atLeast": "1m"}}
            steps = [one for one in trial.get("steps", []) if one["name"] != "callers"]
            trial["steps"] = [*steps, {"name": "callers", **split}]
        elif loss in ("Squared", "Absolute"):
            spec["rows"] = {"preset": "V1", "task": "Regression"}
        else:
            spec["rows"] = {"preset": "V1", "output": "/0", "score": "/1"}
            spec["rows"] |= {"positiveClass": "1", "task": "Binary"}


def _complete_segments(spec: Json) -> None:
    """Declare the segments that a rollout names."""
    trial = _dict(_dict(spec.get("rollout")).get("experiment"))
    named = _dict(trial.get("analysis")).get("segments")
    if isinstance(named, list) and all(isinstance(one, str) for one in named):
        rows = spec.setdefault("rows", {"preset": "V1"})
        rows["segments"] = [{"name": name, "at": "/a"} for name in dict.fromkeys(named)]


def _complete_step(step: Json) -> None:
    if not step.keys() & {"shadow", "split", "pause"}:
        step["shadow"] = {}
    if "pause" in step:
        return
    until = step.setdefault("until", {})
    if isinstance(until, dict):
        if not until.keys() & {"atLeast", "requests"}:
            until["requests"] = 1
        if until.get("verdict"):
            until.setdefault("atMost", "8760h")


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


def _complete_container(container: Json) -> None:
    for variable in _dicts(container.get("env")):
        if variable.get("valueFrom") == {}:
            variable["valueFrom"] = {"fieldRef": {"fieldPath": "metadata.name"}}
    for source in _dicts(container.get("envFrom")):
        if not source.keys() & {"configMapRef", "secretRef"}:
            source["configMapRef"] = {"name": "settings"}


def _complete_volumes(container: Json, holder: Json) -> None:
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


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
