"""Rows as the recorder writes them."""

from typing import Any


def row(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a row with all that may be in one."""
    return {
        "id": f"0f8fad5b-d9cb-469f-a165-70867728950e/{number}",
        "time": "2026-01-31T12:00:00.123456Z",
        "version": "1",
        "revision": "churn-aaaa",
        "arm": "incumbent",
        "propensity": 0.9,
        "experiment": None,
        "epoch": None,
        "row": {"age": number, "plan": "free"},
        "outcome": "ANSWERED",
        "output": 1,
        "score": 0.75,
        "copies": {
            "v2": {"version": "2", "outcome": "TIMEOUT", "output": None, "score": None},
        },
        "feedback": {"churned": {"value": True, "at": "2026-02-01T00:00:00Z"}},
        **fields,
    }
