"""What the recorder says of its API, and what it answers."""

import re
from typing import Any

import orjson

from contender.recorder.http.app import Api
from contender.recorder.http.looks import LooksPage
from contender.recorder.http.openapi import openapi
from contender.recorder.http.statistics import StatisticsPage, page
from tests.recorder.books import Books
from tests.recorder.told import Call, stamp


def test_every_route_is_described_and_no_other() -> None:
    nobody: Any = None
    api = Api(nobody, nobody, nobody, nobody, nobody, nobody, nobody)
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in api.app().router.routes()
        if route.resource and route.method != "HEAD"
    }
    described = {
        (method, path)
        for path, operations in openapi()["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    assert described == routes - {("get", "/openapi.json")}


def test_every_schema_that_is_named_is_there() -> None:
    found = openapi()
    named = re.findall(rb'"#/components/schemas/(\w+)"', orjson.dumps(found))
    assert {one.decode() for one in named} <= found["components"]["schemas"].keys()


def test_what_is_told_is_as_described(tmp_path: Any) -> None:
    books = Books(tmp_path)
    calls = [Call(trial=stamp()) for _ in range(12)]
    answer = [{"label": 1, "p": 0.75}]
    books.take(*(one.answered(answer) for one in calls), *(one.copied(answer) for one in calls))
    books.send(*({"id": one.id, "name": "churned", "value": 1} for one in calls))
    looks = {"looks": books.looks(), "more": False}
    assert LooksPage.model_validate(looks).model_dump(exclude_unset=True) == looks
    names = {books.endpoint: ("shop", "churn")}
    sums = page(books.store.statistics(), 0, names)
    assert StatisticsPage.model_validate(sums).model_dump(exclude_unset=True) == sums
    books.store.close()
