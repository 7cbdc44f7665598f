"""What the example servers answer, in Python and in Go alike."""

import base64
import json
import socket
from typing import Any

import pytest

ROW = [1.0] * 30


def call(server: Any, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
    connection = server.connect()
    connection.request(method, path, body)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content or "null"), response.headers


def data_uri(document: Any) -> str:
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return f"data:application/json;base64,{encoded}"


def test_predicts_each_instance_and_names_its_version(server: Any) -> None:
    status, document, headers = call(
        server, "POST", "/predict", json.dumps({"instances": [ROW, [0] * 30]})
    )
    assert status == 200
    assert document["version"] == "1"
    assert [set(prediction) for prediction in document["predictions"]] == [{"label", "p"}] * 2
    for prediction in document["predictions"]:
        assert prediction["label"] == (prediction["p"] >= 0.5)
    assert headers["Content-Type"] == "application/json"


def test_no_instances_are_no_predictions(server: Any) -> None:
    status, document, _ = call(server, "POST", "/predict", '{"instances": []}')
    assert (status, document["predictions"]) == (200, [])


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/healthz?verbose=1"])
def test_is_ready_and_alive_once_loaded(server: Any, path: str) -> None:
    status, document, _ = call(server, "GET", path)
    assert (status, document) == (200, {"status": "ok", "version": "1"})


def test_head_has_the_length_and_no_body(server: Any) -> None:
    status, document, headers = call(server, "HEAD", "/healthz")
    assert (status, document) == (200, None)
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "the body is not JSON"),
        ("{", "the body is not JSON"),
        (b"\xff\xfe", "the body is"),
        ('{"instances": []} x', "the body is not JSON"),
        ("[" * 100_000, "the body is not JSON"),
        ("[]", "the body is a list, not an object"),
        ("1", "the body is a number, not an object"),
        ('{"rows": []}', 'the body has no "instances"'),
        ('{"instances": null}', '"instances" is null, not a list'),
        ('{"instances": [{}]}', "instances[0] is an object, not a list"),
        (json.dumps({"instances": [ROW, ROW[:29]]}), "instances[1] has 29 values, expected 30"),
        (
            json.dumps({"instances": [ROW, [*ROW[:29], "x"]]}),
            "instances[1][29] is a string, not a number",
        ),
        (json.dumps({"instances": [[True, *ROW[1:]]]}), "instances[0][0] is a boolean"),
        (
            json.dumps({"instances": [ROW]}).replace("1.0", "1e999", 1),
            "instances[0][0] is not a finite number",
        ),
        (
            json.dumps({"instances": [ROW]}).replace("1.0", "9" * 5000, 1),
            "instances[0][0] is not a finite number",
        ),
        # Go's decoder knows no NaN, so that there it is "not JSON": both refuse it.
        (json.dumps({"instances": [[float("nan"), *ROW[1:]]]}), "is not"),
    ],
)
def test_says_what_is_wrong_with_a_body_and_how_to_mend_it(
    server: Any, body: str | bytes, says: str
) -> None:
    status, document, _ = call(server, "POST", "/predict", body)
    assert status == 400
    assert says in document["error"]
    assert document["hint"]


def test_refuses_unknown_paths(server: Any) -> None:
    status, document, _ = call(server, "POST", "/v1/predict", "{}")
    assert (status, document["error"]) == (404, "there is no /v1/predict here")
    assert "POST /predict" in document["hint"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_refuses_other_methods(server: Any, method: str) -> None:
    status, document, headers = call(server, method, "/predict")
    assert (status, headers["Allow"], document["hint"]) == (405, "POST", "use POST")


def test_refuses_a_large_body_before_it_is_sent(server: Any) -> None:
    answer = server.raw(
        b"POST /predict HTTP/1.1\r\nHost: x\r\n"
        b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"larger than 1048576 bytes" in answer


@pytest.mark.parametrize("chunked", [False, True])
def test_the_sender_of_a_large_body_reads_why_it_is_refused(server: Any, chunked: bool) -> None:
    body = b" " * 4_000_000
    status, document, _ = call(server, "POST", "/predict", iter([body]) if chunked else body)
    assert status == 413
    assert document["hint"] == "send fewer rows per request"


def test_reads_chunked_bodies(server: Any) -> None:
    text = json.dumps({"instances": [ROW]}).encode()
    status, document, _ = call(server, "POST", "/predict", iter([text[:50], text[50:]]))
    assert (status, len(document["predictions"])) == (200, 1)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"no http at all\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
)
def test_refuses_malformed_requests_and_closes(server: Any, request_bytes: bytes) -> None:
    assert server.raw(request_bytes).startswith(b"HTTP/1.1 400 ")
    assert call(server, "GET", "/livez")[0] == 200


def test_keeps_a_connection_for_many_requests_even_refused_ones(server: Any) -> None:
    connection = server.connect()
    connection.connect()
    sock = connection.sock
    for body in ('{"instances": []}', "not json", '{"instances": []}'):
        connection.request("POST", "/predict", body)
        response = connection.getresponse()
        assert int(response.headers["Content-Length"]) == len(response.read())
        assert response.headers["Connection"] is None
        assert connection.sock is sock
    connection.close()


def test_answers_pipelined_requests_in_order(server: Any) -> None:
    one = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = server.raw(one % b"/livez" + one % b"/nope" + one % b"/healthz")
    statuses = [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]


def test_survives_callers_that_go_away(server: Any) -> None:
    for piece in (b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(piece)
    assert call(server, "GET", "/healthz")[0] == 200


def test_serves_the_coefficients_of_model_uri_instead(start_server: Any) -> None:
    model = {"coef": [2] + [0] * 29, "intercept": -1}
    server = start_server(MODEL_URI=data_uri(model), MODEL_VERSION="1-20261121-093012")
    _, document, _ = call(server, "POST", "/predict", json.dumps({"instances": [ROW, [0] * 30]}))
    assert document["version"] == "1-20261121-093012"
    assert [each["label"] for each in document["predictions"]] == [1, 0]
    assert document["predictions"][0]["p"] == pytest.approx(0.7310585786300049, abs=1e-12)


def test_extreme_scores_are_probabilities(start_server: Any) -> None:
    server = start_server(MODEL_URI=data_uri({"coef": [1e300] + [0] * 29, "intercept": 0}))
    rows = [[1e5, *ROW[1:]], [-1e5, *ROW[1:]]]
    _, document, _ = call(server, "POST", "/predict", json.dumps({"instances": rows}))
    assert [each["p"] for each in document["predictions"]] == [1, 0]


def test_burns_cpu_time_when_asked_to(start_server: Any) -> None:
    server = start_server(BURN_MS="5")
    assert call(server, "POST", "/predict", '{"instances": []}')[0] == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_URI", "https://example.com/model.json"),
        ("MODEL_URI", "data:application/json;base64,***"),
        ("MODEL_URI", data_uri({"coef": [1], "intercept": 0})),
        ("MODEL_URI", data_uri({"coef": [None] * 30, "intercept": 0})),
        ("MODEL_URI", data_uri([])),
        ("MODEL_FILE", "/does/not/exist.json"),
        ("PORT", "http"),
        ("PORT", "1.5"),
        ("BURN_MS", "-1"),
        ("DRAIN_LIMIT_SECONDS", "nan"),
    ],
)
def test_does_not_start_with_a_wrong_setting_and_says_which(
    start_server: Any, name: str, value: str
) -> None:
    server = start_server(**{name: value})
    assert server.first_line["message"] == "cannot start"
    assert name.removesuffix("_FILE").lower() in server.first_line["reason"].lower()
    assert server.exit_code() == 2
