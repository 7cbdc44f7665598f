"""Train the model again and report the result in the termination message of this pod.

It learns from the training rows and, where the model's requests are captured, from those whose
truth is known by now. Where they are not, a bootstrap sample of the training rows stands for fresh
data. The held-out rows are those of versions 1 and 2, so that the figures can be compared with
theirs.

Exit codes: 0 a result was reported, 1 the training failed, 2 a setting is wrong.
"""

import base64
import json
import math
import os
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from captured import Captured, choose
from recipes import RECIPES, Labels, Recipe, Rows, Split, as_json, evaluate, fit, load_split
from rows import NotCapturedError, Source, read

_MESSAGE_LIMIT = 4096
"""Kubernetes cuts a termination message off after so many bytes."""


@dataclass(frozen=True)
class Settings:
    recipe: Recipe
    seed: int
    source: Source | None
    """Where captured rows are; None: nothing is captured."""


@dataclass(frozen=True)
class Data:
    rows: Rows
    labels: Labels
    counts: dict[str, int]
    """Of rows, as they are reported."""


def main() -> int:
    message_path = Path(os.environ.get("TERMINATION_MESSAGE_PATH", "/dev/termination-log"))
    try:
        settings = read_settings()
    except ValueError as error:
        return fail(message_path, 2, str(error))
    try:
        message = retrain(settings)
        message_path.write_text(message, encoding="utf-8")
    except Exception as error:  # whatever it was: say so, and do not look successful
        return fail(message_path, 1, f"{type(error).__name__}: {error}")
    print("reported:", message[:120] + "...", flush=True)
    return 0


def read_settings() -> Settings:
    recipe = RECIPES.get(name := os.environ.get("RECIPE", "1"))
    if recipe is None:
        raise ValueError(f"RECIPE is {name!r}: give one of {', '.join(sorted(RECIPES))}")
    seed = os.environ.get("SEED") or str(int(time.time()))
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 18):
        raise ValueError(f"SEED is {seed!r}: give a whole number, or leave it out to use the time")
    return Settings(recipe, int(seed), read_source())


def read_source() -> Source | None:
    """The operator says where the rows are, if there may be any."""
    url = os.environ.get("CONTENDER_ROWS_URL")
    if not url:
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"CONTENDER_ROWS_URL is {url!r}: give the http:// address of rows")
    token_file = os.environ.get("CONTENDER_TOKEN_FILE")
    if not token_file:
        raise ValueError("CONTENDER_TOKEN_FILE is not set: name the token of CONTENDER_ROWS_URL")
    feedback = os.environ.get("FEEDBACK") or "diagnosis"
    if not re.fullmatch("[a-z0-9-]+", feedback):
        raise ValueError(f"FEEDBACK is {feedback!r}: give a name from spec.feedback")
    return Source(url, Path(token_file), feedback)


def retrain(settings: Settings) -> str:
    recipe, split = settings.recipe, load_split()
    data = with_captured(split, settings.source) if settings.source else drawn(split, settings.seed)

    print(f"training: {recipe.about}", flush=True)
    model = fit(recipe, data.rows, data.labels)

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
            **data.counts,
            "heldOutRows": len(split.held_out_rows),
        },
    }
    message = json.dumps(result)
    if len(message) > _MESSAGE_LIMIT:
        raise RuntimeError(f"the result has {len(message)} bytes, more than {_MESSAGE_LIMIT}")
    return message


def drawn(split: Split, seed: int) -> Data:
    count = len(split.training_rows)
    print(f"drawing {count} of {count} training rows with replacement, seed {seed}", flush=True)
    chosen = np.random.default_rng(seed).integers(0, count, count)
    return Data(split.training_rows[chosen], split.training_labels[chosen], {"rows": count})


def with_captured(split: Split, source: Source) -> Data:
    """The training rows and the captured ones; each counts once."""
    captured = read_captured(split, source)
    fresh = np.array(captured.rows).reshape(-1, split.training_rows.shape[1])
    rows = np.concatenate([split.training_rows, fresh])
    labels = np.concatenate([split.training_labels, np.array(captured.labels, dtype=np.int64)])
    return Data(rows, labels, {"rows": len(rows), "capturedRows": len(fresh)})


def read_captured(split: Split, source: Source) -> Captured:
    held_out = {tuple(row) for row in split.held_out_rows.tolist()}
    print(f"reading rows with {source.labelled} from {source.url}", flush=True)
    try:
        captured = read(source, lambda found: choose(found, source.labelled, held_out))
    except NotCapturedError as error:
        print(f"training without captured rows: {error}", flush=True)
        return Captured()
    for why, count in captured.left_out.most_common():
        print(f"left out {count} captured rows: {why}", flush=True)
    print(f"{len(captured.rows)} captured rows beside the training rows", flush=True)
    return captured


def fail(message_path: Path, code: int, reason: str) -> int:
    print("retraining failed:", reason, file=sys.stderr, flush=True)
    try:
        message_path.write_text(f"retraining failed: {reason}"[:_MESSAGE_LIMIT], encoding="utf-8")
    except OSError as error:
        print(f"cannot write {message_path}: {error}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
