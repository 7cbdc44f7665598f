"""Renders the pods of a revision from what the user said.

What this produces is frozen in the revision record: changing this file changes new revisions only,
and never restarts a pod that runs.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.container import (
    ContainerBase,
    Liveness,
    Model,
    Probes,
    Transformer,
    Warmup,
)
from contender.api.v1alpha1.pod import Pod
from contender.core import names

RENDERER = "1"
"""Version of this renderer, noted in each record."""

ENDPOINT_REMOVAL_SECONDS = 5
"""How long a stopping pod goes on serving, so that every node has taken it out of its routes."""
PROGRESS_DEADLINE_SECONDS = 600
"""How long a revision may make no progress before it counts as stalled; Kubernetes' default."""
STARTUP_TIMEOUT_WITH_LIVENESS = "10m"
READINESS_PERIOD = "10s"
WARMUP_PERIOD = "1s"


def render_workload(owner: str, revision: str, spec: ModelDeploymentSpec) -> dict[str, Any]:
    """Return what a revision freezes: the pod template and how its Deployment judges progress."""
    warmup = spec.model.warmup or Warmup()
    min_ready = seconds(warmup.min_ready) if warmup.min_ready else 0
    workload: dict[str, Any] = {
        "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS + min_ready,
        "template": _template(owner, revision, spec),
    }
    if min_ready:
        workload["minReadySeconds"] = min_ready
    return workload


def _template(owner: str, revision: str, spec: ModelDeploymentSpec) -> dict[str, Any]:
    pod = spec.pod or Pod()
    grace = pod.termination_grace_period_seconds
    containers = [_model(spec.model, behind=spec.transformer is not None, grace=grace)]
    if spec.transformer:
        containers.insert(0, _transformer(spec.transformer, spec.model, grace=grace))
    return {
        "metadata": {
            "labels": {
                **(pod.labels or {}),
                **names.revision_labels(owner, revision, spec.model.version),
                names.LABEL_ROLE: "serving",
            },
            "annotations": {
                "kubectl.kubernetes.io/default-container": names.MODEL_CONTAINER,
                **(pod.annotations or {}),
            },
        },
        "spec": {
            **pod_settings(pod, selector=names.pod_selector(owner, revision)),
            "containers": containers,
        },
    }


def _model(model: Model, *, behind: bool, grace: int) -> dict[str, Any]:
    """Return the model's container; behind a transformer it is not what callers reach."""
    port_name = names.MODEL_CONTAINER if behind else names.FRONT_PORT
    return {
        **container(names.MODEL_CONTAINER, model),
        "ports": [{"name": port_name, "containerPort": model.port, "protocol": "TCP"}],
        **_probes(model.probes or Probes(), model.port, model.warmup or Warmup()),
        **_lifecycle(grace),
    }


def _transformer(transformer: Transformer, model: Model, *, grace: int) -> dict[str, Any]:
    built = container(names.TRANSFORMER_CONTAINER, transformer)
    url = {"name": "CONTENDER_MODEL_URL", "value": f"http://127.0.0.1:{model.port}"}
    return {
        **built,
        "env": [url, *(entry for entry in built.get("env", []) if entry["name"] != url["name"])],
        "ports": [{"name": names.FRONT_PORT, "containerPort": transformer.port, "protocol": "TCP"}],
        **_probes(transformer.probes or Probes(), transformer.port, Warmup()),
        **_lifecycle(grace),
    }


def container(name: str, source: ContainerBase) -> dict[str, Any]:
    """Return the parts that the model, its transformer and the retraining job have in common."""
    said = source.canonical()
    copied = ("image", "command", "args", "env", "envFrom", "resources", "volumeMounts")
    built: dict[str, Any] = {"name": name, **{key: said[key] for key in copied if key in said}}
    if source.image_pull_policy:
        built["imagePullPolicy"] = source.image_pull_policy
    # The last lines of a crashed container's log become the message that status shows.
    built["terminationMessagePolicy"] = "FallbackToLogsOnError"
    security = said.get("securityContext", {})
    built["securityContext"] = {
        **security,
        "allowPrivilegeEscalation": False,
        "capabilities": {**security.get("capabilities", {}), "drop": ["ALL"]},
    }
    return built


def _probes(probes: Probes, port: int, warmup: Warmup) -> dict[str, Any]:
    ask = _handler(probes, probes.port or port)
    # The CRD refuses less than a second, but one of another version may not have.
    said = probes.period or (WARMUP_PERIOD if warmup.requests else READINESS_PERIOD)
    period = max(1, seconds(said))
    timing = {"periodSeconds": period, "timeoutSeconds": seconds(probes.timeout)}
    built: dict[str, Any] = {
        "readinessProbe": {
            **ask,
            **timing,
            "failureThreshold": probes.failure_threshold,
            "successThreshold": warmup.requests or 1,
        }
    }
    startup = probes.startup_timeout or (probes.liveness and STARTUP_TIMEOUT_WITH_LIVENESS)
    if startup:
        tries = max(1, ceil(seconds(startup) / period))
        built["startupProbe"] = {**ask, **timing, "failureThreshold": tries, "successThreshold": 1}
    if probes.liveness:
        built["livenessProbe"] = {
            **_handler(probes.liveness, probes.port or port),
            "periodSeconds": seconds(probes.liveness.period),
            "timeoutSeconds": seconds(probes.liveness.timeout),
            "failureThreshold": probes.liveness.failure_threshold,
            "successThreshold": 1,
        }
    return built


def _handler(probe: Probes | Liveness, port: int) -> dict[str, Any]:
    if probe.path:
        return {"httpGet": {"path": probe.path, "port": port, "scheme": "HTTP"}}
    if probe.grpc:
        return {"grpc": {"port": port, "service": probe.grpc.service}}
    return {"tcpSocket": {"port": port}}


def _lifecycle(grace: int) -> dict[str, Any]:
    """Return the pause before a pod is told to stop, within half of its grace period."""
    pause = min(ENDPOINT_REMOVAL_SECONDS, grace // 2)
    return {"lifecycle": {"preStop": {"sleep": {"seconds": pause}}}} if pause else {}


def pod_settings(pod: Pod, *, selector: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the pod spec without its containers.

    Args:
        pod: the user's settings.
        selector: labels that topology spread constraints without a selector of their own count.
    """
    said = pod.canonical()
    copied = (
        "nodeSelector",
        "tolerations",
        "affinity",
        "imagePullSecrets",
        "serviceAccountName",
        "priorityClassName",
        "runtimeClassName",
        "volumes",
    )
    built: dict[str, Any] = {key: said[key] for key in copied if key in said}
    if spread := said.get("topologySpreadConstraints"):
        counted = {"labelSelector": {"matchLabels": dict(selector)}} if selector else {}
        built["topologySpreadConstraints"] = [{**counted, **constraint} for constraint in spread]
    built["terminationGracePeriodSeconds"] = pod.termination_grace_period_seconds
    built["automountServiceAccountToken"] = False
    built["securityContext"] = {
        **said.get("securityContext", {}),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return built
