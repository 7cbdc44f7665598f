"""Audiences: what the tokens of service accounts are made for.

A token's audience names a purpose, and mostly a ModelDeployment, such as
`stream.contender.dev/churn`; its namespace is that of the service account.
"""

from enum import StrEnum
from typing import Any

TOKEN_SECONDS = 3600
"""Life of a token in a pod; the kubelet renews it in time."""
TOKEN_FILE = "token"  # noqa: S105 (a name)
VOLUME = "contender-token"


class Purpose(StrEnum):
    """What a token may be made for."""

    STREAM = "stream.contender.dev"
    """Sends what a router captured, and feedback."""
    FEEDBACK = "feedback.contender.dev"
    """Sends feedback."""
    ROWS = "rows.contender.dev"
    """Reads the rows of one ModelDeployment."""
    STATISTICS = "statistics.contender.dev"
    """Reads the statistics of all; only from the recorder's own namespace."""
    ERASE = "erase.contender.dev"
    """Erases what is known of an entity, everywhere; only from the recorder's own namespace."""


def audience(purpose: Purpose, name: str = "") -> str:
    """Return the audience of tokens for a purpose and a ModelDeployment."""
    return f"{purpose}/{name}" if name else str(purpose)


def token_volume(purpose: Purpose, name: str) -> dict[str, Any]:
    """Return the volume of a pod with a token for a purpose and a ModelDeployment."""
    token = {
        "audience": audience(purpose, name),
        "expirationSeconds": TOKEN_SECONDS,
        "path": TOKEN_FILE,
    }
    return {"name": VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}}
