"""Bodies from capture to rows, and what is stored when they cannot be read."""

import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.recorder.model import Unread
from contender.recorder.reading.body import Body
from contender.recorder.reading.reader import ReadRequest, ReadResponse
from tests.recorder.reading.documents import DOCUMENTS, PATHS, pseudonym, reader

V1 = {"preset": "V1"}
V2 = {"preset": "V2"}
SCORED = {
    **V1,
    "task": "Binary",
    "positiveClass": "yes",
    "score": "/p",
    "threshold": "0.5",
}
RAW = b'{"instances": [ {"a": 1} ]}'


def body(raw: bytes, *, kind: str = "application/json", encoding: str = "") -> Body:
    return Body(raw, kind, encoding, truncated=False)


def test_what_need_not_change_is_stored_as_it_came() -> None:
    read = reader(V1).request(body(RAW))
    assert read == ReadRequest(1, Unread.NONE, RAW, [], [], [{"a": 1}])
    raw = b'{"predictions": [ {"p": 0.8} ]}'
    assert reader(SCORED).response(body(raw)) == ReadResponse([("yes", 0.8)], Unread.NONE, raw)


def test_an_encoded_body_is_stored_decoded() -> None:
    read = reader(V1).request(body(gzip.compress(RAW), encoding="gzip"))
    assert read.stored == RAW


def test_names_and_features_of_rows() -> None:
    rows = {**V1, "entity": "/who", "key": "/order"}
    document = {"instances": [{"who": 1, "x": 5}, {"order": "a"}], "who": "ann"}
    read = reader(rows, redact=["/instances/*/order"]).request(body(orjson.dumps(document)))
    assert read.rows == 2
    assert read.entities == [pseudonym("1"), pseudonym("ann")]
    assert read.keys == [None, pseudonym("a")]
    assert read.features == [{"who": f"hmac:{pseudonym('1').hex()}", "x": 5}, {}]


def test_features_are_what_is_left_of_rows() -> None:
    document = orjson.dumps({"instances": [{"a": 1, "b": 2}, {"b": 3}]})
    kept = reader(V1, keep=["/instances/*/a"]).request(body(document))
    assert kept.features == [{"a": 1}, None]
    assert reader(V1, redact=["/instances"]).request(body(document)).features == []


def test_features_are_the_tensors_that_are_left() -> None:
    tensors = [{"name": name, "shape": [2], "data": [1, 2]} for name in "abc"]
    document = orjson.dumps({"inputs": tensors})
    paths = ["/inputs/0", "/inputs/1/data", "/inputs/2/data/0"]
    read = reader(V2, redact=paths).request(body(document))
    assert read.rows == 2
    assert read.features == [{"c": None}, {"c": 2}]


REDACTS = {"redact": ["/a"]}
KEEPS = {"keep": ["/a"]}
WHO = {**V1, "entity": "/who"}
KEY = {**V1, "key": "/order"}
CUT = Body(RAW[:9], "application/json", "", truncated=True)
UNKNOWN = body(RAW, encoding="zstd")
TEXT = body(b"no JSON")
IMAGE = body(b"[1]", kind="image/png")
NO_ROWS = body(b'{"b":1}')
EMPTY = body(b"")


@pytest.mark.parametrize(
    ("rows", "capture", "given_body", "unread", "stored"),
    [
        pytest.param(V1, {}, CUT, Unread.TOO_LARGE, None, id="what was cut is not stored"),
        pytest.param(None, {}, CUT, Unread.TOO_LARGE, None, id="nor when it need not be read"),
        pytest.param(V1, {}, UNKNOWN, Unread.ENCODING, None, id="nor what cannot be decoded"),
        pytest.param(V1, {}, TEXT, Unread.NOT_JSON, b"no JSON", id="no JSON, nothing to hide"),
        pytest.param(V1, {}, IMAGE, Unread.NOT_JSON, b"[1]", id="an image, nothing to hide"),
        pytest.param(V1, REDACTS, TEXT, Unread.NOT_JSON, None, id="no JSON, something to redact"),
        pytest.param(V1, KEEPS, TEXT, Unread.NOT_JSON, None, id="no JSON, only some is kept"),
        pytest.param(V1, {"keep": []}, TEXT, Unread.NOT_JSON, None, id="no JSON, none is kept"),
        pytest.param(WHO, {}, TEXT, Unread.NOT_JSON, None, id="no JSON, an entity to hide"),
        pytest.param(KEY, {}, TEXT, Unread.NOT_JSON, None, id="no JSON, a key to hide"),
        pytest.param(None, REDACTS, TEXT, Unread.NOT_JSON, None, id="no rows, and no JSON"),
        pytest.param(None, REDACTS, IMAGE, Unread.NOT_JSON, None, id="no rows, and an image"),
        pytest.param(None, {}, TEXT, Unread.NONE, b"no JSON", id="nothing is read"),
        pytest.param(None, REDACTS, NO_ROWS, Unread.NONE, b'{"b":1}', id="read to be redacted"),
        pytest.param(None, KEEPS, NO_ROWS, Unread.NONE, None, id="of which nothing is kept"),
        pytest.param(V1, {}, NO_ROWS, Unread.NO_ROWS, b'{"b":1}', id="no rows, nothing to hide"),
        pytest.param(V1, REDACTS, NO_ROWS, Unread.NO_ROWS, b'{"b":1}', id="no rows, redacted"),
        pytest.param(WHO, {}, NO_ROWS, Unread.NO_ROWS, None, id="no rows, an entity to hide"),
        pytest.param(KEY, REDACTS, NO_ROWS, Unread.NO_ROWS, None, id="no rows, a key to hide"),
        pytest.param(V1, {}, EMPTY, Unread.NOT_JSON, None, id="nothing came"),
        pytest.param(None, {}, EMPTY, Unread.NONE, None, id="nothing came, nothing is read"),
        pytest.param(None, REDACTS, EMPTY, Unread.NONE, None, id="nothing came to be redacted"),
    ],
)
def test_what_cannot_be_read(
    rows: dict[str, Any] | None,
    capture: dict[str, Any],
    given_body: Body,
    unread: Unread,
    stored: bytes | None,
) -> None:
    used = reader(rows, **capture)
    assert used.request(given_body) == ReadRequest(1, unread, stored, [], [], [])
    assert used.response(given_body) == ReadResponse(None, unread, stored)


