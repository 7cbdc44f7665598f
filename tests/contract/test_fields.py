"""Every field of the CRDs, one violation at a time, on the real API server."""

from typing import Any

import pytest

from contender.api.v1alpha1 import ExperimentSpec, ModelDeploymentSpec
from contender.api.v1alpha1.base import ApiModel
from tests.contract import fields
from tests.contract.fields import Field
from tests.contract.server import MODELS, Server
from tests.e2e.kube import ApiRefusal

READ: dict[str, type[ApiModel]] = {
    "ModelDeployment": ModelDeploymentSpec,
    "Experiment": ExperimentSpec,
}
"""By kind: what the operator reads its spec as."""
SPEC = [field for kind in READ for field in fields.fields("spec", kind)]
STATUS = [field for kind in READ for field in fields.fields("status", kind)]


def every(chosen: list[Field]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("field", chosen, ids=str)


def stored(apiserver: Server, body: dict[str, Any], *, strict: bool = True) -> Any:
    """Return what the API server would store of an object."""
    collection = f"{MODELS}/namespaces/default/{body['kind'].lower()}s"
    return apiserver.kube.would_create(collection, body, strict=strict)


def refusal(apiserver: Server, body: dict[str, Any]) -> str:
    """Return what the API server says against an object."""
    try:
        stored(apiserver, body)
    except ApiRefusal as refused:
        return str(refused)
    return "accepted"


@every(SPEC)
def test_what_is_right_is_stored_as_it_was_said(apiserver: Server, field: Field) -> None:
    for value in fields.right_values(field):
        body = fields.around(field, value)
        assert stored(apiserver, body)["spec"] == body["spec"]


@every(SPEC)
def test_what_is_right_is_understood_by_the_operator(field: Field) -> None:
    for value in fields.right_values(field):
        READ[field.kind].model_validate(fields.around(field, value)["spec"])


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
    left = stored(apiserver, value, strict=False)
    for step in field.path:
        left = left[step]
    assert left == known


@every([field for field in [*SPEC, *STATUS] if not field.inner])
def test_kubectl_explain_describes_it(field: Field) -> None:
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
