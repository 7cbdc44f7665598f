"""Which ModelDeployments somebody waits for."""

import pytest

from contender.core.commands import is_unanswered

ANSWERED = {"command": "retrain", "token": "n1", "result": "Done"}


@pytest.mark.parametrize(
    ("generation", "annotations", "status", "expected"),
    [
        (1, {}, None, True),
        (1, {}, {"observedGeneration": 1}, False),
        (2, {}, {"observedGeneration": 1}, True),
        (1, {"contender.dev/retrain": "n1"}, {"observedGeneration": 1}, True),
        (
            1,
            {"contender.dev/retrain": "n1"},
            {"observedGeneration": 1, "handled": [ANSWERED]},
            False,
        ),
        (
            1,
            {"contender.dev/retrain": "n2"},
            {"observedGeneration": 1, "handled": [ANSWERED]},
            True,
        ),
        (1, {}, {"observedGeneration": 1, "handled": [ANSWERED]}, True),
        (1, {"contender.dev/paused": "true"}, {"observedGeneration": 1}, False),
    ],
)
def test_a_new_spec_or_command_is_unanswered_until_status_tells_of_it(
    generation: int,
    annotations: dict[str, str],
    status: dict[str, object] | None,
    expected: bool,
) -> None:
    owner = {
        "metadata": {"name": "churn", "generation": generation, "annotations": annotations},
        **({"status": status} if status is not None else {}),
    }
    assert is_unanswered(owner) is expected
