"""Why pods do not become ready: one reason and one sentence, from what Kubernetes reports.

The sentences leave out names of pods, counters and times: what is the same trouble must read the
same, or status would be written at each restart.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contender.core.manifest import Manifest, condition
from contender.core.snapshot import Report


@dataclass(frozen=True, order=True)
class Trouble:
    """Something that keeps pods from being ready."""

    rank: int
    """The smaller, the nearer to the cause."""
    reason: str
    message: str
    hard: bool
    """Whether it will not heal by waiting a little."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
_CONFIG_REASONS = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "ImageInspectError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
REPORTED = frozenset(
    {
        "Unhealthy",
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "FailedCreate",
    }
)
"""Reasons of the Events that say what no object says."""
_CREATING = frozenset({"ContainerCreating", "PodInitializing"})
_EXIT_CODES_OF_KILLS = frozenset({0, 137, 143})
"""What a container that was told to stop, or killed, exits with."""
_POD = re.compile(r' \(pod: "[^"]*"[^)]*\)')
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: )?(ErrImagePull: )?')
_ADDRESS = re.compile(r"(//|dial tcp )[0-9a-f.:\[\]]+(?=[:/])")
"""The address of a pod in the kubelet's sentence: the next pod has another."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*?(?=[\s\"',\]]|$)")
"""A time in a log line: the next crash has another."""
_MESSAGE_LIMIT = 512


def find_trouble(
    deployment: Manifest | None, pods: tuple[Manifest, ...], reports: Mapping[str, Report]
) -> Trouble | None:
    """Return what keeps a revision from being ready, or None when nothing is reported.

    Args:
        deployment: the revision's Deployment.
        pods: its pods, without those that are being deleted.
        reports: by uid of a pod, what only Events say of it.
    """
    found = [*_of_deployment(deployment)]
    for pod in pods:
        found += _of_pod(pod, reports.get(pod["metadata"]["uid"]))
    first = min(found, default=None)
    # Past the deadline, waiting is over: also what might have healed by itself counts.
    late = any(one.reason == "ProgressDeadlineExceeded" for one in found)
    return replace(first, hard=True) if first and late else first


def needs_report(pod: Manifest) -> bool:
    """Return whether only Events tell why the pod is not ready: a probe fails, or a volume or the
    network is missing."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any(not one.get("ready") and _tells_little(one) for one in statuses)


def _tells_little(container: dict[str, Any]) -> bool:
    state = container.get("state") or {}
    waits = (state.get("waiting") or {}).get("reason") in _CREATING
    return "running" in state or waits or "terminated" in (container.get("lastState") or {})


def _of_deployment(deployment: Manifest | None) -> Iterator[Trouble]:
    if deployment is None:
        return
    failure = condition(deployment, "ReplicaFailure")
    if failure and failure["status"] == "True":
        message = without_pod_name(failure.get("message", ""))
        yield Trouble(0, failure.get("reason", "FailedCreate"), message, hard=True)
    progressing = condition(deployment, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        message = "no progress within the deadline, and the pods report no cause"
        yield Trouble(9, "ProgressDeadlineExceeded", message, hard=True)


def without_pod_name(message: str) -> str:
    """Return why a pod could not be made, in words that are the same for the next pod."""
    message = message.removeprefix("(combined from similar events): ")
    message = message.removeprefix("Error creating: ")
    return re.sub(r'pods? "[^"]*" is forbidden', "pod is forbidden", message)[:_MESSAGE_LIMIT]


def _of_pod(pod: Manifest, report: Report | None) -> Iterator[Trouble]:
    status = pod.get("status") or {}
    scheduled = condition(pod, "PodScheduled")
    if scheduled and scheduled["status"] == "False":
        message = scheduled.get("message", "")[:_MESSAGE_LIMIT]
        yield Trouble(4, scheduled.get("reason", "Unschedulable"), message, hard=False)
    if status.get("reason") == "Evicted":
        yield Trouble(5, "Evicted", status.get("message", "")[:_MESSAGE_LIMIT], hard=False)
    for container in [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]:
        trouble = _of_container(container, report)
        if trouble:
            yield trouble


def _of_container(container: dict[str, Any], report: Report | None) -> Trouble | None:
    if container.get("ready"):
        return None
    state = container.get("state") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    probe = _probe(container, report)
    if trouble := _start(container, state.get("waiting") or {}, report):
        return trouble
    if ended:
        killed = probe if ended.get("exitCode", 0) in _EXIT_CODES_OF_KILLS else None
        return killed or _crash(container, ended)
    return probe if "running" in state else None


def _start(
    container: dict[str, Any], waiting: dict[str, Any], report: Report | None
) -> Trouble | None:
    """Describe what keeps a container from being started at all."""
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL_REASONS:
        return Trouble(1, "ImagePullBackOff", _of_image(container, said), hard=True)
    if reason in _CONFIG_REASONS:
        message = f"container {container['name']}: {_POD.sub('', said)}"
        return Trouble(2, reason, message[:_MESSAGE_LIMIT], hard=True)
    if reason in _CREATING and report:
        message = _POD.sub("", report.message)
        return Trouble(5, report.reason, message[:_MESSAGE_LIMIT], hard=False)
    return None


def _probe(container: dict[str, Any], report: Report | None) -> Trouble | None:
    """Describe a failing probe. A startup or liveness probe that fails has the container killed and
    started again: that is a crash loop whose cause is the probe."""
    if report is None or report.reason != "Unhealthy":
        return None
    said = _ADDRESS.sub(r"\1POD", report.message)
    restarts = container.get("restartCount", 0) > 0
    message = f"container {container['name']}: {said}"
    return Trouble(6, "ProbeFailing", message[:_MESSAGE_LIMIT], hard=restarts)


def _of_image(container: dict[str, Any], message: str) -> str:
    name, image = container["name"], container.get("image", "")
    cause = _BACK_OFF.sub("", message).replace(f'failed to pull and unpack image "{image}": ', "")
    return f"container {name}: {cause or 'the image ' + image + ' cannot be pulled'}"[
        :_MESSAGE_LIMIT
    ]


def _crash(container: dict[str, Any], ended: dict[str, Any]) -> Trouble:
    """Describe a container that ended. From the second end on it is a crash loop, also in the
    moments in which it runs again."""
    reason = ended.get("reason", "Error")
    code = ended.get("exitCode", 0)
    lines = [line.strip() for line in (ended.get("message") or "").splitlines() if line.strip()]
    message = f"container {container['name']} exits with code {code}"
    if reason not in ("Error", "Completed"):
        message += f" ({reason})"
    if lines:
        message += f": {_TIME.sub('(time)', lines[-1])}"
    if container.get("restartCount", 0) > 0:
        return Trouble(3, "CrashLoopBackOff", message[:_MESSAGE_LIMIT], hard=True)
    return Trouble(3, "ContainerExited", message[:_MESSAGE_LIMIT], hard=False)
