"""Paths with `*`: what they take out, and what they keep."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from contender.recorder.reading.paths import Paths
from contender.recorder.reading.pointer import MISSING
from tests.recorder.reading.documents import (
    DOCUMENTS,
    PATHS,
    Place,
    is_at,
    is_under,
    leaves,
    places,
)


def dropped(document: Any, paths: list[str]) -> Any:
    document = deepcopy(document)
    Paths(paths).drop(document)
    return document


def at(document: Any, place: Place) -> Any:
    return dict(places(document))[place]


@pytest.mark.parametrize(
    ("document", "paths", "left"),
    [
        pytest.param({"a": 1, "b": 2}, ["/a"], {"b": 2}, id="a member of an object goes"),
        pytest.param([1, 2, 3], ["/1"], [1, None, 3], id="a member of an array becomes null"),
        pytest.param([1, 2], ["/*"], [None, None], id="every member of an array"),
        pytest.param({"a": 1, "b": 2}, ["/*"], {}, id="every member of an object"),
        pytest.param(
            {"x": [{"s": 1, "t": 2}, {"t": 3}, 4]},
            ["/x/*/s"],
            {"x": [{"t": 2}, {"t": 3}, 4]},
            id="in every row",
        ),
        pytest.param(
            {"a": {"s": 1, "t": 2}, "b": {"s": 3}},
            ["/*/s", "/a/t"],
            {"a": {}, "b": {}},
            id="by its name and as one of all",
        ),
        pytest.param({"0": 1}, ["/0"], {}, id="an index is a name in an object"),
        pytest.param([1], ["/-", "/01", "/5", "/a"], [1], id="what is not there stays away"),
        pytest.param({"a": {"b": 1}}, ["/a/b", "/a"], {}, id="the shorter path takes more"),
        pytest.param(5, ["/a"], 5, id="a scalar has no members"),
    ],
)
def test_dropping(document: Any, paths: list[str], left: Any) -> None:
    assert dropped(document, paths) == left


@pytest.mark.parametrize(
    ("document", "paths", "left"),
    [
        pytest.param({"a": 1, "b": 2}, ["/a"], {"a": 1}, id="a member of an object"),
        pytest.param([1, 2, 3], ["/1"], [None, 2, None], id="an array keeps its length"),
        pytest.param([1, 2], ["/5"], MISSING, id="an array without what is kept vanishes"),
        pytest.param(
            {"x": [{"s": 1, "t": 2}, {"u": 3}], "y": {"z": 1}},
            ["/x/*/s"],
            {"x": [{"s": 1}, None]},
            id="what has nothing of it vanishes",
        ),
        pytest.param(
            {"a": {"s": 1, "t": 2, "u": 3}, "b": {"s": 4, "t": 5}},
            ["/*/s", "/a/t"],
            {"a": {"s": 1, "t": 2}, "b": {"s": 4}},
            id="by its name and as one of all",
        ),
        pytest.param({"a": {}, "b": []}, ["/a", "/b"], {"a": {}, "b": []}, id="empty but kept"),
        pytest.param({"a": None}, ["/a"], {"a": None}, id="null is something"),
        pytest.param({"a": 1}, [], MISSING, id="without paths nothing"),
        pytest.param(5, ["/a"], MISSING, id="a scalar has no members"),
    ],
)
def test_keeping(document: Any, paths: list[str], left: Any) -> None:
    assert Paths(paths).keep(document) == left


@given(DOCUMENTS, PATHS)
def test_nothing_is_left_where_a_path_leads(document: Any, paths: list[str]) -> None:
    left = dropped(document, paths)
    for place, value in places(left):
        if any(is_at(place, path) for path in paths):
            assert value is None
            assert isinstance(at(left, place[:-1]), list)


@given(DOCUMENTS, PATHS)
def test_all_else_stays_as_it_is(document: Any, paths: list[str]) -> None:
    before, after = leaves(document), leaves(dropped(document, paths))
    for place, value in before.items():
        if not is_under(place, paths):
            assert after[place] is value or after[place] == value
    for place in after.keys() - before.keys():
        assert after[place] in (None, {}), "nothing new but what is now empty"


@given(DOCUMENTS, PATHS)
def test_what_is_dropped_twice_is_dropped_once(document: Any, paths: list[str]) -> None:
    once = dropped(document, paths)
    assert dropped(once, paths) == once


@given(DOCUMENTS, PATHS)
def test_only_what_paths_lead_to_is_kept_and_all_of_it(document: Any, paths: list[str]) -> None:
    left = Paths(paths).keep(document)
    before, after = leaves(document), leaves(left)
    wanted = {place: value for place, value in before.items() if is_under(place, paths)}
    if left is MISSING:
        assert not wanted
        return
    assert {place: after[place] for place in wanted} == wanted
    for place in after.keys() - wanted.keys():
        assert after[place] is None
        assert isinstance(at(left, place[:-1]), list)


@given(DOCUMENTS, PATHS)
def test_what_is_kept_twice_is_kept_once(document: Any, paths: list[str]) -> None:
    before = deepcopy(document)
    once = Paths(paths).keep(document)
    assert document == before, "the document itself is left alone"
    assert Paths(paths).keep(once) == once
