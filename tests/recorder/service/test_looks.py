"""Looks and verdicts: what was seen and decided is there whatever happens to the recorder."""

import json
from typing import Any

import pytest

from contender.core.audiences import Purpose
from tests.contract.server import until
from tests.recorder.service.routers import Caller
from tests.recorder.service.traffic import made, parts

LOOK = (
    *("experiment", "number", "namespace", "endpoint", "at", "total", "judge"),
    *("means", "pairs", "drawn"),
)


def test_looks_and_verdicts_survive_a_kill(own: Caller) -> None:
    endpoint = own.declare()
    requests = made(400)
    for some in parts(requests[:200], 40):
        own.tell(endpoint, *(one.served for one in some), *(one.copied for one in some))
        assert own.send(endpoint, *(one.truth() for one in some)).ok
    before = own.looks(endpoint)
    assert len(before) > 2
    verdict = {"winner": "v2", "look": before[-1]["number"]}
    assert own.keep("uid-1", verdict).json() == verdict
    own.process.kill()
    own.process.start()
    assert own.looks(endpoint) == before
    assert own.verdict("uid-1").json() == verdict
    assert own.keep("uid-1", {"winner": None}).json() == verdict
    for some in parts(requests[200:], 100):
        own.tell(endpoint, *(one.served for one in some), *(one.copied for one in some))
    after = own.looks(endpoint)
    assert after[: len(before)] == before
    assert [one["number"] for one in after] == [*range(1, len(after) + 1)]
    sums = own.sums(endpoint, "uid-1")
    known = [one for one in sums if one["kind"] in ("arm", "pairs")]
    total = sum(one["numbers"].get("n", one["numbers"].get("requests")) for one in known)
    assert after[-1]["total"] <= total < max(1.03 * after[-1]["total"], after[-1]["total"] + 10)
    assert {*after[-1]} == {*LOOK}
    assert own.verdict("uid-1").json() == verdict


def test_a_label_that_has_come_early_counts_after_its_delay(both: Caller) -> None:
    feedback = [
        {"name": "churned", "kind": "Label", "delay": "10s"},
        {"name": "gain", "kind": "Reward", "delay": "10s", "missing": "Zero"},
    ]
    endpoint = both.declare(feedback=feedback)
    requests = made(20)
    entries = [entry for one in requests for entry in (one.served, one.copied)]
    both.tell(endpoint, *entries)
    assert both.send(endpoint, *(one.truth() for one in requests[:15])).ok

    def counted() -> dict[tuple[str, str, str], tuple[float, float]]:
        return {
            (one["arm"], one["feedback"], one["loss"]): (one["numbers"]["n"], one["numbers"]["sum"])
            for one in both.sums(endpoint, "uid-1")
            if one["kind"] == "arm" and one["loss"] in ("Labelled", "Value")
        }

    assert counted() == {}
    until(lambda: len(counted()) == 4, "it is old enough, and is counted")
    assert counted() == {
        ("incumbent", "churned", "Labelled"): (20, 15),
        ("v2", "churned", "Labelled"): (20, 15),
        ("incumbent", "gain", "Labelled"): (20, 0),
        ("incumbent", "gain", "Value"): (20, 0),
    }
    assert not any("/" in name for name in both.counters(endpoint))
    assert both.looks(endpoint)[-1]["means"]


QUESTIONS: list[Any] = [
    [],
    {},
    {"experiments": ["uid-1"]},
    {"experiments": {"uid-1": -1}},
    {"experiments": {"uid-1": 2**63}},
    {"experiments": {"uid-1": "one"}},
    {"experiments": {str(number): 0 for number in range(10_001)}},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_a_question_that_is_not_understood_is_refused(caller: Caller, question: Any) -> None:
    token = caller.cluster.token_for(Purpose.STATISTICS)
    answer = caller.post("/v1/looks", token, json.dumps(question).encode())
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'{"a":', b"\xff", b'{"a": NaN}'])
def test_a_verdict_that_is_no_object_is_refused(caller: Caller, body: bytes) -> None:
    answer = caller.keep("uid-of-none", body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert caller.verdict("uid-of-none").status_code == 404


def test_a_verdict_is_of_a_moderate_length_and_of_an_experiment(caller: Caller) -> None:
    long = {"why": "x" * 2**16}
    assert caller.keep("uid-long", long).status_code == 413
    assert caller.keep("uid-long", {"why": "x" * 60_000}).status_code == 200
    for uid in ("%00", "%2e%2e%2f", "a b", "x" * 129, "%27"):
        assert caller.keep(uid, {}).status_code == 400, uid
        assert caller.verdict(uid).status_code == 400, uid
    assert caller.keep("0f5a.1", {"é": "漢"}).json() == {"é": "漢"}
    assert caller.verdict("0f5a.1").headers["Content-Type"] == "application/json"
