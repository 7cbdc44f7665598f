"""Hands of others in what is the operator's, and objects of others where its own should be."""

from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core import names
from contender.core.manifest import label, name_of
from contender.core.records import pod_input
from tests.contract.server import MODELS
from tests.e2e.kube import Json
from tests.faults.soak_specs import FOREIGN, HAND_EDITS
from tests.faults.soak_stage import Stage


class Hands:
    """Each method picks one of the operator's objects by number."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def names(self, kind: str) -> list[str]:
        """The names of all objects of a kind that are the operator's."""
        return [
            name_of(one)
            for one in self._stage.cluster.all(kind)
            if label(one, names.LABEL_OWNER) and one["metadata"].get("ownerReferences")
        ]

    def edit(self, kind: str, number: int) -> None:
        if (name := self._pick(kind, number)) and kind in HAND_EDITS:
            self._stage.patch(kind, name, HAND_EDITS[kind])

    def delete(self, kind: str, number: int) -> None:
        if name := self._pick(kind, number):
            self._stage.delete(kind, name)

    def take_label(self, kind: str, number: int) -> None:
        # A run is not made again, so nobody meets it and sees that its label is missing.
        if kind != "Job" and (name := self._pick(kind, number)):
            body = {"metadata": {"labels": {names.LABEL_OWNER: None}}}
            self._stage.patch(kind, name, body)

    def write_status(self, name: str, status: dict[str, Any]) -> None:
        path = f"{MODELS}/namespaces/{self._stage.namespace}/modeldeployments/{name}/status"
        if live := self._stage.get("ModelDeployment", name):
            self._stage.kube.ask("PUT", path, {**live, "status": status})

    def foreign(self, owner: str, kind: str, spec: Json) -> list[tuple[str, str, str]]:
        """Put an object where that of a new revision, or the endpoint, will be."""
        parsed = ModelDeploymentSpec.model_validate(spec)
        name = names.revision_name(owner, names.digest(pod_input(parsed)))
        if kind == "Service":
            name = owner
        if self._stage.get(kind, name):
            return []
        made = self._stage.create(kind, name, spec=FOREIGN[kind])
        self._stage.laws.protect(made)
        return [(owner, kind, name)]

    def _pick(self, kind: str, number: int) -> str:
        there = self.names(kind)
        return there[number % len(there)] if there else ""
