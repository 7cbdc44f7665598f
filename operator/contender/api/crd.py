"""Turns the API models into CustomResourceDefinitions with structural schemas."""

from typing import Any

from pydantic import BaseModel

from contender.api.v1alpha1 import (
    EXPERIMENT_COLUMNS,
    GROUP,
    PRINTER_COLUMNS,
    VERSION,
    Experiment,
    ModelDeployment,
)

_DROPPED = frozenset({"title", "default", "discriminator", "additionalProperties"})


def structural(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's schema in the dialect that Kubernetes accepts.

    References are inlined, `anyOf [X, null]` becomes X, defaults stay in the operator (so that
    what Git says is what the API server stores), and `additionalProperties: false` disappears:
    the API server prunes unknown fields by itself.

    Raises:
        ValueError: the model uses a union that no structural schema can say.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        # What stands at the field (its description) is closer to the user than the class's.
        return _convert({**target, **{k: v for k, v in node.items() if k != "$ref"}}, definitions)
    if node.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in node.items() if key not in _DROPPED}
    if "anyOf" in node:
        return _convert(_without_null(node), definitions)
    return _convert_fields(node, definitions)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    present = [option for option in node["anyOf"] if option.get("type") != "null"]
    if len(present) != 1:
        raise ValueError(f"not a structural schema: {node}")
    return {**present[0], **{key: value for key, value in node.items() if key != "anyOf"}}


def _convert_fields(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for key, value in node.items():
        match key:
            case "properties":
                converted[key] = {name: _convert(sub, definitions) for name, sub in value.items()}
            case "items":
                converted[key] = _convert(value, definitions)
            case "additionalProperties" if isinstance(value, dict):
                converted[key] = _convert(value, definitions)
            case "const":
                converted["enum"] = [value]
            case "description":
                converted[key] = " ".join(str(value).split())
            case _ if key in _DROPPED or key == "$defs":
                pass
            case _:
                converted[key] = value
    if converted.get("type") == "integer":
        converted["format"] = "int64"
    return converted


def _root(model: type[BaseModel]) -> dict[str, Any]:
    schema = structural(model)
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    return schema


def modeldeployment_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ModelDeployment."""
    return _crd(ModelDeployment, "mdep", PRINTER_COLUMNS)


def experiment_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of Experiment."""
    return _crd(Experiment, "mexp", EXPERIMENT_COLUMNS)


def _crd(model: type[BaseModel], short: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    kind = model.__name__
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "contender"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["contender"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": _root(model)},
                }
            ],
        },
    }


CRDS = (modeldeployment_crd, experiment_crd)
"""One function per custom resource."""
