"""The operator's metrics; controller-runtime's names where it has one."""

from prometheus_client import Counter, Gauge, Histogram

_LABELS = {"name": "modeldeployment"}
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

QUEUE_ADDS = Counter("workqueue_adds", "Keys added to the queue", ["name"]).labels(**_LABELS)
QUEUE_DEPTH = Gauge("workqueue_depth", "Keys in line", ["name"]).labels(**_LABELS)
QUEUE_RETRIES = Counter("workqueue_retries", "Keys added after a failure", ["name"]).labels(
    **_LABELS
)
QUEUE_WAIT = Histogram(
    "workqueue_queue_duration_seconds", "Time in line", ["name"], buckets=_SECONDS
).labels(**_LABELS)

RECONCILES = Counter("controller_runtime_reconcile", "Passes by result", ["controller", "result"])
RECONCILE_SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds", "Time of a pass", ["controller"], buckets=_SECONDS
).labels("modeldeployment")
PHASE_SECONDS = Counter(
    "contender_reconcile_phase_seconds", "Time spent by phase of a pass", ["phase"]
)
WRITES = Counter("contender_writes", "Writes to the API server", ["kind", "verb", "result"])


def count_result(result: str) -> None:
    """Count one pass: success, error, conflict or requeue_after."""
    RECONCILES.labels("modeldeployment", result).inc()
