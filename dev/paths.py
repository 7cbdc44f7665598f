"""Where the development tools keep what they make: only the kubeconfig is in the checkout."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
KUBECONFIG = CHECKOUT / "dev" / "cluster" / "kubeconfig"


def cache() -> Path:
    """What is slow to make and good for every checkout: binaries, images, a Go toolchain."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("CONTENDER_CACHE") or home / "contender")


def state() -> Path:
    """The running cluster's own folder; ``make cluster-down`` deletes it."""
    return Path(os.environ.get("CONTENDER_STATE") or "/var/lib/contender-dev")
