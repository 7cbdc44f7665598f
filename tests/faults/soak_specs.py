"""What people write into a ModelDeployment, at random."""

from typing import Any

from hypothesis import strategies as st

from tests.properties.histories import specs as bare_specs
from tests.scenarios.world import model

NAMES = st.sampled_from(["churn", "fraud", "price", "stock"])
NUMBERS = st.integers(0, 5)
PARTS = ("scaling", "transformer", "pod", "retraining", "paused")
RESOURCES = {"requests": {"cpu": "100m"}}

SCALING = {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"type": "CPU", "target": 70}]}
RETRAINING = {"job": {"image": "registry/train:1"}, "schedule": "0 3 * * *"}
FIRST = {
    "churn": model(),
    "fraud": {**model("2"), "scaling": SCALING, "retraining": RETRAINING},
}
"""What is there from the beginning."""

UPDATES = [
    (name, {**spec, **model(version)})
    for name, spec in FIRST.items()
    for version in ("1", "2", "3")
]

HAND_EDITS: dict[str, dict[str, Any]] = {
    "CronJob": {"spec": {"schedule": "1 1 1 1 *", "jobTemplate": {"spec": {"backoffLimit": 9}}}},
    "ControllerRevision": {"metadata": {"annotations": {"contender.dev/applied": "theirs"}}},
    "Deployment": {"spec": {"replicas": 0, "template": {"spec": {"hostNetwork": True}}}},
    "HorizontalPodAutoscaler": {"spec": {"minReplicas": 1, "maxReplicas": 50}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 9}},
    "Service": {"spec": {"selector": {"app": "theirs"}}},
}
FOREIGN: dict[str, dict[str, Any]] = {
    "Deployment": {
        "selector": {"matchLabels": {"app": "theirs"}},
        "template": {
            "metadata": {"labels": {"app": "theirs"}},
            "spec": {"containers": [{"name": "theirs", "image": "theirs:1"}]},
        },
    },
    "PodDisruptionBudget": {"selector": {"matchLabels": {"app": "theirs"}}},
    "Service": {"ports": [{"port": 80}]},
}
COMMANDS: tuple[dict[str, str | None], ...] = (
    {"paused": "true"},
    {"paused": None},
    {"refresh": "x"},
    {"refresh": "y"},
    {"refresh": None},
    {"retrain": "m"},
    {"retrain": "n"},
    {"retrain": "o"},
    {"retrain": None},
    {"rollback": None},
    {"rollback": "nowhere/1"},
)
RUNS = (
    ("Complete", '{"version": "2", "image": "registry/churn:2"}'),
    ("Complete", "no JSON"),
    ("Failed", "out of data"),
)


def specs() -> st.SearchStrategy[dict[str, Any]]:
    """Whole specs that the API server takes."""
    return bare_specs().map(_with_requests)


def _with_requests(spec: dict[str, Any]) -> dict[str, Any]:
    """Add the requests that an autoscaler by CPU must have."""
    return {**spec, "model": {"resources": RESOURCES, **spec["model"]}}
