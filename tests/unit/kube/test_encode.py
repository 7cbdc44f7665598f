"""What goes over the wire is what Go would write: the API server compares raw bytes."""

import json

from contender.kube.client import encode


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert encode({"b": [1, 2], "a": {"d": None, "c": True}}) == (
        b'{"a":{"c":true,"d":null},"b":[1,2]}'
    )


def test_the_characters_of_html_are_escaped_and_others_are_not() -> None:
    assert encode({"a": "<&>\u2028ä"}) == '{"a":"\\u003c\\u0026\\u003e\\u2028ä"}'.encode()


def test_the_value_stays_the_same() -> None:
    body = {"args": ["a<b", 'say "x" & y\\', "\u2029"], "n": 1.5}
    assert json.loads(encode(body)) == body
