"""From the bytes of a request to rows of numbers, and from probabilities to an answer."""

import json
import math
from typing import Any

from server.model import FEATURES, LinearModel
from server.refusal import RefusalError

_SHAPE = f'send {{"instances": [[{FEATURES} numbers], ...]}}'


def predict(model: LinearModel, body: bytes) -> dict[str, object]:
    probabilities = [model.probability(row) for row in parse_instances(body)]
    return {
        "predictions": [{"label": int(p >= 0.5), "p": p} for p in probabilities],
        "version": model.version,
    }


def parse_instances(body: bytes) -> list[list[float]]:
    document = _parse_json(body)
    if not isinstance(document, dict):
        raise RefusalError(400, f"the body is {_kind(document)}, not an object", _SHAPE)
    fields: dict[str, Any] = document
    if "instances" not in fields:
        raise RefusalError(400, 'the body has no "instances"', _SHAPE)
    value = fields["instances"]
    if not isinstance(value, list):
        raise RefusalError(400, f'"instances" is {_kind(value)}, not a list', _SHAPE)
    instances: list[Any] = value
    return [_row(row, index) for index, row in enumerate(instances)]


def _parse_json(body: bytes) -> Any:
    try:
        # Every number a float: no limit on digits, and 1e999 is infinite instead of an error.
        return json.loads(body, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"the body is not JSON: {error}", _SHAPE) from error


def _row(row: Any, index: int) -> list[float]:
    if not isinstance(row, list):
        raise RefusalError(400, f"instances[{index}] is {_kind(row)}, not a list", _SHAPE)
    values: list[Any] = row
    if len(values) != FEATURES:
        raise RefusalError(
            400,
            f"instances[{index}] has {len(values)} values, expected {FEATURES}",
            f"send all {FEATURES} measurements of a row, in the order of the model file",
        )
    return [_finite(value, index, column) for column, value in enumerate(values)]


def _finite(value: Any, index: int, column: int) -> float:
    place = f"instances[{index}][{column}]"
    if not isinstance(value, float):
        raise RefusalError(400, f"{place} is {_kind(value)}, not a number", "send plain numbers")
    if not math.isfinite(value):
        raise RefusalError(
            400,
            f"{place} is not a finite number",
            "leave the row out or fill the gap: the model knows no missing values",
        )
    return value


def _kind(value: Any) -> str:
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        type(None): "null",
    }
    return names.get(type(value), "a number")
