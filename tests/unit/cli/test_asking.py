"""When a server wants to be asked again."""

import pytest

from contender.cli.asking import message_of, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
    ],
)
def test_a_moment_to_come_again(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_a_moment_that_is_still_to_come() -> None:
    found = retry_after("Fri, 21 Oct 2199 07:28:00 GMT")
    assert found is not None
    assert found > 1e9


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"reason": "X", "message": "why"}', "why"),
        (b"<html>\n not here", "<html> not here"),
        (b'"x"', '"x"'),
        (b"", ""),
        (b"\xff", "�"),
    ],
)
def test_what_an_answer_tells(raw: bytes, text: str) -> None:
    assert message_of(raw) == text
