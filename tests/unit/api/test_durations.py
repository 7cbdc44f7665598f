import re

import pytest

from contender.api.v1alpha1.base import DURATION_PATTERN, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1s", 1), ("90s", 90), ("1m30s", 90), ("1h", 3600), ("720h", 2592000), ("1h1m1s", 3661)],
)
def test_a_duration_is_read_in_seconds(text: str, expected: int) -> None:
    assert re.match(DURATION_PATTERN, text)
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "1", "30d", "1.5h", "500ms", "-1s", "1 h", "1H", "1s\n2"])
def test_other_notations_are_refused_by_the_crd(text: str) -> None:
    assert not re.match(DURATION_PATTERN, text)
