"""Rows and predictions, in every layout."""

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.api.v1alpha1.capture import Rows
from contender.recorder.model import Unread
from contender.recorder.reading.layout import MOST_ROWS
from contender.recorder.reading.outputs import NOT_POSITIVE
from contender.recorder.reading.rows import RowsReader
from tests.recorder.reading.documents import DOCUMENTS


def reader(**fields: Any) -> RowsReader:
    return RowsReader(Rows.model_validate(fields))


def tensor(name: str, shape: list[Any], data: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


V1 = {"preset": "V1"}
V2 = {"preset": "V2"}
SCORED = {**V1, "task": "Binary", "positiveClass": "yes", "score": "/p"}
CUT = {**SCORED, "threshold": "0.7"}


@pytest.mark.parametrize(
    ("fields", "document", "expected"),
    [
        pytest.param(V1, {"instances": [{"a": 1}, 2]}, [{"a": 1}, 2], id="the members of an array"),
        pytest.param(V1, {"instances": {"a": 1}}, [{"a": 1}], id="no array is one row"),
        pytest.param(V1, {"instances": []}, [], id="an empty array has no rows, and is read"),
        pytest.param(V1, {"instances": None}, Unread.NO_ROWS, id="null is nothing"),
        pytest.param(V1, {"rows": [1]}, Unread.NO_ROWS, id="rows are elsewhere"),
        pytest.param(V1, [1], Unread.NO_ROWS, id="the body is no object"),
        pytest.param(V1, {"instances": [0] * MOST_ROWS}, [0] * MOST_ROWS, id="as many as may be"),
        pytest.param(
            V1, {"instances": [0] * (MOST_ROWS + 1)}, Unread.TOO_MANY_ROWS, id="one too many"
        ),
        pytest.param(
            {"request": "", "response": ""}, [1, 2], [1, 2], id="the body itself is the array"
        ),
        pytest.param(
            {"request": "/x/0", "response": ""}, {"x": [[1, 2]]}, [1, 2], id="where spec says"
        ),
        pytest.param(
            V2,
            {"inputs": [tensor("a", [2], [1, 2]), tensor("b", [2, 1], ["x", "y"])]},
            [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
            id="row i is the i-th part of each tensor",
        ),
        pytest.param(
            V2,
            {"inputs": [tensor("a", [2, 2], [[1, 2], [3, 4]])]},
            [{"a": [1, 2]}, {"a": [3, 4]}],
            id="nested data",
        ),
        pytest.param(V2, {"inputs": [tensor("a", [0], [])]}, [], id="a tensor without rows"),
        pytest.param(
            V2,
            {"inputs": [tensor("a", [1], [1]), tensor("b", [2], [1, 2])]},
            Unread.NO_ROWS,
            id="tensors differ in their rows",
        ),
        pytest.param(
            V2,
            {"inputs": [tensor("a", [1], [1]), tensor("a", [1], [2])]},
            Unread.NO_ROWS,
            id="two tensors of one name",
        ),
        pytest.param(
            V2, {"inputs": [tensor("a", [1], [1]), None]}, Unread.NO_ROWS, id="one is no tensor"
        ),
        pytest.param(V2, {"inputs": []}, Unread.NO_ROWS, id="no tensors"),
        pytest.param(V2, {"inputs": tensor("a", [1], [1])}, Unread.NO_ROWS, id="no list of them"),
        pytest.param(
            V2,
            {"inputs": [tensor("a", [MOST_ROWS + 1], [0] * (MOST_ROWS + 1))]},
            Unread.TOO_MANY_ROWS,
            id="one row too many in tensors",
        ),
    ],
)
def test_rows_of_requests(
    fields: dict[str, Any], document: Any, expected: list[Any] | Unread
) -> None:
    assert reader(**fields).request(document) == expected


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        pytest.param([2], [1], id="too little data"),
        pytest.param([1], [1, 2], id="too much data"),
        pytest.param([], [1], id="no dimension"),
        pytest.param([1] * 33, [1], id="too many dimensions"),
        pytest.param([2, 0], [], id="rows with nothing in them"),
        pytest.param([-1, -1], [1], id="negative"),
        pytest.param([1.0], [1], id="a float"),
        pytest.param([True], [1], id="a boolean"),
        pytest.param(["1"], [1], id="text"),
        pytest.param(1, [1], id="no list"),
        pytest.param([1], 1, id="data is no list"),
        pytest.param([1], None, id="no data"),
        pytest.param([1], [{}], id="an object among the data"),
        pytest.param([2, 2], [[1, 2, 3], [4]], id="ragged"),
        pytest.param([2, 2], [[1, 2], 3], id="half nested"),
        pytest.param([2], [[1], [2]], id="nested deeper than the shape"),
        pytest.param([2, 2, 2], [[1, 2, 3, 4], [5, 6, 7, 8]], id="nested less than the shape"),
        pytest.param([10**9, 10**9], [1], id="huge"),
    ],
)
def test_a_tensor_that_is_not_as_its_shape_says_is_not_read(shape: Any, data: Any) -> None:
    assert reader(**V2).request({"inputs": [tensor("a", shape, data)]}) is Unread.NO_ROWS


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.booleans())
def test_rows_of_tensors_are_those_of_numpy(shape: list[int], nested: bool) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    data = array.tolist() if nested else array.ravel().tolist()
    is_scalar = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    expected = [part.item() if is_scalar else part.ravel().tolist() for part in array]
    rows = reader(**V2).request({"inputs": [tensor("a", shape, data)]})
    assert rows == [{"a": part} for part in expected]


