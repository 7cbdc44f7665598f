"""What others add to children, beside the fields that the operator renders: whose is it?

The rule: the body of a child is the operator's, but for what is listed as left. Metadata that the
operator did not write belong to who wrote them.
"""

from dataclasses import dataclass
from typing import Any

from tests.faults.mutation_hands import (
    AUTOSCALER,
    BUDGET,
    CRON_JOB,
    DEPLOYMENT,
    ENDPOINT,
    HEADLESS,
    RECORD,
    SLOTS,
    Edit,
    Slot,
)

_POD = "/spec/template/spec"
_JOB = "/spec/jobTemplate/spec"
_SIDECAR = {"name": "sidecar", "image": "proxy:1"}


@dataclass(frozen=True)
class Foreign:
    """Something that others put into a child."""

    edit: Edit
    why: str
    """Why it goes, or why it stays."""

    def __str__(self) -> str:
        return str(self.edit)


def _foreign(slot: Slot, path: str, value: Any, why: str, op: str = "add") -> Foreign:
    return Foreign(Edit(slot, op, path, value), why)


GOES = (
    _foreign(ENDPOINT, "/spec/publishNotReadyAddresses", True, "callers would meet unready pods"),
    _foreign(ENDPOINT, "/spec/externalIPs", ["192.0.2.1"], "it opens the model to the outside"),
    _foreign(ENDPOINT, "/spec/type", "LoadBalancer", "it opens the model to the outside"),
    _foreign(ENDPOINT, "/spec/sessionAffinity", "ClientIP", "callers would keep to one pod"),
    _foreign(ENDPOINT, "/spec/internalTrafficPolicy", "Local", "callers would not be answered"),
    _foreign(ENDPOINT, "/spec/selector/app", "x", "no pod would be selected"),
    _foreign(ENDPOINT, "/spec/ports/-", {"name": "b", "port": 81}, "pods may not listen there"),
    _foreign(HEADLESS, "/spec/publishNotReadyAddresses", True, "as for the endpoint"),
    _foreign(DEPLOYMENT, "/spec/paused", True, "an update would never be ready: pause the owner"),
    _foreign(DEPLOYMENT, f"{_POD}/nodeSelector/gpu", "b", "the template is that of the record"),
    _foreign(DEPLOYMENT, f"{_POD}/containers/-", _SIDECAR, "injectors add theirs to pods"),
    _foreign(DEPLOYMENT, f"{_POD}/initContainers", [_SIDECAR], "injectors add theirs to pods"),
    _foreign(DEPLOYMENT, f"{_POD}/containers/0/env/-", {"name": "A", "value": "b"}, "spec has it"),
    _foreign(DEPLOYMENT, f"{_POD}/containers/0/tty", True, "the template is that of the record"),
    _foreign(DEPLOYMENT, f"{_POD}/containers/1/resources/limits/cpu", "2", "spec has it"),
    _foreign(DEPLOYMENT, f"{_POD}/hostNetwork", True, "it would open the node's network"),
    _foreign(DEPLOYMENT, f"{_POD}/dnsPolicy", "Default", "the template is that of the record"),
    _foreign(DEPLOYMENT, f"{_POD}/hostAliases", [{"ip": "192.0.2.1"}], "as above"),
    _foreign(DEPLOYMENT, "/spec/template/metadata/labels/app", "x", "spec.pod.labels has it"),
    _foreign(DEPLOYMENT, "/spec/template/metadata/annotations/app", "x", "spec.pod.annotations"),
    _foreign(AUTOSCALER, "/spec/behavior/scaleUp/stabilizationWindowSeconds", 100, "spec has it"),
    _foreign(AUTOSCALER, "/spec/behavior/scaleUp/selectPolicy", "Disabled", "spec has it"),
    _foreign(BUDGET, "/spec/selector/matchLabels/app", "x", "no pod would be protected"),
    _foreign(CRON_JOB, "/spec/startingDeadlineSeconds", 100, "runs would be missed"),
    _foreign(CRON_JOB, f"{_JOB}/ttlSecondsAfterFinished", 1, "the result would go with the Job"),
    _foreign(CRON_JOB, f"{_JOB}/parallelism", 2, "runs would overlap"),
    _foreign(CRON_JOB, f"{_JOB}/template/metadata/annotations", {"app": "x"}, "spec has it"),
)
"""What comes back to how a fresh creation would be."""

DEFAULTS = (
    Edit(ENDPOINT, "replace", "/spec/internalTrafficPolicy", "Cluster"),
    Edit(DEPLOYMENT, "replace", f"{_POD}/dnsPolicy", "ClusterFirst"),
    Edit(CRON_JOB, "replace", f"{_JOB}/parallelism", 1),
)
"""What others may set to just what the API server would."""

STAYS = (
    *(
        _foreign(one, "/metadata/labels/team", "x", "others find it by their labels")
        for one in SLOTS
    ),
    *(
        _foreign(one, "/metadata/annotations/example.com~1note", "x", "others keep notes in it")
        for one in SLOTS
    ),
    *(
        _foreign(one, "/metadata/finalizers", ["example.com/keep"], "others wait for its end")
        for one in SLOTS
    ),
    _foreign(DEPLOYMENT, "/spec/replicas", 4, "the autoscaler sets it", "replace"),
    _foreign(
        DEPLOYMENT,
        "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
        "2026-01-01T00:00:00Z",
        "`kubectl rollout restart` was asked for",
    ),
    _foreign(RECORD, "/revision", 7, "the record is where the number is kept", "replace"),
)
"""What belongs to others."""
