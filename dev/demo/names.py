"""What the demo applies, where, and how long it waits for what comes of it."""

from typing import Any

from dev.paths import CHECKOUT

Json = dict[str, Any]

EXAMPLES = CHECKOUT / "manifests" / "examples"
NAMESPACE, NAME = "contender-demo", "breast-cancer"
OBJECT = f"mdep/{NAME}"
INCUMBENT, CHALLENGER = "1", "2"
"""Versions of the model."""

EXPERIMENT_FILE = EXAMPLES / "experiment" / "demo.yaml"
EXPERIMENT = "mexp/version-2"
CANDIDATE = "v2"
"""Name of the challenger within the Experiment."""

PATIENCE = 300
"""Seconds after which a wait is given up."""
