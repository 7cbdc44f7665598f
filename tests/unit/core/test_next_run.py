from datetime import UTC, datetime
from typing import Any

import pytest

from contender.api.v1alpha1.retraining import Retraining
from contender.core.manifest import format_time, parse_time
from contender.core.retraining import next_run


def _next(now: str, **said: Any) -> str | None:
    retraining = Retraining.model_validate({"job": {"image": "train"}, **said})
    following = next_run(retraining, parse_time(now))
    return format_time(following) if following else None


@pytest.mark.parametrize(
    ("situation", "zone", "schedule", "now", "expected"),
    [
        ("UTC unless told", None, "0 3 * * *", "2026-01-05T09:00:00Z", "2026-01-06T03:00:00Z"),
        ("winter", "Europe/Berlin", "0 3 * * *", "2026-01-05T09:00:00Z", "2026-01-06T02:00:00Z"),
        ("summer", "Europe/Berlin", "0 3 * * *", "2026-07-05T09:00:00Z", "2026-07-06T01:00:00Z"),
        (
            "half an hour",
            "Asia/Kolkata",
            "0 3 * * *",
            "2026-01-05T09:00:00Z",
            "2026-01-05T21:30:00Z",
        ),
        (
            "date line",
            "Pacific/Auckland",
            "0 0 1 * *",
            "2026-01-31T09:00:00Z",
            "2026-01-31T11:00:00Z",
        ),
        ("named", "Europe/Berlin", "@daily", "2026-01-05T09:00:00Z", "2026-01-05T23:00:00Z"),
        ("weekly is Sunday", None, "@weekly", "2026-01-05T09:00:00Z", "2026-01-11T00:00:00Z"),
        ("hourly", None, "@hourly", "2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z"),
        ("exactly now is over", None, "0 9 * * *", "2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z"),
        ("leap day", None, "0 0 29 2 *", "2026-01-05T09:00:00Z", "2028-02-29T00:00:00Z"),
        ("any day, said with ?", None, "0 3 ? * 1", "2026-01-05T09:00:00Z", "2026-01-12T03:00:00Z"),
        # The clocks go back on 25 October 2026, 03:00 -> 02:00 in Berlin: 02:30 comes twice.
        (
            "after autumn",
            "Europe/Berlin",
            "0 3 * * *",
            "2026-10-24T12:00:00Z",
            "2026-10-25T02:00:00Z",
        ),
        (
            "in the hour that comes twice",
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            "2026-10-25T00:30:00Z",
        ),
        # They go forward on 29 March 2026, 02:00 -> 03:00: the day after is summer time.
        (
            "after spring",
            "Europe/Berlin",
            "0 4 * * *",
            "2026-03-28T12:00:00Z",
            "2026-03-29T02:00:00Z",
        ),
    ],
)
def test_the_next_run_follows_the_wall_clock(
    situation: str, zone: str | None, schedule: str, now: str, expected: str
) -> None:
    assert _next(now, schedule=schedule, timeZone=zone) == expected, situation


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"schedule": "0 3 * * *", "suspend": True},
        {"schedule": "0 3 * * *", "timeZone": "Mars/Olympus"},
        {"schedule": "0 3 * * *", "timeZone": "/etc/passwd"},
        {"schedule": "5-1 * * * *"},
        {"schedule": "*/0 * * * *"},
    ],
)
def test_without_a_valid_schedule_there_is_no_next_run(said: dict[str, Any]) -> None:
    assert _next("2026-01-05T09:00:00Z", **said) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T09:00:00.123456Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T10:00:00+01:00", "2026-01-05T09:00:00Z"),
    ],
)
def test_times_are_written_as_kubernetes_does(text: str, expected: str) -> None:
    assert format_time(parse_time(text)) == expected


def test_a_time_is_aware_of_its_zone() -> None:
    assert parse_time("2026-01-05T09:00:00Z") == datetime(2026, 1, 5, 9, tzinfo=UTC)
