"""Who may do what: nothing but the right token opens anything."""

import base64
from time import time
from typing import Any

import orjson
import pytest
from grpc import StatusCode

from contender.core.audiences import Purpose, audience
from tests.contract.server import until
from tests.recorder.service.cluster import SYSTEM, Endpoint
from tests.recorder.service.routers import Caller, Stream
from tests.recorder.told import Call


def answered(number: int = 1) -> Any:
    """Return the entry of one answer."""
    return Call(at=time(), rows=[{"x": number}]).answered([{"label": 1, "p": 0.5}])


def forged(**claims: Any) -> str:
    """Return a token that nobody has signed."""
    parts = (base64.urlsafe_b64encode(orjson.dumps(one)).rstrip(b"=") for one in ({}, claims))
    return b".".join([*parts, b"c2lnbmF0dXJl"]).decode()


@pytest.fixture(scope="module")
def endpoint(caller: Caller) -> Endpoint:
    """An endpoint with one row."""
    endpoint = caller.declare()
    caller.tell(endpoint, answered())
    return endpoint


GARBAGE: dict[str, str] = {
    "none": "",
    "no token at all": "garbage",
    "three parts of nothing": "a.b.c",
    "not even base64": "é.é.é".encode("ascii", "replace").decode(),
    "very long": "x" * 5000,
    "forged": forged(aud=["stream.contender.dev/churn"], exp=2**40),
    "an audience that is a number": forged(aud=5),
    "an audience that is an object": forged(aud={"stream.contender.dev/churn": 1}),
    "no object": base64.urlsafe_b64encode(b"[1]").decode().join("..")[::-1],
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_in_place_of_a_token_opens_nothing(
    caller: Caller, endpoint: Endpoint, kind: str
) -> None:
    token = GARBAGE[kind]
    before = caller.counters(endpoint)
    refused = caller.process.metric("contender_recorder_streams_refused_total")
    stream = Stream(caller.process.stream_port, token)
    stream.tell(answered())
    assert stream.ended() == StatusCode.UNAUTHENTICATED
    assert stream.why
    for answer in (
        caller.ask_rows(endpoint, token or "-"),
        caller.get("/v1/endpoints", token),
        caller.post("/v1/statistics", token, b'{"experiments": ["uid-1"]}'),
        caller.post("/v1/looks", token, b'{"experiments": {"uid-1": 0}}'),
        caller.put("/v1/verdicts/uid-1", token, b"{}"),
        caller.get("/v1/verdicts/uid-1", token),
        caller.post("/v1/erasures", token, b'{"entity": "somebody"}'),
        caller.post("/v1/feedback", token, b'{"id": "x", "name": "churned", "value": 1}'),
    ):
        assert answer.status_code == 401, answer.text
        assert answer.json()["reason"] == "Unauthorized"
        assert answer.json()["message"]
    assert caller.counters(endpoint) == before
    assert caller.process.metric("contender_recorder_streams_refused_total") == refused + 1


def test_bytes_that_are_no_text_are_no_token(caller: Caller, endpoint: Endpoint) -> None:
    answer = caller.get("/v1/endpoints", b"\xff\xfe".decode("latin-1"))
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.STREAM])
def test_a_token_for_another_purpose_sends_no_answers(
    caller: Caller, endpoint: Endpoint, purpose: Purpose
) -> None:
    before = caller.counters(endpoint)
    of_all = purpose in (Purpose.STATISTICS, Purpose.ERASE)
    stream = Stream(
        caller.process.stream_port, caller.cluster.token_for(purpose, None if of_all else endpoint)
    )
    stream.tell(answered())
    assert stream.ended() == StatusCode.PERMISSION_DENIED
    assert caller.counters(endpoint) == before


def test_a_token_opens_only_what_it_was_made_for(caller: Caller, endpoint: Endpoint) -> None:
    tokens = {
        purpose: caller.cluster.token_for(
            purpose, None if purpose in (Purpose.STATISTICS, Purpose.ERASE) else endpoint
        )
        for purpose in Purpose
    }
    opened = {
        purpose: {
            "rows": caller.ask_rows(endpoint, token).status_code,
            "endpoints": caller.get("/v1/endpoints", token).status_code,
            "sums": caller.post("/v1/statistics", token, b'{"experiments": []}').status_code,
            "looks": caller.post("/v1/looks", token, b'{"experiments": {}}').status_code,
            "keep": caller.put("/v1/verdicts/of-nobody", token, b"{}").status_code,
            "verdict": caller.get("/v1/verdicts/of-nobody", token).status_code,
            "erase": caller.post("/v1/erasures", token, b'{"entity": "nobody"}').status_code,
            "feedback": caller.post("/v1/feedback", token, b"[]").status_code,
        }
        for purpose, token in tokens.items()
    }
    read = ("endpoints", "sums", "looks", "keep", "verdict")
    closed = dict.fromkeys(("rows", *read, "erase", "feedback"), 403)
    assert opened == {
        Purpose.STREAM: {**closed, "feedback": 200},
        Purpose.FEEDBACK: {**closed, "feedback": 200},
        Purpose.ROWS: {**closed, "rows": 200},
        Purpose.STATISTICS: {**closed, **dict.fromkeys(read, 200)},
        Purpose.ERASE: {**closed, "erase": 200},
    }


