"""The description of the API (OpenAPI 3.1), from the models that answer it."""

from typing import Any

from pydantic.json_schema import models_json_schema

from contender import __version__
from contender.recorder.feedback import Item
from contender.recorder.http.looks import LooksPage, LooksRequest
from contender.recorder.http.statistics import EndpointsPage, StatisticsPage, StatisticsRequest

Json = dict[str, Any]

_ERROR: Json = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "message": {"type": "string"}},
}
_TOLD: Json = {
    "type": "object",
    "properties": {
        "joined": {"type": "integer"},
        "waiting": {"type": "integer", "description": "Kept until their prediction is known."},
        "refused": {"type": "integer"},
        "items": {
            "type": "array",
            "description": "Those that were not joined, at most 1000.",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer", "description": "Place in the request, from 0."},
                    "status": {"type": "integer", "description": "As in HTTP."},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def openapi() -> Json:
    """Return the description."""
    models: Any = [(one, "validation") for one in (Item, StatisticsRequest, LooksRequest)]
    models += [(one, "serialization") for one in (StatisticsPage, LooksPage, EndpointsPage)]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Contender recorder", "version": __version__},
        "paths": {
            "/v1/feedback": {"post": _feedback()},
            "/v1/statistics": {
                "post": _asked(
                    "Sufficient statistics of experiments that changed.",
                    "StatisticsRequest",
                    "StatisticsPage",
                )
            },
            "/v1/looks": {
                "post": _asked(
                    "How experiments stood at moments that their data decided.",
                    "LooksRequest",
                    "LooksPage",
                )
            },
            "/v1/verdicts/{experiment}": _verdicts(),
            "/v1/endpoints": {
                "get": _operation(
                    "How the capture of all endpoints goes on.",
                    "statistics.contender.dev",
                    {"200": _json("EndpointsPage")},
                )
            },
            "/v1/namespaces/{namespace}/modeldeployments/{name}/rows": {"get": _rows()},
            "/v1/namespaces/{namespace}/modeldeployments/{name}/hours": {"get": _hours()},
            "/v1/erasures": {"post": _erasure()},
        },
        "components": {
            "schemas": {**schemas["$defs"], "Error": _ERROR, "FeedbackAnswer": _TOLD},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _feedback() -> Json:
    item = {"$ref": "#/components/schemas/Item"}
    told = _json("FeedbackAnswer")
    return {
        **_operation(
            "Take truths. They are stored when this is answered.",
            "feedback.contender.dev/<name>",
            {"200": told, "207": {**told, "description": "Some were refused."}, "413": _error()},
        ),
        "requestBody": {
            "content": {
                "application/json": {"schema": {"oneOf": [item, {"type": "array", "items": item}]}},
                "application/x-ndjson": {"schema": item},
            }
        },
    }


def _asked(summary: str, question: str, page: str) -> Json:
    """Return an operation that answers the operator's question."""
    return {
        **_operation(summary, "statistics.contender.dev", {"200": _json(page)}),
        "requestBody": {"content": _json(question)["content"]},
    }


def _verdicts() -> Json:
    verdict: Json = {"application/json": {"schema": {"type": "object"}}}
    kept = {"200": {"description": "The one that is kept.", "content": verdict}}
    where = {"name": "experiment", "in": "path", "required": True, "schema": {"type": "string"}}
    keep = _operation(
        "Keep a verdict for good. If there is one already, nothing is changed.",
        "statistics.contender.dev",
        {**kept, "413": _error()},
    )
    find = _operation("The verdict of an experiment.", "statistics.contender.dev", kept)
    return {
        "parameters": [{**where, "description": "Uid of the Experiment."}],
        "put": {**keep, "requestBody": {"content": verdict}},
        "get": find,
    }


def _rows() -> Json:
    queries = {
        "since": "RFC 3339, inclusive.",
        "until": "RFC 3339, exclusive.",
        "version": "Served by one of these versions, separated by commas.",
        "labelled": "Only rows with all of these feedbacks, separated by commas.",
    }
    answers = {"200": {"description": "JSON Lines.", "content": {"application/x-ndjson": {}}}}
    return {
        **_operation("Rows joined with feedback.", "rows.contender.dev/<name>", answers),
        "parameters": _parameters(queries),
    }


def _hours() -> Json:
    queries = {"since": "RFC 3339; by default a day before until.", "until": "By default now."}
    answers = {
        "200": {
            "description": "Edges of histograms, counts of each hour, and coverage by feedback.",
            "content": {"application/json": {}},
        }
    }
    return {
        **_operation(
            "Hourly counts and histograms that add up.", "rows.contender.dev/<name>", answers
        ),
        "parameters": _parameters(queries),
    }


def _parameters(queries: dict[str, str]) -> list[Json]:
    return [
        *(
            {"name": one, "in": "path", "required": True, "schema": {"type": "string"}}
            for one in ("namespace", "name")
        ),
        *(
            {"name": one, "in": "query", "description": about, "schema": {"type": "string"}}
            for one, about in queries.items()
        ),
    ]


def _erasure() -> Json:
    body = {"type": "object", "properties": {"entity": {"type": "string"}}}
    found = {"type": "object", "properties": {"predictions": {"type": "integer"}}}
    return {
        **_operation(
            "Delete all predictions about an entity, everywhere. Statistics stay.",
            "erase.contender.dev",
            {"200": {"description": "Done.", "content": {"application/json": {"schema": found}}}},
        ),
        "requestBody": {"content": {"application/json": {"schema": body}}},
    }


def _operation(summary: str, audience: str, answers: Json) -> Json:
    refused = {code: _error() for code in ("400", "401", "403", "404", "429", "503")}
    return {
        "summary": summary,
        "description": f"Needs a service account's token with the audience `{audience}`.",
        "security": [{"token": []}],
        "responses": {**answers, **refused},
    }


def _json(schema: str) -> Json:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": "Done.", "content": content}


def _error() -> Json:
    return {**_json("Error"), "description": "Refused, and why."}
