"""The Jobs that retrain on command."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1.pod import Pod
from contender.api.v1alpha1.retraining import RetrainingJob
from contender.core import names
from contender.core.audiences import TOKEN_FILE, VOLUME, Purpose, token_volume
from contender.core.children.base import Child, Resource, manifest
from contender.core.manifest import Manifest
from contender.core.retraining import token_to_start
from contender.core.snapshot import Snapshot
from contender.core.template import container, pod_settings
from contender.router.names import RECORDER_HTTP_PORT, TOKEN_FOLDER

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("batch/v1", "Job", "jobs")


def job_labels(owner: str) -> dict[str, str]:
    """Return the labels of retraining Jobs and their pods."""
    return {**names.owner_labels(owner), names.LABEL_ROLE: "retraining"}


def job_spec(snapshot: Snapshot, job: RetrainingJob) -> dict[str, Any]:
    """Return the spec of a retraining Job, by schedule or by command."""
    pod, owner = job.pod or Pod(), snapshot.name
    metadata: dict[str, Any] = {"labels": {**(pod.labels or {}), **job_labels(owner)}}
    if pod.annotations:
        metadata["annotations"] = dict(pod.annotations)
    return {
        "backoffLimit": job.backoff_limit,
        "activeDeadlineSeconds": job.active_deadline_seconds,
        "template": {
            "metadata": metadata,
            "spec": _with_rows(
                snapshot,
                {
                    **pod_settings(pod),
                    "restartPolicy": "Never",
                    "containers": [container(names.RETRAINING_CONTAINER, job)],
                },
            ),
        },
    }


def _with_rows(snapshot: Snapshot, pod: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a pod whose container knows where the captured rows are, and has a token
    that opens those of its ModelDeployment only."""
    recorder = snapshot.installation.recorder
    if snapshot.spec.capture is None or not recorder:
        return pod
    (job,) = pod["containers"]
    told = {
        "CONTENDER_ROWS_URL": f"http://{recorder}:{RECORDER_HTTP_PORT}/v1/namespaces"
        f"/{snapshot.namespace}/modeldeployments/{snapshot.name}/rows",
        "CONTENDER_TOKEN_FILE": f"{TOKEN_FOLDER}/{TOKEN_FILE}",
    }
    env = [one for one in job.get("env", []) if one["name"] not in told]
    mount = {"name": VOLUME, "mountPath": TOKEN_FOLDER, "readOnly": True}
    return {
        **pod,
        "containers": [
            {
                **job,
                "env": [*({"name": key, "value": value} for key, value in told.items()), *env],
                "volumeMounts": [*job.get("volumeMounts", []), mount],
            }
        ],
        "volumes": [*pod.get("volumes", []), token_volume(Purpose.ROWS, snapshot.name)],
    }


def _render(context: "Context") -> Iterator[Manifest]:
    snapshot = context.snapshot
    token = token_to_start(snapshot, context.revisions.records)
    retraining = snapshot.spec.retraining
    if token and retraining:
        yield manifest(
            context,
            RESOURCE,
            names.retraining_name(snapshot.name, token),
            job_labels(snapshot.name),
            {names.COMMAND_RETRAIN: token},
            spec=job_spec(snapshot, retraining.job),
        )


JOB = Child(RESOURCE, _render)
