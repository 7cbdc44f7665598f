"""Why pods do not become ready: one reason and one sentence, from what Kubernetes reports.

The sentences leave out names of pods, counters and times: what is the same trouble must read the
same, or status would be written at each restart.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contender.core.manifest import Manifest, condition


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
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: )?(ErrImagePull: )?')
_ADDRESS = re.compile(r"(//|dial tcp )[0-9a-f.:\[\]]+(?=[:/])")
"""The address of a pod in the kubelet's sentence: the next pod has another."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*?(?=[\s\"',\]]|$)")
"""A time in a log line: the next crash has another."""
_MESSAGE_LIMIT = 512


def find_trouble(
    deployment: Manifest | None, pods: tuple[Manifest, ...], reports: Mapping[str, str]
) -> Trouble | None:
    """Return what keeps a revision from being ready, or None when nothing is reported.

    Args:
        deployment: the revision's Deployment.
        pods: its pods, without those that are being deleted.
        reports: by uid of a pod, what the kubelet said of its probe.
    """
    found = [*_of_deployment(deployment)]
    for pod in pods:
        found += _of_pod(pod, reports.get(pod["metadata"]["uid"], ""))
    first = min(found, default=None)
    # Past the deadline, waiting is over: also what might have healed by itself counts.
    late = any(one.reason == "ProgressDeadlineExceeded" for one in found)
    return replace(first, hard=True) if first and late else first


def waits_for_probe(pod: Manifest) -> bool:
    """Return whether a container of the pod runs but is not ready."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any("running" in (one.get("state") or {}) and not one.get("ready") for one in statuses)


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


def _of_pod(pod: Manifest, probe_failure: str) -> Iterator[Trouble]:
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
        trouble = _of_container(container, probe_failure)
        if trouble:
            yield trouble


def _of_container(container: dict[str, Any], probe_failure: str) -> Trouble | None:
    if container.get("ready"):
        return None
    name = container["name"]
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason in _PULL_REASONS:
        message = _BACK_OFF.sub("", waiting.get("message", ""))
        return Trouble(1, "ImagePullBackOff", _of_image(name, container, message), hard=True)
    if reason in _CONFIG_REASONS:
        message = f"container {name}: {waiting.get('message', '')}"[:_MESSAGE_LIMIT]
        return Trouble(2, reason, message, hard=True)
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if ended:
        return _crash(name, container, ended)
    if "running" in state and probe_failure:
        said = _ADDRESS.sub(r"\1POD", probe_failure)
        message = f"container {name}: {said}"[:_MESSAGE_LIMIT]
        return Trouble(6, "ProbeFailing", message, hard=False)
    return None


def _of_image(name: str, container: dict[str, Any], message: str) -> str:
    image = container.get("image", "")
    cause = message.replace(f'failed to pull and unpack image "{image}": ', "")
    return f"container {name}: {cause or 'the image ' + image + ' cannot be pulled'}"[
        :_MESSAGE_LIMIT
    ]


def _crash(name: str, container: dict[str, Any], ended: dict[str, Any]) -> Trouble:
    """Describe a container that ended. From the second end on it is a crash loop, also in the
    moments in which it runs again."""
    reason = ended.get("reason", "Error")
    code = ended.get("exitCode", 0)
    lines = [line.strip() for line in (ended.get("message") or "").splitlines() if line.strip()]
    message = f"container {name} exits with code {code}"
    if reason not in ("Error", "Completed"):
        message += f" ({reason})"
    if lines:
        message += f": {_TIME.sub('(time)', lines[-1])}"
    if container.get("restartCount", 0) > 0:
        return Trouble(3, "CrashLoopBackOff", message[:_MESSAGE_LIMIT], hard=True)
    return Trouble(3, "ContainerExited", message[:_MESSAGE_LIMIT], hard=False)
