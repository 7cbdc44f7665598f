"""The ModelDeployments that the tests apply: small, quick to start, quick to be asked."""

import json
from typing import Any

Json = dict[str, Any]

IMAGE = "ghcr.io/contender-dev/examples/breast-cancer"
GO_IMAGE = "ghcr.io/contender-dev/examples/breast-cancer-go:1"
RETRAIN_IMAGE = "ghcr.io/contender-dev/examples/breast-cancer-retrain:1"
PYTHON = "/usr/bin/python3"

QUICK = {"DRAIN_QUIET_SECONDS": "2"}
NONROOT = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532}


def spec(version: str = "1", *, env: dict[str, str] | None = None, **model: Any) -> Json:
    """Return a spec whose answers carry this version; keyword arguments go into its model."""
    variables = {**QUICK, "MODEL_VERSION": version, **(env or {})}
    return {
        "model": {
            "version": version,
            "image": f"{IMAGE}:1",
            "env": [{"name": key, "value": value} for key, value in variables.items()],
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
            "probes": {"path": "/healthz", "period": "1s", "timeout": "5s"},
            **model,
        },
    }


def python_job(program: str, **job: Any) -> Json:
    """Return a retraining job that runs a few lines of Python."""
    return {
        "image": f"{IMAGE}:1",
        "command": [PYTHON, "-c", program],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        **job,
    }


def reporting(message: str, seconds: float = 0) -> str:
    """Return a program that reports this after a while."""
    write = f"open('/dev/termination-log', 'w').write({message!r})"
    return f"import time; time.sleep({seconds}); {write}"


def result(version: str, **metrics: float) -> str:
    """Return a valid report."""
    return json.dumps({"version": version, "image": f"{IMAGE}:{version}", "metrics": metrics})
