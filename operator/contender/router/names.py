"""Names that Envoy, callers and models see. Those of clusters are labels of their metrics."""

PREDICTION_ID = "x-contender-prediction-id"
"""Header of every request to a model and of every answer: our own unique key of one request."""
NEW_ID = "%START_TIME(%s)%-%UNIQUE_ID%"
"""How Envoy makes an id: seconds since 1970 and a random UUID, so that ids of one time stand
together wherever they are sorted."""
VERSION = "x-contender-version"
"""Header of every answer: which version of the model gave it."""
SHADOW = "x-contender-shadow"
"""Header of a copy: the name of the candidate that gets it. Callers cannot set it."""

COPIES = "copies"
"""Cluster and internal listener through which all copies go."""
ROUTES = "endpoint"
"""Route configuration of the endpoint."""
SECRETS = "sds"
"""What Envoy reads its own token by."""
RECORDER = "recorder"
"""Cluster of the recorder that gets what was captured."""
FEEDBACK = "feedback"
"""Cluster of the recorder that gets what callers tell it."""

FOLDER = "/etc/router"
"""Where the configuration is mounted."""
TOKEN_FOLDER = "/var/run/secrets/contender"  # noqa: S105
"""Where the token is mounted by which the recorder knows a router, as the file `token`."""

CAPTURE = "contender.capture"
"""Namespace of the dynamic metadata that holds what was captured of a request."""
FEEDBACK_PATH = "/-/feedback"
"""Where callers tell what became of their requests."""

PORT = 8080
"""Where the router listens for callers."""
STATS_PORT = 9902
"""Where its metrics, its readiness and the versions of its configuration are read."""
ADMIN_PORT = 9901
"""Envoy's own administration, on loopback only."""
RECORDER_PORT = 9000
"""Where the recorder takes what was captured, by gRPC."""
RECORDER_HTTP_PORT = 8080
"""Where the recorder takes feedback."""


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