def test_an_answer_without_outputs_is_stored_redacted() -> None:
    raw = body(b'{"predictions":[{"who":"ann"}],"a":1}')
    used = reader({**SCORED, "entity": "/who"}, redact=["/a"])
    hidden = f"hmac:{pseudonym('ann').hex()}"
    stored = orjson.dumps({"predictions": [{"who": hidden}]})
    assert used.response(raw) == ReadResponse(None, Unread.NO_OUTPUT, stored)


def test_outputs_are_read_before_they_are_redacted() -> None:
    raw = body(b'{"predictions":[{"p":0.25}]}')
    read = reader(SCORED, redact=["/predictions"]).response(raw)
    assert read == ReadResponse([("", 0.25)], Unread.NONE, b"{}")


@pytest.mark.parametrize(("longest", "limit"), [(0, 65536), (100, 65536), (65536, 262144)])
def test_a_body_may_be_four_times_as_long_decoded(longest: int, limit: int) -> None:
    used = reader(maxBodyBytes=longest)
    fits, exceeds = (
        body(gzip.compress(bytes(size)), encoding="gzip") for size in (limit, limit + 1)
    )
    assert used.request(fits).stored == bytes(limit)
    assert used.request(exceeds) == ReadRequest(1, Unread.EXPANDS, None, [], [], [])
    assert used.response(exceeds) == ReadResponse(None, Unread.EXPANDS, None)


POINTERS = st.sampled_from(["", "/a", "/0", "/a/0", "/instances", "/instances/0", "/inputs/0/data"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "entity": POINTERS,
        "key": POINTERS,
        "output": POINTERS,
        "score": POINTERS,
        "threshold": st.just("0.5"),
        "positiveClass": st.just("yes"),
        "task": st.sampled_from(["Binary", "Multiclass", "Regression"]),
    },
)
LAYOUTS = st.one_of(
    st.sampled_from([V1, V2]), st.builds(lambda at: {"request": at, "response": at}, POINTERS)
)
SPECS = st.builds(lambda layout, fields: {**layout, **fields}, LAYOUTS, FIELDS)
TENSORS = st.builds(
    lambda name, data: {"name": name, "shape": [len(data)], "data": data},
    st.sampled_from(["a", "0", ""]),
    st.lists(DOCUMENTS, max_size=3),
)
ROWS = st.one_of(DOCUMENTS, st.lists(TENSORS, max_size=2))
BODIES = st.one_of(
    st.binary(max_size=50),
    DOCUMENTS.map(orjson.dumps),
    st.dictionaries(
        st.sampled_from(["instances", "predictions", "inputs", "outputs", "a"]), ROWS
    ).map(orjson.dumps),
)


@given(
    BODIES,
    st.sampled_from(["", "gzip", "br, gzip", "deflate", "\x00"]),
    st.booleans(),
    st.one_of(st.none(), SPECS),
    st.fixed_dictionaries({}, optional={"keep": PATHS, "redact": PATHS}),
)
def test_no_body_makes_it_raise(
    raw: bytes,
    encoding: str,
    truncated: bool,
    rows: dict[str, Any] | None,
    capture: dict[str, Any],
) -> None:
    used = reader(rows, **capture)
    captured = Body(raw, "", encoding, truncated)
    read, answer = used.request(captured), used.response(captured)
    for one in (read, answer):
        assert one.stored is None or not truncated
    if read.unread:
        assert (read.rows, read.entities, read.keys, read.features) == (1, [], [], [])
    elif rows:
        for names, asked in ((read.entities, rows.get("entity")), (read.keys, rows.get("key"))):
            assert len(names) == (0 if asked is None else read.rows)
    assert answer.outputs is None or not answer.unread
