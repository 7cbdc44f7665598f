"""What the CRD lets through as a schedule must mean something to us and to Kubernetes."""

import re
from datetime import UTC, datetime

import pytest
from cronsim import CronSim, CronSimError

from contender.api.v1alpha1.retraining import CRON_PATTERN, Retraining
from contender.core.retraining import next_run

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

ACCEPTED = [
    "0 3 * * 0",
    "*/5 * * * *",
    "0,30 8-18 * * 1-5",
    "0 0 1 1 *",
    "59 23 31 12 6",
    "00 03 01 01 *",
    "0  3 * *  0",
    "0 3 * jan,JUL sun",
    "0 3 * Jan-Mar MON-FRI",
    "0 3 ? * 1",
    "0-30/10 * * * *",
    "5/15 * * * *",
    "@daily",
    "@hourly",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
    "@midnight",
]
REFUSED = [
    "",
    "0 3 * *",
    "0 3 * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * 0 *",
    "* * * * 7",
    "* * * * -1",
    "* * * foo *",
    "* * * * monday",
    "*/100 * * * *",
    "1,,2 * * * *",
    "1- * * * *",
    "a * * * *",
    "@every 1h",
    "@reboot",
    "@Daily",
    "TZ=UTC 0 3 * * *",
    "CRON_TZ=Europe/Berlin 0 3 * * *",
    "0 3 * * 0\n",
    " 0 3 * * 0",
    "0\t3 * * 0",
    "0 3 L * *",
    "0 3 * * 1#2",
]


@pytest.mark.parametrize("schedule", ACCEPTED)
def test_what_is_accepted_has_a_next_run(schedule: str) -> None:
    assert re.fullmatch(CRON_PATTERN, schedule)
    retraining = Retraining.model_validate({"schedule": schedule, "job": {"image": "train"}})
    following = next_run(retraining, NOW)
    assert following is not None
    assert following > NOW


@pytest.mark.parametrize("schedule", REFUSED)
def test_what_is_no_schedule_of_kubernetes_is_refused(schedule: str) -> None:
    assert not re.fullmatch(CRON_PATTERN, schedule)


@pytest.mark.parametrize("field", range(5))
def test_each_number_of_a_field_is_accepted_exactly_if_cron_knows_it(field: int) -> None:
    for number in range(70):
        words = ["*"] * 5
        words[field] = str(number)
        schedule = " ".join(words)
        # Both 0 and 7 are Sunday to cronsim; Kubernetes knows only 0.
        known = _known_to_cron(schedule) and (field, number) != (4, 7)
        assert bool(re.fullmatch(CRON_PATTERN, schedule)) == known, schedule


def _known_to_cron(schedule: str) -> bool:
    try:
        CronSim(schedule, NOW)
    except CronSimError:
        return False
    return True


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 31 4 *"])
def test_a_day_that_never_comes_has_no_next_run(schedule: str) -> None:
    retraining = Retraining.model_validate({"schedule": schedule, "job": {"image": "train"}})
    assert next_run(retraining, NOW) is None
