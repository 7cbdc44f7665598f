"""The model: thirty coefficients and an intercept, from a file or from a data URI."""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

from server.settings import Settings

FEATURES = 30
_URI_PREFIX = "data:application/json;base64,"


class ModelError(ValueError):
    """There is no usable model where the settings say it is."""


@dataclass(frozen=True)
class LinearModel:
    """Logistic regression on raw measurements; any standardisation is folded into the numbers."""

    version: str
    source: str
    coef: tuple[float, ...]
    intercept: float

    def probability(self, row: Sequence[float]) -> float:
        return _sigmoid(self.intercept + sum(map(mul, self.coef, row)))


def load_model(settings: Settings) -> LinearModel:
    """MODEL_URI, where given, wins over the file that was built into the image."""
    if settings.model_uri:
        source, text = "MODEL_URI", _text_of_data_uri(settings.model_uri)
    else:
        source = str(settings.model_file)
        try:
            text = settings.model_file.read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(f"cannot read the model file: {error}") from error
    return parse_model(text, source, settings.model_version)


def parse_model(text: str, source: str, version: str = "") -> LinearModel:
    try:
        document: Any = json.loads(text, parse_int=float)
    except ValueError as error:
        raise ModelError(f"{source} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ModelError(f'{source} is not a JSON object with "coef" and "intercept"')
    fields: dict[str, Any] = document
    coef: Any = fields.get("coef")
    if not isinstance(coef, list):
        coef = []
    numbers: list[Any] = [*coef, fields.get("intercept")]
    if len(numbers) != FEATURES + 1:
        raise ModelError(f'"coef" in {source} is not a list of {FEATURES} numbers')
    if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        raise ModelError(f'"coef" and "intercept" in {source} are not all finite numbers')
    return LinearModel(
        version=version or str(fields.get("version", "unnamed")),
        source=source,
        coef=tuple(numbers[:-1]),
        intercept=numbers[-1],
    )


def _text_of_data_uri(uri: str) -> str:
    if not uri.startswith(_URI_PREFIX):
        raise ModelError(f"MODEL_URI does not start with {_URI_PREFIX}")
    try:
        return base64.b64decode(uri.removeprefix(_URI_PREFIX), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ModelError(f"MODEL_URI is not base64 of UTF-8 text: {error}") from error


def _sigmoid(score: float) -> float:
    # Two forms, so that exp never overflows.
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1 + grown)
