from typing import Any

import pytest

from contender.controller.reconcile import merge_patch


@pytest.mark.parametrize(
    ("situation", "before", "after", "patch"),
    [
        ("nothing changed", {"a": {"b": 1}, "c": [1]}, {"a": {"b": 1}, "c": [1]}, {}),
        ("first status", {}, {"phase": "Ready"}, {"phase": "Ready"}),
        ("gone", {"candidate": {"revision": "x"}}, {}, {"candidate": None}),
        ("within", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ("gone within", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ("a list is replaced as a whole", {"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}),
        ("a map in place of a value", {"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ("a value in place of a map", {"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ("an empty map appears", {}, {"a": {}}, {"a": {}}),
        ("a map becomes empty", {"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
    ],
)
def test_the_patch_says_only_what_has_changed(
    situation: str, before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert merge_patch(before, after) == patch, situation