@pytest.mark.parametrize(
    "audiences",
    [
        (),
        ("https://kubernetes.default.svc.cluster.local",),
        ("stream.contender.dev",),
        ("stream.contender.dev/churn", "rows.contender.dev/churn"),
        ("stream.contender.dev/churn", "stream.contender.dev/other"),
    ],
)
def test_a_token_with_other_audiences_or_several_is_refused(
    caller: Caller, endpoint: Endpoint, audiences: tuple[str, ...]
) -> None:
    before = caller.counters(endpoint)
    token = caller.cluster.token(endpoint[0], *audiences)
    stream = Stream(caller.process.stream_port, token)
    stream.tell(answered())
    assert stream.ended() == StatusCode.UNAUTHENTICATED
    assert caller.ask_rows(endpoint, token).status_code == 401
    assert caller.counters(endpoint) == before


def test_a_stranger_who_claims_the_name_gets_only_what_is_in_its_own_namespace(
    caller: Caller, endpoint: Endpoint
) -> None:
    before = caller.counters(endpoint)
    stranger = (caller.cluster.tenant(), endpoint[1])
    stream = caller.stream(stranger)
    stream.tell(answered(666))
    assert stream.ended() == StatusCode.FAILED_PRECONDITION
    assert caller.send(stranger).status_code == 404
    assert caller.ask_rows(stranger).status_code == 404
    own = caller.declare(*stranger)
    caller.tell(own, answered(7))
    assert [row["row"] for row in caller.rows(own)] == [{"x": 7}]
    assert [row["row"] for row in caller.rows(endpoint)] == [{"x": 1}]
    theirs = caller.cluster.token_for(Purpose.ROWS, stranger)
    assert caller.ask_rows(endpoint, theirs).status_code == 403
    (row,) = caller.rows(endpoint)
    told = caller.send(own, {"id": row["id"], "name": "churned", "value": 1}).json()
    assert (told["joined"], told["waiting"]) == (0, 1)
    assert caller.rows(endpoint) == [row]
    assert caller.counters(endpoint) == before


@pytest.mark.parametrize("purpose", [Purpose.STATISTICS, Purpose.ERASE])
def test_what_concerns_all_is_for_the_recorders_own_namespace_only(
    caller: Caller, endpoint: Endpoint, purpose: Purpose
) -> None:
    body = {Purpose.STATISTICS: b'{"experiments": ["uid-1"]}', Purpose.ERASE: b'{"entity": "C"}'}
    path = {Purpose.STATISTICS: "/v1/statistics", Purpose.ERASE: "/v1/erasures"}[purpose]
    for token in (
        caller.cluster.token(endpoint[0], audience(purpose)),
        caller.cluster.token(SYSTEM, audience(purpose, "churn")),
    ):
        answer = caller.post(path, token, body[purpose])
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")
        if purpose is Purpose.STATISTICS:
            assert caller.get("/v1/endpoints", token).status_code == 401
            looks = caller.post("/v1/looks", token, b'{"experiments": {"uid-1": 0}}')
            kept = caller.put("/v1/verdicts/of-somebody", token, b'{"winner": "v2"}')
            found = caller.get("/v1/verdicts/of-somebody", token)
            assert {one.status_code for one in (looks, kept, found)} == {401}
            assert caller.verdict("of-somebody").status_code == 404


def test_a_token_ends_with_its_service_account(caller: Caller, endpoint: Endpoint) -> None:
    namespace = endpoint[0]
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    caller.cluster.kube.ask("POST", path, {"metadata": {"name": "leaver"}})
    token = caller.cluster.token(namespace, "stream.contender.dev/churn", account="leaver")
    caller.cluster.kube.ask("DELETE", f"{path}/leaver")

    def is_refused() -> bool:
        stream = Stream(caller.process.stream_port, token)
        return stream.end() == StatusCode.UNAUTHENTICATED

    until(is_refused, "the API server has noticed, and the token is refused")