LONG = "x" * 257


def digest(canonical: bytes) -> str:
    return f"sha256:{sha256(canonical).hexdigest()[:16]}"


@pytest.mark.parametrize(
    ("fields", "predictions", "expected"),
    [
        pytest.param(V1, [1, "a", None], [(1, None), ("a", None), (None, None)], id="as they are"),
        pytest.param(V1, 5, [(5, None)], id="no array is one prediction"),
        pytest.param(
            V1, [{"b": 1, "a": []}], [(digest(b'{"a":[],"b":1}'), None)], id="an object by digest"
        ),
        pytest.param(
            V1, [LONG], [(digest(f'"{LONG}"'.encode()), None)], id="a long text by digest"
        ),
        pytest.param(V1, ["x" * 256], [("x" * 256, None)], id="not quite as long"),
        pytest.param({**V1, "output": "/o"}, [{"o": 1}], [(1, None)], id="where output says"),
        pytest.param({**V1, "output": "/o"}, [{"o": 1}, {}], Unread.NO_OUTPUT, id="one lacks it"),
        pytest.param(
            {**V1, "task": "Multiclass"}, ["a", True, 1, 1.5], None, id="classes of any type"
        ),
        pytest.param({**V1, "task": "Multiclass"}, [[1]], Unread.NO_OUTPUT, id="a class, no array"),
        pytest.param({**V1, "task": "Binary"}, [{}], Unread.NO_OUTPUT, id="a class, no object"),
        pytest.param({**V1, "task": "Binary"}, [None], Unread.NO_OUTPUT, id="a class, not null"),
        pytest.param({**V1, "task": "Regression"}, [1, 2.5, -(2**63)], None, id="numbers"),
        pytest.param({**V1, "task": "Regression"}, ["1"], Unread.NO_OUTPUT, id="text, no number"),
        pytest.param({**V1, "task": "Regression"}, [True], Unread.NO_OUTPUT, id="true, no number"),
        pytest.param(
            {**SCORED, "output": "/o"}, [{"p": 1, "o": "no"}], [("no", 1.0)], id="with a score"
        ),
        pytest.param({**SCORED, "score": "", "output": ""}, [0.5], [(0.5, 0.5)], id="both in one"),
        pytest.param({**SCORED, "output": "/o"}, [{"o": 1}], Unread.NO_OUTPUT, id="no score"),
        pytest.param(CUT, [{"p": 0.7}], [("yes", 0.7)], id="from the threshold on it is positive"),
        pytest.param(CUT, [{"p": 0.69}], [(NOT_POSITIVE, 0.69)], id="below it is not"),
        pytest.param(
            {**CUT, "output": "/o"},
            [{"p": 0.9, "o": "no"}],
            [("yes", 0.9)],
            id="the threshold decides, whatever output says",
        ),
        pytest.param(CUT, [{"p": 1.01}], Unread.NO_OUTPUT, id="more than 1 is no probability"),
        pytest.param(CUT, [{"p": -1e-9}], Unread.NO_OUTPUT, id="less than 0 is none"),
        pytest.param(CUT, [{"p": True}], Unread.NO_OUTPUT, id="true is none"),
        pytest.param(CUT, [{"p": "0.5"}], Unread.NO_OUTPUT, id="text is none"),
        pytest.param(CUT, [0.5], Unread.NO_OUTPUT, id="the score is elsewhere"),
        pytest.param(CUT, None, Unread.NO_ROWS, id="null is no prediction"),
        pytest.param(CUT, [0] * (MOST_ROWS + 1), Unread.TOO_MANY_ROWS, id="too many"),
    ],
)
def test_predictions(
    fields: dict[str, Any], predictions: Any, expected: list[Any] | Unread | None
) -> None:
    found = reader(**fields).response({"predictions": predictions})
    assert found == ([(one, None) for one in predictions] if expected is None else expected)


