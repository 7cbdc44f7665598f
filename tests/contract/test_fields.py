"""Every field of the CRD, one violation at a time, on the real API server."""

from typing import Any

import pytest

from tests.contract import fields
from tests.contract.fields import Field
from tests.contract.server import MODELS, Server
from tests.e2e.kube import ApiRefusal

COLLECTION = f"{MODELS}/namespaces/default/modeldeployments"
SPEC = [*fields.fields("spec")]


def every(chosen: list[Field]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("field", chosen, ids=str)


def refusal(apiserver: Server, body: dict[str, Any]) -> str:
    """Return what the API server says against an object."""
    try:
        apiserver.kube.would_create(COLLECTION, body)
    except ApiRefusal as refused:
        return str(refused)
    return "accepted"


@every(SPEC)
def test_what_is_right_is_stored_as_it_was_said(apiserver: Server, field: Field) -> None:
    for value in fields.right_values(field):
        body = fields.around(field, value)
        assert apiserver.kube.would_create(COLLECTION, body)["spec"] == body["spec"]


@every(SPEC)
def test_what_is_wrong_is_refused_and_named(apiserver: Server, field: Field) -> None:
    for wrong in fields.wrong_values(field):
        told = refusal(apiserver, fields.around(field, wrong.value))
        assert told.startswith("422"), f"{wrong.why}: {told[:500]}"
        assert wrong.says in told, f"{wrong.why}: {told[:500]}"
        assert field.where in told, f"{wrong.why}: {told[:500]}"


@every([field for field in SPEC if field.required])
def test_what_is_missing_is_named(apiserver: Server, field: Field) -> None:
    told = refusal(apiserver, fields.without(field))
    assert f"{field.where}: Required value" in told


@every([field for field in SPEC if "properties" in field.schema])
def test_unknown_fields_are_refused_by_kubectl_and_dropped_otherwise(
    apiserver: Server, field: Field
) -> None:
    value = {**fields.around(field, fields.least(field.schema))}
    node: Any = value
    for step in field.path:
        node = node[step]
    known = dict(node)
    node["notAField"] = 1
    assert f'unknown field "{field.where}.notAField"' in refusal(apiserver, value)
    stored: Any = apiserver.kube.would_create(COLLECTION, value, strict=False)
    for step in field.path:
        stored = stored[step]
    assert stored == known


@every([*SPEC, *fields.fields("status")])
def test_kubectl_explain_describes_it(field: Field) -> None:
    if field.path[-1] in (0, "cpu"):
        return  # items and values are described by what holds them
    assert len(field.schema.get("description", "")) >= 4


def test_every_bound_is_set() -> None:
    """Without bounds the API server cannot tell what a rule costs, nor what an object weighs."""
    for field in SPEC:
        schema = field.schema
        match schema.get("type"):
            case "string" if "enum" not in schema:
                assert "maxLength" in schema, field
            case "array":
                assert "maxItems" in schema, field
            case "integer":
                assert "minimum" in schema, field
            case "object" if "additionalProperties" in schema:
                assert "maxProperties" in schema, field
