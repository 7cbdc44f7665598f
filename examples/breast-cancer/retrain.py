"""Train the model again and report the result in the termination message of this pod.

A bootstrap sample of the training rows stands for the fresh data that a real job would fetch. The
held-out rows are those of versions 1 and 2, so that the figures can be compared with theirs.

Exit codes: 0 a result was reported, 1 the training failed, 2 a setting is wrong.
"""

import base64
import json
import math
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from recipes import RECIPES, Recipe, as_json, evaluate, fit, load_split

_MESSAGE_LIMIT = 4096
"""Kubernetes cuts a termination message off after so many bytes."""


def main() -> int:
    message_path = Path(os.environ.get("TERMINATION_MESSAGE_PATH", "/dev/termination-log"))
    try:
        recipe, seed = read_settings()
    except ValueError as error:
        return fail(message_path, 2, str(error))
    try:
        message = retrain(recipe, seed)
        message_path.write_text(message, encoding="utf-8")
    except Exception as error:  # whatever it was: say so, and do not look successful
        return fail(message_path, 1, f"{type(error).__name__}: {error}")
    print("reported:", message[:120] + "...", flush=True)
    return 0


def read_settings() -> tuple[Recipe, int]:
    recipe = RECIPES.get(name := os.environ.get("RECIPE", "1"))
    if recipe is None:
        raise ValueError(f"RECIPE is {name!r}: give one of {', '.join(sorted(RECIPES))}")
    seed = os.environ.get("SEED") or str(int(time.time()))
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 18):
        raise ValueError(f"SEED is {seed!r}: give a whole number, or leave it out to use the time")
    return recipe, int(seed)


def retrain(recipe: Recipe, seed: int) -> str:
    split = load_split()
    count = len(split.training_rows)
    print(f"drawing {count} of {count} training rows with replacement, seed {seed}", flush=True)
    drawn = np.random.default_rng(seed).integers(0, count, count)

    print(f"training: {recipe.about}", flush=True)
    model = fit(recipe, split.training_rows[drawn], split.training_labels[drawn])

    metrics = evaluate(model, split.held_out_rows, split.held_out_labels)
    if not all(math.isfinite(value) for value in metrics.values()):
        raise RuntimeError(f"the metrics are not finite: {metrics}")
    print(f"{len(split.held_out_rows)} held-out rows: {metrics}", flush=True)

    uri = "data:application/json;base64," + base64.b64encode(as_json(model).encode()).decode()
    result = {
        "version": f"{recipe.version}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        "storageUri": uri,
        "metrics": {
            "accuracy": round(metrics["accuracy"], 6),
            "logLoss": round(metrics["logLoss"], 6),
            "rows": count,
            "heldOutRows": len(split.held_out_rows),
        },
    }
    message = json.dumps(result)
    if len(message) > _MESSAGE_LIMIT:
        raise RuntimeError(f"the result has {len(message)} bytes, more than {_MESSAGE_LIMIT}")
    return message


def fail(message_path: Path, code: int, reason: str) -> int:
    print("retraining failed:", reason, file=sys.stderr, flush=True)
    try:
        message_path.write_text(f"retraining failed: {reason}"[:_MESSAGE_LIMIT], encoding="utf-8")
    except OSError as error:
        print(f"cannot write {message_path}: {error}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
