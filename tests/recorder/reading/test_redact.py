"""What of a body may be stored: no name of a row, wherever it is."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.recorder.model import Unread
from contender.recorder.reading.body import Body
from contender.recorder.reading.reader import ReadRequest
from tests.recorder.reading.documents import (
    DOCUMENTS,
    PATHS,
    hidden,
    is_at,
    places,
    pseudonym,
    reader,
)

V1 = {"preset": "V1"}
V2 = {"preset": "V2"}
WHO = {**V1, "entity": "/who"}


def tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "data": data}


def body(document: Any) -> Body:
    return Body(orjson.dumps(document), "application/json", "", truncated=False)


def request(document: Any, rows: dict[str, Any] | None = None, **capture: Any) -> ReadRequest:
    return reader(rows, **capture).request(body(document))


def left_of_request(document: Any, rows: dict[str, Any] | None = None, **capture: Any) -> Any:
    stored = request(document, rows, **capture).stored
    return None if stored is None else orjson.loads(stored)


def left_of_answer(document: Any, rows: dict[str, Any] | None = None, **capture: Any) -> Any:
    stored = reader(rows, **capture).response(body(document)).stored
    return None if stored is None else orjson.loads(stored)


@pytest.mark.parametrize(
    ("rows", "document", "stored", "entities"),
    [
        pytest.param(
            WHO,
            {"instances": [{"who": "ann", "x": 1}, {"who": 5}]},
            {"instances": [{"who": hidden("ann"), "x": 1}, {"who": hidden("5")}]},
            ["ann", "5"],
            id="in every row",
        ),
        pytest.param(
            WHO,
            {"instances": {"who": "ann"}},
            {"instances": {"who": hidden("ann")}},
            ["ann"],
            id="in the only row",
        ),
        pytest.param(
            WHO,
            {"instances": [{}, {"who": "bob"}], "who": "ann"},
            {"instances": [{}, {"who": hidden("bob")}], "who": hidden("ann")},
            ["ann", "bob"],
            id="in the body, for the row that has none",
        ),
        pytest.param(
            WHO,
            {"instances": [{"who": "bob"}], "who": "the shop"},
            {"instances": [{"who": hidden("bob")}], "who": "the shop"},
            ["bob"],
            id="in the body it is something else when every row has its own",
        ),
        pytest.param(
            WHO,
            {"instances": [], "who": "ann"},
            {"instances": [], "who": hidden("ann")},
            [],
            id="in the body when there are no rows",
        ),
        pytest.param(
            WHO,
            {"instances": [{"who": {"name": "ann"}}, {"who": ["bob"]}, {"who": None}]},
            {"instances": [{}, {}, {}]},
            [None, None, None],
            id="what is no scalar is removed, and names nobody",
        ),
        pytest.param(
            WHO,
            {"instances": [{"who": {"name": "ann"}}], "who": 7},
            {"instances": [{}], "who": hidden("7")},
            ["7"],
            id="what is no scalar in the row is looked for in the body",
        ),
        pytest.param(
            WHO,
            {"instances": [{}], "who": ["ann"]},
            {"instances": [{}]},
            [None],
            id="what is no scalar in the body is removed",
        ),
        pytest.param(
            {**V1, "entity": "/1"},
            {"instances": [[3, "ann"], [4, ["bob"]]]},
            {"instances": [[3, hidden("ann")], [4, None]]},
            ["ann", None],
            id="in an array the others keep their places",
        ),
        pytest.param(
            {**V1, "entity": ""},
            {"instances": ["ann", 5, {"who": "bob"}]},
            {"instances": [hidden("ann"), hidden("5"), None]},
            ["ann", "5", None],
            id="the row itself",
        ),
        pytest.param(
            {**V1, "entity": ""},
            {"instances": "ann"},
            {"instances": hidden("ann")},
            ["ann"],
            id="the only row itself",
        ),
        pytest.param(
            {"request": "", "response": "", "entity": ""},
            "ann",
            hidden("ann"),
            ["ann"],
            id="the body itself",
        ),
        pytest.param(
            {"request": "/rows", "response": "", "entity": "/rows/0/who"},
            {"rows": [{"who": "ann"}]},
            {"rows": [{"who": hidden("ann")}]},
            ["ann"],
            id="in the body, but within a row",
        ),
        pytest.param(
            {**WHO, "key": "/who"},
            {"instances": [{"who": "ann"}]},
            {"instances": [{"who": hidden("ann")}]},
            ["ann"],
            id="entity and key are the same",
        ),
        pytest.param(
            {**WHO, "key": "/who/order"},
            {"instances": [{"who": {"order": "o1"}}]},
            {"instances": [{}]},
            [None],
            id="the key is within the entity",
        ),
        pytest.param(
            {**V2, "entity": "/who"},
            {
                "inputs": [
                    tensor("who", [2, 1], [["ann"], ["bob"]]),
                    tensor("x", [2, 1], [[1], [2]]),
                ]
            },
            {
                "inputs": [
                    tensor("who", [2, 1], [[hidden("ann")], [hidden("bob")]]),
                    tensor("x", [2, 1], [[1], [2]]),
                ]
            },
            ["ann", "bob"],
            id="in a tensor",
        ),
        pytest.param(
            {**V2, "entity": "/who"},
            {"inputs": [tensor("who", [2], ["ann", None]), tensor("x", [2], [None, None])]},
            {
                "inputs": [
                    tensor("who", [2], [hidden("ann"), None]),
                    tensor("x", [2], [None, None]),
                ]
            },
            ["ann", None],
            id="null in a tensor",
        ),
        pytest.param(
            {**V2, "entity": "/who", "key": ""},
            {"inputs": [tensor("who", [1, 2], ["ann", "bob"])]},
            {"inputs": [{"name": "who", "shape": [1, 2]}]},
            [None],
            id="several elements, and all tensors",
        ),
        pytest.param(
            {**V2, "entity": "/who"},
            {"inputs": [tensor("who", [1, 2], ["ann", "bob"])]},
            {"inputs": [{"name": "who", "shape": [1, 2]}]},
            [None],
            id="several elements for a row are no scalar",
        ),
        pytest.param(
            {**V2, "entity": "/who/1"},
            {"inputs": [tensor("who", [2, 2], [[1, "ann"], [2, "bob"]])]},
            {"inputs": [tensor("who", [2, 2], [[1, hidden("ann")], [2, hidden("bob")]])]},
            ["ann", "bob"],
            id="one of several elements",
        ),
        pytest.param(
            {**V2, "entity": "/parameters/who"},
            {"inputs": [tensor("x", [2], [1, 2])], "parameters": {"who": "ann"}},
            {"inputs": [tensor("x", [2], [1, 2])], "parameters": {"who": hidden("ann")}},
            ["ann", "ann"],
            id="beside the tensors",
        ),
        pytest.param(
            {**V2, "entity": ""},
            {"inputs": [tensor("x", [1], [1])]},
            {"inputs": [{"name": "x", "shape": [1]}]},
            [None],
            id="all tensors",
        ),
    ],
)
def test_names_are_replaced(
    rows: dict[str, Any], document: Any, stored: Any, entities: list[str | None]
) -> None:
    read = request(document, rows)
    assert orjson.loads(read.stored or b"") == stored
    assert read.entities == [None if one is None else pseudonym(one) for one in entities]
    assert read.unread == Unread.NONE


@pytest.mark.parametrize(
    ("rows", "document", "stored"),
    [
        pytest.param(
            WHO,
            {"predictions": [{"who": "ann", "y": 1}, 2]},
            {"predictions": [{"who": hidden("ann"), "y": 1}, 2]},
            id="in a prediction",
        ),
        pytest.param(
            WHO,
            {"predictions": [1], "who": "ann"},
            {"predictions": [1], "who": hidden("ann")},
            id="in the body",
        ),
        pytest.param(
            {**V1, "entity": ""},
            {"predictions": ["a"]},
            {"predictions": ["a"]},
            id="a prediction itself is not a name",
        ),
        pytest.param(WHO, {"error": "ann is unknown"}, None, id="without predictions nothing"),
        pytest.param(
            {**V2, "key": "/order"},
            {"outputs": [tensor("order", [1], ["o1"]), tensor("y", [1], [2])]},
            {"outputs": [tensor("order", [1], [hidden("o1")]), tensor("y", [1], [2])]},
            id="in a tensor",
        ),
    ],
)
def test_names_are_replaced_in_answers(rows: dict[str, Any], document: Any, stored: Any) -> None:
    assert left_of_answer(document, rows) == stored


@pytest.mark.parametrize("capture", [{}, {"keep": ["/instances/*/who"]}], ids=["all", "kept"])
@pytest.mark.parametrize("pointer", ["entity", "key"])
def test_a_name_is_replaced_even_where_it_is_kept(pointer: str, capture: dict[str, Any]) -> None:
    document = {"instances": [{"who": "ann"}]}
    stored = {"instances": [{"who": hidden("ann")}]}
    assert left_of_request(document, {**V1, pointer: "/who"}, **capture) == stored


def test_a_name_is_known_even_when_it_is_not_stored() -> None:
    document = {"instances": [{"who": "ann", "order": 7, "x": 1}]}
    rows = {**WHO, "key": "/order"}
    read = request(document, rows, redact=["/instances/*/who", "/instances/*/order"])
    assert read.entities == [pseudonym("ann")]
    assert read.keys == [pseudonym("7")]
    assert read.stored == b'{"instances":[{"x":1}]}'


@pytest.mark.parametrize(
    ("data", "path", "left"),
    [
        pytest.param(
            [[["ann", 1]], [["bob", 2]]],
            "/inputs/0/data/*/*/1",
            [[[hidden("ann"), None]], [[hidden("bob"), None]]],
            id="nested",
        ),
        pytest.param(
            ["ann", 1, "bob", 2],
            "/inputs/0/data/1",
            [hidden("ann"), None, hidden("bob"), 2],
            id="flat",
        ),
    ],
)
def test_paths_lead_into_a_tensor_with_a_name(data: list[Any], path: str, left: list[Any]) -> None:
    document = {"inputs": [tensor("x", [2, 1, 2], data)]}
    stored = left_of_request(document, {**V2, "entity": "/x/0"}, redact=[path])
    assert stored == {"inputs": [tensor("x", [2, 1, 2], left)]}


def test_the_same_paths_hold_for_requests_and_answers() -> None:
    document = {"instances": [{"a": 1, "b": 2}], "predictions": [{"a": 1, "b": 2}]}
    for left in (left_of_request, left_of_answer):
        assert left(document, V1, redact=["/*/*/a"]) == {
            "instances": [{"b": 2}],
            "predictions": [{"b": 2}],
        }
        assert left(document, V1, keep=["/*/*/a"]) == {
            "instances": [{"a": 1}],
            "predictions": [{"a": 1}],
        }


def test_keeping_nothing_stores_nothing() -> None:
    assert left_of_request({"a": 1}, keep=[]) is None
    assert left_of_request({"a": 1}, keep=["/b"]) is None


def test_a_member_that_comes_twice_is_not_stored_by_its_first_value() -> None:
    twice = Body(b'{"ssn":"secret","ssn":1,"a":2}', "", "", truncated=False)
    assert reader(redact=["/ssn"]).request(twice).stored == b'{"a":2}'
    hidden_inside = Body(b'{"a":{"ssn":"secret"},"a":{}}', "", "", truncated=False)
    assert reader(redact=["/a/ssn"]).request(hidden_inside).stored == b'{"a":{}}'


def test_a_document_that_cannot_be_written_again_is_not_stored() -> None:
    deep = Body(b"[" * 500 + b"1" + b"]" * 500, "", "", truncated=False)
    assert reader(redact=["/a"]).request(deep).stored is None
    assert reader().request(deep).stored == deep.raw


@given(DOCUMENTS, PATHS)
def test_no_redacted_value_is_stored(document: Any, paths: list[str]) -> None:
    left = left_of_request(document, redact=paths)
    for place, value in places(left):
        assert value is None or not any(is_at(place, path) for path in paths)


@given(DOCUMENTS, PATHS, st.sampled_from(["keep", "redact"]))
def test_what_is_redacted_twice_is_redacted_once(
    document: Any, paths: list[str], field: str
) -> None:
    capture: dict[str, Any] = {field: paths}
    once = left_of_request(document, **capture)
    if once is not None:
        assert left_of_request(once, **capture) == once


SECRET = "a-name-that-is-nowhere-else"
OTHERS = st.dictionaries(st.sampled_from("abcd"), DOCUMENTS, max_size=3)
WITH_SECRET = OTHERS.map(lambda row: {**row, "who": SECRET})
WITH_SECRETS_INSIDE = OTHERS.map(lambda row: {**row, "who": {"first": SECRET, "list": [SECRET]}})
ROW = st.one_of(WITH_SECRET, WITH_SECRETS_INSIDE, OTHERS, DOCUMENTS)


@given(st.one_of(ROW, st.lists(ROW, max_size=4)), OTHERS, st.sampled_from(["entity", "key"]), PATHS)
def test_a_name_is_never_stored(rows: Any, rest: dict[str, Any], field: str, paths: Any) -> None:
    has_all = rows and all(
        isinstance(row, dict) and row.get("who") == SECRET
        for row in (rows if isinstance(rows, list) else [rows])
    )
    fallback = {} if has_all else {"who": SECRET}
    asked, answered = ({**rest, name: rows, **fallback} for name in ("instances", "predictions"))
    for capture in ({}, {"redact": paths}, {"keep": [*paths, "/who", "/instances", "/*/*/who"]}):
        used = reader({**V1, field: "/who"}, **capture)
        read, answer = used.request(body(asked)), used.response(body(answered))
        assert SECRET.encode() not in (read.stored or b"")
        assert SECRET.encode() not in (answer.stored or b"")
        assert SECRET not in str(read.features)


@given(st.integers(1, 3), st.integers(1, 3), st.booleans(), st.data())
def test_a_name_in_a_tensor_is_never_stored(
    count: int, width: int, nested: bool, data: st.DataObject
) -> None:
    element = data.draw(st.integers(0, width - 1))
    pointers = ["/who", ""] if width == 1 else ["/who", "", f"/who/{element}"]
    pointer = data.draw(st.sampled_from(pointers))
    parts: list[list[Any]] = [[at] * width for at in range(count)]
    for part in parts:
        part[element] = SECRET
    values = parts if nested else [one for part in parts for one in part]
    document = {
        "inputs": [tensor("x", [count], [0] * count), tensor("who", [count, width], values)]
    }
    read = request(document, {**V2, "entity": pointer})
    assert read.stored
    assert SECRET.encode() not in read.stored
    assert SECRET not in str(read.features)
