"""Names that Envoy, callers and models see. Those of clusters are labels of their metrics."""

PREDICTION_ID = "x-contender-prediction-id"
"""Header of every request to a model and of every answer: our own unique key of one request."""
VERSION = "x-contender-version"
"""Header of every answer: which version of the model gave it."""
SHADOW = "x-contender-shadow"
"""Header of a copy: the name of the candidate that gets it. Callers cannot set it."""

COPIES = "copies"
"""Cluster and internal listener through which all copies go."""
ROUTES = "endpoint"
"""Route configuration of the endpoint."""

FOLDER = "/etc/router"
"""Where the configuration is mounted."""

PORT = 8080
"""Where the router listens for callers."""
STATS_PORT = 9902
"""Where its metrics, its readiness and the versions of its configuration are read."""
ADMIN_PORT = 9901
"""Envoy's own administration, on loopback only."""


def live(revision: str) -> str:
    """Return the cluster of a revision's pods for callers."""
    return f"live_{revision}"


def shadow(revision: str) -> str:
    """Return the cluster of a revision's pods for copies."""
    return f"shadow_{revision}"


def arm(revision: str) -> str:
    """Return the cluster that falls back to the incumbent when a revision has no healthy pod."""
    return f"arm_{revision}"


def mirrored(revision: str) -> str:
    """Return the cluster of an arm whose requests are copied to others."""
    return f"mirrored_{revision}"
