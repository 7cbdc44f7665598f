"""The Jobs that retrain on command."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contender.api.v1alpha1.pod import Pod
from contender.api.v1alpha1.retraining import RetrainingJob
from contender.core import names
from contender.core.children.base import Child, Resource, manifest
from contender.core.manifest import Manifest
from contender.core.retraining import token_to_start
from contender.core.template import container, pod_settings

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("batch/v1", "Job", "jobs")


def job_labels(owner: str) -> dict[str, str]:
    """Return the labels of retraining Jobs and their pods."""
    return {**names.owner_labels(owner), names.LABEL_ROLE: "retraining"}


def job_spec(owner: str, job: RetrainingJob) -> dict[str, Any]:
    """Return the spec of a retraining Job, by schedule or by command."""
    pod = job.pod or Pod()
    metadata: dict[str, Any] = {"labels": {**(pod.labels or {}), **job_labels(owner)}}
    if pod.annotations:
        metadata["annotations"] = dict(pod.annotations)
    return {
        "backoffLimit": job.backoff_limit,
        "activeDeadlineSeconds": job.active_deadline_seconds,
        "template": {
            "metadata": metadata,
            "spec": {
                **pod_settings(pod),
                "restartPolicy": "Never",
                "containers": [container(names.RETRAINING_CONTAINER, job)],
            },
        },
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
            spec=job_spec(snapshot.name, retraining.job),
        )


JOB = Child(RESOURCE, _render)