@pytest.mark.parametrize(
    ("fields", "tensors", "expected"),
    [
        pytest.param(
            {**V2, "task": "Regression"},
            [tensor("y", [2, 1], [1.5, 2])],
            [(1.5, None), (2, None)],
            id="the only tensor is the output",
        ),
        pytest.param(
            {**V2, "task": "Regression"},
            [tensor("y", [1], [1]), tensor("z", [1], [2])],
            Unread.NO_OUTPUT,
            id="of two it must be said which",
        ),
        pytest.param(
            {**V2, "task": "Multiclass", "output": "/label"},
            [tensor("label", [2], ["a", "b"]), tensor("p", [2, 2], [0.9, 0.1, 0.2, 0.8])],
            [("a", None), ("b", None)],
            id="the tensor that output names",
        ),
        pytest.param(
            {**CUT, "preset": "V2", "score": "/p/1"},
            [tensor("p", [2, 2], [0.9, 0.1, 0.2, 0.8])],
            [(NOT_POSITIVE, 0.1), ("yes", 0.8)],
            id="a score among several",
        ),
        pytest.param(
            {**V2, "task": "Multiclass"},
            [tensor("p", [1, 2], [0.9, 0.1])],
            Unread.NO_OUTPUT,
            id="several numbers are no class",
        ),
        pytest.param(V2, [], Unread.NO_ROWS, id="no tensors"),
    ],
)
def test_predictions_of_tensors(
    fields: dict[str, Any], tensors: list[Any], expected: list[Any] | Unread
) -> None:
    assert reader(**fields).response({"outputs": tensors}) == expected


def test_a_digest_does_not_depend_on_the_order_of_members() -> None:
    found = reader(**V1).response({"predictions": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]})
    assert isinstance(found, list)
    assert found[0] == found[1]


def test_a_prediction_that_is_nested_too_deep_is_no_output() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert reader(**V1).response({"predictions": deep}) is Unread.NO_OUTPUT


SHAPES = st.lists(st.one_of(st.integers(-1, 3), DOCUMENTS), max_size=4)
TENSORS = st.builds(tensor, st.sampled_from(["a", "b"]), SHAPES, DOCUMENTS)


@given(st.lists(st.one_of(TENSORS, DOCUMENTS), max_size=3))
def test_garbage_has_rows_or_none(values: list[Any]) -> None:
    for fields in (V1, V2, CUT, {**CUT, "preset": "V2"}, {"request": "", "response": ""}):
        for document in (values, {"instances": values, "predictions": values}, {"inputs": values}):
            assert isinstance(reader(**fields).request(document), list | Unread)
            assert isinstance(reader(**fields).response(document), list | Unread)
