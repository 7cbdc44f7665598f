"""The data, its fixed split, and how each version of the model is trained from it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from server.model import LinearModel

Rows = NDArray[np.float64]
Labels = NDArray[np.int64]

_SPLIT_SEED = 20
_HELD_OUT_SHARE = 0.25
_DIGITS = 8
"""Significant digits kept of a coefficient: far finer than the training's own tolerance."""


@dataclass(frozen=True)
class Recipe:
    version: str
    about: str
    columns: Sequence[int]


RECIPES = {
    recipe.version: recipe
    for recipe in (
        Recipe("1", "logistic regression on the ten mean measurements", range(10)),
        Recipe("2", "logistic regression on all thirty measurements", range(30)),
    )
}


@dataclass(frozen=True)
class Split:
    features: Sequence[str]
    training_rows: Rows
    training_labels: Labels
    held_out_rows: Rows
    held_out_labels: Labels


def load_split() -> Split:
    """The same split for everything in this example: what is held out is never trained on."""
    data: Any = load_breast_cancer()
    parts: Any = train_test_split(
        data.data,
        data.target,
        test_size=_HELD_OUT_SHARE,
        stratify=data.target,
        random_state=_SPLIT_SEED,
    )
    training_rows, held_out_rows, training_labels, held_out_labels = parts
    return Split(
        features=[str(name) for name in data.feature_names],
        training_rows=training_rows,
        training_labels=training_labels,
        held_out_rows=held_out_rows,
        held_out_labels=held_out_labels,
    )


def unfitted() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def fit(recipe: Recipe, rows: Rows, labels: Labels) -> LinearModel:
    """Train, then fold the scaling into the coefficients, so that serving needs no scaler."""
    columns = list(recipe.columns)
    pipeline: Any = unfitted().fit(rows[:, columns], labels)
    scaler, regression = pipeline[0], pipeline[-1]
    if regression.n_iter_[0] >= regression.max_iter:
        raise RuntimeError(f"training did not converge in {regression.max_iter} iterations")
    folded = regression.coef_[0] / scaler.scale_
    coef = np.zeros(rows.shape[1])
    coef[columns] = folded
    intercept = regression.intercept_[0] - float(folded @ scaler.mean_)
    return LinearModel(
        version=recipe.version,
        source="training",
        coef=tuple(_rounded(value) for value in coef),
        intercept=_rounded(intercept),
    )


def evaluate(model: LinearModel, rows: Rows, labels: Labels) -> dict[str, float]:
    """Accuracy and log loss of the very code and the very numbers that will be served."""
    probabilities = [model.probability(row) for row in rows.tolist()]
    pairs = list(zip(probabilities, labels.tolist(), strict=True))
    right = sum(int(p >= 0.5) == label for p, label in pairs)
    losses = [-math.log(max(p if label else 1 - p, 1e-15)) for p, label in pairs]
    return {"accuracy": right / len(pairs), "logLoss": sum(losses) / len(pairs)}


def as_json(model: LinearModel, **more: object) -> str:
    return json.dumps({**more, "coef": list(model.coef), "intercept": model.intercept})


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
