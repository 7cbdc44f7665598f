"""Situations in which an upgrade may find a ModelDeployment."""

import json
from time import sleep
from typing import Any

from contender.core.revisions import SCALE_DOWN_DELAY
from tests.e2e.kube import Json
from tests.scenarios.world import GROUP, World, model, serves

PROBES = {"path": "/ready", "timeout": "2s", "liveness": {"path": "/live"}}
EVERYTHING: dict[str, Any] = {
    "model": {
        **model()["model"],
        "command": ["serve"],
        "args": ["--strict", "ä <&> 日本"],
        "env": [{"name": "LEVEL", "value": "info"}],
        "envFrom": [{"configMapRef": {"name": "settings", "optional": True}}],
        "port": 9000,
        "probes": {**PROBES, "startupTimeout": "5m"},
        "warmup": {"requests": 3, "minReady": "5s"},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "securityContext": {"runAsUser": 1000, "runAsNonRoot": True},
    },
    "transformer": {"image": "transformer:1", "probes": PROBES},
    "pod": {
        "labels": {"team": "shop"},
        "annotations": {"example.com/note": "größer"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "terminationGracePeriodSeconds": 60,
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
    },
    "scaling": {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"type": "CPU", "target": 80}]},
    # Suspended: the time of the next run would change as time goes by.
    "retraining": {"schedule": "0 4 * * *", "suspend": True, "job": {"image": "train:1"}},
}
RETRAINED = {**model(), "retraining": {"job": {"image": "train:1"}}}
RESULT = {"version": "2", "image": "churn:2", "metrics": {"accuracy": 0.97}}

NAMES = ("minimal", "everything", "candidate", "rolled-back", "retrained")


def play(world: World) -> None:
    """Bring a ModelDeployment of each name into its situation."""
    world.serve("minimal", model())
    world.serve("everything", EVERYTHING)
    world.serve("candidate", model())
    _roll_back(world)
    _retrain(world)
    world.apply("candidate", model("2"))
    world.until_wanted("candidate", "2")
    # A replaced revision keeps its pods for longer than is waited for anything.
    sleep(SCALE_DOWN_DELAY.total_seconds())
    world.until(lambda: len(world.children("rolled-back")["Deployment"]) == 1, "one stays")
    world.settle()


def _roll_back(world: World) -> None:
    first = world.serve("rolled-back", model())
    world.serve("rolled-back", model("2"))
    world.annotate("rolled-back", rollback=f"{first}/monday")
    world.until_status("rolled-back", lambda status: serves(status) == first, "it is back")


def _retrain(world: World) -> None:
    world.serve("retrained", RETRAINED)
    world.annotate("retrained", retrain="monday")
    job = world.until(lambda: world.children("retrained").get("Job"), "a Job")[0]
    message = {"metadata": {"annotations": {f"{GROUP}/termination-message": json.dumps(RESULT)}}}
    world.patch("Job", job, message)
    world.patch("Job", job, {"status": finished()}, "status")
    world.until_status(
        "retrained", lambda status: (status.get("retraining") or {}).get("lastResult"), "a result"
    )


def finished() -> Json:
    """Return the status of a Job that went well."""
    start, end = "2026-01-05T09:00:00Z", "2026-01-05T09:30:00Z"
    held = {"status": "True", "lastProbeTime": end, "lastTransitionTime": end}
    return {
        "startTime": start,
        "completionTime": end,
        "succeeded": 1,
        "uncountedTerminatedPods": {},
        "conditions": [{"type": kind, **held} for kind in ("SuccessCriteriaMet", "Complete")],
    }
