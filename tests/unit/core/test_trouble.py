"""What status says about pods that do not become ready."""

from typing import Any

import pytest

from contender.core.snapshot import Report
from contender.core.trouble import find_trouble

RUNS = {"running": {"startedAt": "2026-01-05T09:00:00Z"}}


def _waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def _ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def _pod(uid: str = "1", conditions: Any = (), **container: Any) -> dict[str, Any]:
    status = {"name": "model", "image": "churn:1", "ready": False, "restartCount": 0, **container}
    containers = [status] if container else []
    return {
        "metadata": {"name": f"pod-{uid}", "uid": uid},
        "status": {"conditions": list(conditions), "containerStatuses": containers},
    }


def _deployment(**condition: str) -> dict[str, Any]:
    return {"metadata": {"name": "churn"}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("pod", "sentence", "hard"),
    [
        (
            _pod(state=_waits("ErrImagePull", 'failed to pull and unpack image "churn:1": denied')),
            "ImagePullBackOff: container model: denied",
            True,
        ),
        (
            _pod(state=_waits("ImagePullBackOff", 'Back-off pulling image "churn:1"')),
            "ImagePullBackOff: container model: the image churn:1 cannot be pulled",
            True,
        ),
        (
            _pod(state=_waits("InvalidImageName", "couldn't parse image name")),
            "InvalidImageName: container model: couldn't parse image name",
            True,
        ),
        (
            _pod(state=_waits("CreateContainerConfigError", 'secret "db" not found')),
            'CreateContainerConfigError: container model: secret "db" not found',
            True,
        ),
        (
            _pod(state=_ended(1, message="loading\nno such file\n\n")),
            "ContainerExited: container model exits with code 1: no such file",
            False,
        ),
        (
            _pod(state=_ended(0, "Completed")),
            "ContainerExited: container model exits with code 0",
            False,
        ),
        (
            _pod(
                restartCount=2, state=_waits("CrashLoopBackOff"), lastState=_ended(137, "OOMKilled")
            ),
            "CrashLoopBackOff: container model exits with code 137 (OOMKilled)",
            True,
        ),
        (
            _pod(
                restartCount=1, state=RUNS, lastState=_ended(1, message="2026-01-05T09:00:00Z boom")
            ),
            "CrashLoopBackOff: container model exits with code 1: (time) boom",
            True,
        ),
        (
            _pod(
                conditions=[
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
                    | {"message": "no room"}
                ]
            ),
            "Unschedulable: no room",
            False,
        ),
        (
            {**_pod(), "status": {"reason": "Evicted", "message": "low on disk"}},
            "Evicted: low on disk",
            False,
        ),
    ],
)
def test_a_pod_says_what_is_wrong(pod: dict[str, Any], sentence: str, hard: bool) -> None:
    trouble = find_trouble(None, (pod,), {})
    assert trouble is not None
    assert (str(trouble), trouble.hard) == (sentence, hard)


@pytest.mark.parametrize(
    "pod",
    [
        _pod(),
        _pod(ready=True, state=RUNS),
        _pod(ready=True, restartCount=3, state=RUNS, lastState=_ended(1)),
        _pod(state=RUNS),
        _pod(state=_waits("ContainerCreating")),
        _pod(state=_waits("PodInitializing")),
        _pod(conditions=[{"type": "PodScheduled", "status": "True"}]),
    ],
)
def test_a_pod_that_is_on_its_way_is_no_trouble(pod: dict[str, Any]) -> None:
    assert find_trouble(None, (pod,), {}) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://10.0.3.7:8080/healthz", "http://10.1.2.3:8080/healthz"),
        ("http://[fd00::7]:8080/healthz", "http://[fd00::8]:8080/healthz"),
        ("dial tcp 10.0.3.7:8080: refused", "dial tcp 10.0.3.9:8080: refused"),
    ],
)
def test_the_address_of_a_pod_is_left_out_of_a_probes_answer(one: str, other: str) -> None:
    pod = _pod(state=RUNS)
    said = [
        str(find_trouble(None, (pod,), {"1": Report("Unhealthy", f"probe failed: {text}")}))
        for text in (one, other)
    ]
    assert said[0] == said[1]
    assert said[0].startswith("ProbeFailing: container model: probe failed: ")


def test_a_quota_is_told_without_the_name_of_the_pod() -> None:
    deployment = _deployment(
        type="ReplicaFailure",
        status="True",
        reason="FailedCreate",
        message='pods "churn-5d8c7-x7x2p" is forbidden: exceeded quota: team',
    )
    trouble = find_trouble(deployment, (), {})
    assert str(trouble) == "FailedCreate: pod is forbidden: exceeded quota: team"


def test_a_replica_failure_that_is_over_is_no_trouble() -> None:
    deployment = _deployment(type="ReplicaFailure", status="False", reason="FailedCreate")
    assert find_trouble(deployment, (), {}) is None


def test_the_nearest_to_the_cause_is_told() -> None:
    late = _deployment(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    crash = _pod("1", restartCount=1, state=_ended(1))
    image = _pod("2", state=_waits("ErrImagePull", "not found"))
    assert str(find_trouble(late, (crash, image), {})) == (
        "ImagePullBackOff: container model: not found"
    )
    assert find_trouble(late, (crash, image), {}) == find_trouble(late, (image, crash), {})


def test_past_the_deadline_what_might_have_healed_counts_too() -> None:
    late = _deployment(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    pod = _pod(state=RUNS)
    soft = find_trouble(None, (pod,), {"1": Report("Unhealthy", "refused")})
    hard = find_trouble(late, (pod,), {"1": Report("Unhealthy", "refused")})
    assert soft is not None
    assert hard is not None
    assert (soft.hard, hard.hard) == (False, True)
    assert str(soft) == str(hard)


def test_a_sentence_is_bounded() -> None:
    trouble = find_trouble(None, (_pod(state=_ended(1, message="x" * 5000)),), {})
    assert trouble is not None
    assert len(trouble.message) <= 512


def test_a_container_killed_by_its_startup_probe_is_no_mystery_of_exit_code_0() -> None:
    pod = _pod(restartCount=2, state=_waits("CrashLoopBackOff"), lastState=_ended(0))
    report = Report("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 404")
    trouble = find_trouble(None, (pod,), {"1": report})
    assert trouble is not None
    assert trouble.hard
    assert str(trouble) == f"ProbeFailing: container model: {report.message}"


def test_a_container_that_fails_by_itself_is_not_blamed_on_its_probe() -> None:
    pod = _pod(restartCount=2, state=_waits("CrashLoopBackOff"), lastState=_ended(1))
    trouble = find_trouble(None, (pod,), {"1": Report("Unhealthy", "Readiness probe failed")})
    assert str(trouble) == "CrashLoopBackOff: container model exits with code 1"


def test_a_missing_volume_is_told_by_its_event() -> None:
    pod = _pod(state=_waits("ContainerCreating"))
    message = 'MountVolume.SetUp failed for volume "keys" : secret "keys" not found'
    trouble = find_trouble(None, (pod,), {"1": Report("FailedMount", message)})
    assert trouble is not None
    assert (str(trouble), trouble.hard) == (f"FailedMount: {message}", False)


def test_a_wrong_configuration_is_told_without_the_name_of_the_pod() -> None:
    said = 'container has runAsNonRoot and image will run as root (pod: "a-1_b(u)", container: m)'
    pod = _pod(state=_waits("CreateContainerConfigError", said))
    assert str(find_trouble(None, (pod,), {})) == (
        "CreateContainerConfigError: container model:"
        " container has runAsNonRoot and image will run as root"
    )
