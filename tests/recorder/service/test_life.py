"""ModelDeployments that change while their routers send, and people who are forgotten."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

import pytest
from grpc import StatusCode

from contender.core.audiences import Purpose
from dev.paths import CHECKOUT
from tests.contract.server import until
from tests.recorder.books import SPEC
from tests.recorder.service.cluster import Endpoint
from tests.recorder.service.routers import Caller
from tests.recorder.service.traffic import counted, made
from tests.recorder.told import Call, stamp

NOTHING = {"capture": None, "rows": None, "feedback": None}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_stream_ends_once_nothing_is_captured_and_others_go_on(
    caller: Caller, deleted: bool
) -> None:
    endpoint, other = caller.declare(), caller.declare()
    streams = {one: caller.stream(one) for one in (endpoint, other)}
    for stream in streams.values():
        stream.tell(made(1)[0].served)
    caller.until_settled(endpoint, 1)
    caller.until_settled(other, 1)
    unwanted = caller.process.metric("contender_recorder_streams_refused_total", reason="unwanted")
    if deleted:
        caller.cluster.delete(endpoint)
    else:
        caller.cluster.change(endpoint, NOTHING)
    caller.until_known(endpoint, known=False)
    for stream in streams.values():
        stream.tell(made(1)[0].served)
    assert streams[endpoint].ended() == StatusCode.FAILED_PRECONDITION
    assert "captures nothing" in streams[endpoint].why
    assert streams[other].end() == StatusCode.OK
    caller.until_settled(other, 2)
    assert len(caller.rows(other)) == 2
    assert caller.ask_rows(endpoint).status_code == 404
    assert caller.send(endpoint, made(1)[0].truth()).json()["reason"] == "NotCaptured"
    refused = caller.process.metric("contender_recorder_streams_refused_total", reason="unwanted")
    assert refused == unwanted + 1


def test_what_is_captured_again_is_still_there(caller: Caller) -> None:
    endpoint = caller.declare()
    caller.tell(endpoint, made(1)[0].served)
    caller.cluster.change(endpoint, NOTHING)
    caller.until_known(endpoint, known=False)
    caller.cluster.change(endpoint, {key: SPEC[key] for key in NOTHING})
    caller.until_known(endpoint)
    caller.tell(endpoint, made(1)[0].served)
    assert len(caller.rows(endpoint)) == 2


def test_what_captured_once_is_noted_as_gone_when_it_is_deleted(caller: Caller) -> None:
    """What it has stored is then deleted in time."""
    endpoint = caller.declare()
    caller.tell(endpoint, made(1)[0].served)
    caller.cluster.change(endpoint, NOTHING)
    caller.until_known(endpoint, known=False)
    assert not _is_gone(caller, endpoint)
    caller.cluster.delete(endpoint)
    until(lambda: _is_gone(caller, endpoint), "it is noted")


def _is_gone(caller: Caller, endpoint: Endpoint) -> bool:
    sql = "SELECT gone_at IS NOT NULL FROM endpoints WHERE namespace = ? AND name = ?"
    with closing(sqlite3.connect(f"file:{caller.process.store}?mode=ro", uri=True)) as store:
        ((gone,),) = store.execute(sql, endpoint).fetchall()
        return bool(gone)


def test_a_new_modeldeployment_of_the_same_name_has_nothing_of_the_old_one(caller: Caller) -> None:
    endpoint = caller.declare()
    old, new = made(2)
    caller.tell(endpoint, old.served, old.copied)
    uid = next(one["uid"] for one in caller.endpoints() if one["namespace"] == endpoint[0])
    caller.cluster.delete(endpoint)
    caller.until_known(endpoint, known=False)
    caller.declare(*endpoint)
    reports = [one for one in caller.endpoints() if one["namespace"] == endpoint[0]]
    assert [one["counters"] for one in reports] == [{}]
    assert reports[0]["uid"] != uid
    assert caller.rows(endpoint) == []
    told = caller.send(endpoint, old.truth()).json()
    assert (told["joined"], told["waiting"]) == (0, 1)
    caller.tell(endpoint, new.served)
    assert [row["row"] for row in caller.rows(endpoint)] == [{"x": new.number}]


WITH_ENTITY: dict[str, Any] = {"rows": {**SPEC["rows"], "entity": "/customer"}}


def about(*customers: str) -> Call:
    """Return a request with a row about each of these."""
    rows = [{"customer": one, "x": 1} for one in customers]
    return Call(at=time(), rows=rows, trial=stamp())


@pytest.mark.parametrize("command", [False, True])
def test_an_erased_person_is_gone_from_all_endpoints_and_nobody_else_is(
    caller: Caller, tmp_path: Path, command: bool
) -> None:
    endpoints = [caller.declare(**WITH_ENTITY), caller.declare(**WITH_ENTITY)]
    person, others = f"C-{command}", ["C-1", "C-2"]
    kept = []
    for endpoint in endpoints:
        calls = [about(person), about(others[0]), about(others[0], person), about(others[1])]
        for call in calls:
            answers = [{"label": 1, "p": 0.5} for _ in call.rows]
            caller.tell(endpoint, call.answered(answers), call.copied(answers))
            told = caller.send(endpoint, {"id": f"{call.id}/0", "name": "churned", "value": 1})
            assert told.json()["joined"] == 1
        kept.append({f"{calls[1].id}/0", f"{calls[3].id}/0"})
    before = [counted(caller, one) for one in endpoints]
    assert _erase(caller, person, tmp_path if command else None) == 4
    for endpoint, left in zip(endpoints, kept, strict=True):
        rows = caller.rows(endpoint)
        assert {row["id"] for row in rows} == left
        assert all(row["feedback"]["churned"]["value"] == 1 for row in rows)
    assert [counted(caller, one) for one in endpoints] == before
    assert before[0]["pairs"]["complete"] == 4
    assert _erase(caller, person, None) == 0


def _erase(caller: Caller, person: str, folder: Path | None) -> int:
    """Erase by HTTP, or with the command; return how many predictions are gone."""
    if folder is None:
        found: int = caller.erase(person).json()["predictions"]
        return found
    token = folder / "token"
    token.write_text(caller.cluster.token_for(Purpose.ERASE))
    words = ["--entity", person, "--url", caller.process.url("/v1/erasures"), "--yes"]
    told = subprocess.run(
        [sys.executable, "-m", "contender", "erase", *words, "--token-file", str(token)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "operator")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return int(told.split()[1])
