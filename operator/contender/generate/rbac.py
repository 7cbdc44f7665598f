"""RBAC: what the operator may do follows from the kinds it watches and writes."""

from typing import Any

from contender.api.v1alpha1 import GROUP
from contender.core.children import CHILDREN

RECORDER = "contender-recorder"
PART_OF = {"app.kubernetes.io/part-of": "contender"}


def operator_role() -> dict[str, Any]:
    """Return the ClusterRole of the operator: no wildcards, no Secrets, no spec of users'."""
    return _role("contender-operator", {}, [*_own_rules(), *_child_rules()])


def _own_rules() -> list[dict[str, Any]]:
    return [
        _rule(GROUP, ["modeldeployments"], ["get", "list", "watch"]),
        _rule(GROUP, ["experiments/status", "modeldeployments/status"], ["patch"]),
        _rule("", ["pods"], ["list", "watch", "patch"]),
        _rule("", ["serviceaccounts"], ["get"]),
        _rule("", ["events"], ["create", "list", "patch"]),
    ]


def _child_rules() -> list[dict[str, Any]]:
    plurals: dict[str, list[str]] = {}
    for child in CHILDREN:
        plurals.setdefault(child.resource.group, []).append(child.resource.plural)
    verbs = ["get", "list", "watch", "create", "update", "delete"]
    return [_rule(group, sorted(names), verbs) for group, names in sorted(plurals.items())]


def lease_role() -> dict[str, Any]:
    """Return the Role for the Lease, in the operator's own namespace only."""
    leases = _rule("coordination.k8s.io", ["leases"], ["get", "create", "update"])
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {
            "name": "contender-operator",
            "namespace": "contender-system",
            "labels": dict(PART_OF),
        },
        "rules": [leases],
    }


def recorder_roles() -> list[dict[str, Any]]:
    """Return what the recorder may do: read what users want, ask about tokens, and keep a key of
    its own."""
    return [
        _role(
            RECORDER,
            {},
            [
                _rule(GROUP, ["modeldeployments"], ["get", "list", "watch"]),
                _rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
            ],
        ),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {
                "name": RECORDER,
                "namespace": "contender-system",
                "labels": dict(PART_OF),
            },
            "rules": [
                {**_rule("", ["secrets"], ["get"]), "resourceNames": [RECORDER]},
                # A name cannot be given to what is created.
                _rule("", ["secrets"], ["create"]),
            ],
        },
    ]


def user_roles() -> list[dict[str, Any]]:
    """Return what is added to the cluster's own view, edit and admin roles."""
    read = ["get", "list", "watch"]
    write = ["create", "update", "patch", "delete", "deletecollection"]
    return [
        _role(
            "contender-view",
            {"rbac.authorization.k8s.io/aggregate-to-view": "true"},
            [_rule(GROUP, ["experiments", "modeldeployments"], read)],
        ),
        _role(
            "contender-edit",
            {
                "rbac.authorization.k8s.io/aggregate-to-edit": "true",
                "rbac.authorization.k8s.io/aggregate-to-admin": "true",
            },
            [_rule(GROUP, ["experiments", "modeldeployments"], [*read, *write])],
        ),
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _role(name: str, labels: dict[str, str], rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {**PART_OF, **labels}},
        "rules": rules,
    }
