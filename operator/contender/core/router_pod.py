"""The pods of the router: a stock Envoy with the configuration that we give it."""

from math import ceil
from typing import TYPE_CHECKING, Any

from contender.core import names
from contender.core.audiences import VOLUME, Purpose, token_volume
from contender.core.quantity import parse_quantity
from contender.core.snapshot import Snapshot
from contender.router.bootstrap import drain_path
from contender.router.names import FOLDER, PORT, STATS_PORT, TOKEN_FOLDER
from contender.router.render import BOOTSTRAP

if TYPE_CHECKING:
    from contender.core.routing import Routing

ROUTER_CONTAINER = "router"
GRACE_SECONDS = 45
"""Until a router is killed: its drain, which is all the time that requests under way have."""

_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}


def router_template(snapshot: Snapshot, routing: "Routing") -> dict[str, Any]:
    """Return the pod template of the router's Deployment."""
    owner = snapshot.name
    said = snapshot.spec.pod.canonical() if snapshot.spec.pod else {}
    secrets = {key: said[key] for key in ("imagePullSecrets",) if key in said}
    return {
        "metadata": {
            "labels": names.router_labels(owner),
            "annotations": {
                # The only file that Envoy reads at its start alone.
                names.ANNOTATION_BOOTSTRAP: names.digest(routing.files[BOOTSTRAP]),
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(STATS_PORT),
                "prometheus.io/path": "/stats/prometheus",
            },
        },
        "spec": {
            **secrets,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": names.router_selector(owner)},
                }
            ],
            "containers": [_container(snapshot, routing)],
            "volumes": [
                {"name": "config", "configMap": {"name": names.router_name(owner)}},
                # Also while nothing is captured: so that to begin with it restarts no router.
                token_volume(Purpose.STREAM, owner),
            ],
        },
    }


def _container(snapshot: Snapshot, routing: "Routing") -> dict[str, Any]:
    said = routing.settings.resources
    resources = _with_cpu(said.canonical()) if said else _RESOURCES
    return {
        "name": ROUTER_CONTAINER,
        "image": snapshot.installation.router_image,
        "command": ["/usr/local/bin/envoy"],
        "args": [
            *("-c", f"{FOLDER}/{BOOTSTRAP}"),
            *("--concurrency", str(_workers(resources))),
            *("--log-level", "warning"),
            "--disable-hot-restart",
        ],
        "ports": [
            {"name": names.FRONT_PORT, "containerPort": PORT, "protocol": "TCP"},
            {"name": "stats", "containerPort": STATS_PORT, "protocol": "TCP"},
        ],
        "readinessProbe": _ready(period=1, failures=3),
        "startupProbe": _ready(period=1, failures=120),
        "lifecycle": {
            "preStop": {
                "httpGet": {
                    "path": drain_path(snapshot.uid),
                    "port": STATS_PORT,
                    "scheme": "HTTP",
                }
            }
        },
        "resources": resources,
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
            {"name": VOLUME, "mountPath": TOKEN_FOLDER, "readOnly": True},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _ready(*, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/ready", "port": STATS_PORT, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
        "successThreshold": 1,
    }


def _with_cpu(resources: dict[str, Any]) -> dict[str, Any]:
    """Return resources that name CPU: the autoscaler measures in percent of it."""
    if any("cpu" in amounts for amounts in resources.values()):
        return resources
    requests = {"cpu": _RESOURCES["requests"]["cpu"], **resources.get("requests", {})}
    return {**resources, "requests": requests}


def _workers(resources: dict[str, Any]) -> int:
    """Return the number of Envoy's threads: one for each core that the pod may use, at least two,
    so that one busy connection does not hold up all others."""
    cpu = [resources.get(kind, {}).get("cpu") for kind in ("limits", "requests")]
    return max([2, *(ceil(parse_quantity(one)) for one in cpu if one)])
