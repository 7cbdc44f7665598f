"""The CronJob that starts retraining by schedule."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contender.core import names
from contender.core.children.base import Child, Resource, manifest
from contender.core.children.job import job_labels, job_spec
from contender.core.manifest import Manifest
from contender.core.retraining import (
    HISTORY_LIMIT,
    account_allowed,
    command_run_is_active,
    pending_token,
)

if TYPE_CHECKING:
    from contender.core.plan import Context

RESOURCE = Resource("batch/v1", "CronJob", "cronjobs")


def _render(context: "Context") -> Iterator[Manifest]:
    snapshot = context.snapshot
    retraining = snapshot.spec.retraining
    if retraining is None or retraining.schedule is None:
        return
    labels = job_labels(snapshot.name)
    yield manifest(
        context,
        RESOURCE,
        names.retraining_name(snapshot.name),
        labels,
        spec={
            "schedule": retraining.schedule,
            "timeZone": retraining.time_zone or "Etc/UTC",
            # A CronJob forbids overlap with its own runs only. While a run by command waits or is
            # active it is suspended; a time it misses is made up for afterwards. Already while it
            # waits: else a time missed meanwhile would be made up for just when it starts.
            # Nor may a run use a service account that is not allowed.
            "suspend": retraining.suspend
            or bool(pending_token(snapshot, context.revisions.records))
            or command_run_is_active(snapshot)
            or not account_allowed(snapshot),
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": HISTORY_LIMIT,
            "failedJobsHistoryLimit": HISTORY_LIMIT,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": job_spec(snapshot, retraining.job),
            },
        },
    )


CRON_JOB = Child(RESOURCE, _render)
