"""Patience: with candidates that do not get ready."""

from datetime import datetime, timedelta

from contender.core.manifest import Manifest, condition, parse_time
from contender.core.snapshot import Snapshot
from contender.core.trouble import Trouble, find_trouble

TROUBLE_PATIENCE = timedelta(seconds=60)
"""How long a candidate without any ready pod may be in trouble that waiting does not heal."""


def hopeless(snapshot: Snapshot, revision: str) -> str:
    """Return why a candidate has no ready pod and will not have any; empty when it may have."""
    end = hopeless_at(snapshot, revision)
    return str(trouble_of(snapshot, revision)) if end and snapshot.now >= end else ""


def hopeless_at(snapshot: Snapshot, revision: str) -> datetime | None:
    """Return when patience with a candidate ends; None while there is no reason to lose it."""
    deployment = snapshot.child("Deployment", revision)
    if deployment is None or snapshot.pods_ready(revision):
        return None
    trouble = trouble_of(snapshot, revision)
    return _away_since(deployment) + TROUBLE_PATIENCE if trouble and trouble.hard else None


def trouble_of(snapshot: Snapshot, revision: str) -> Trouble | None:
    """Return what keeps a candidate from being ready."""
    deployment = snapshot.child("Deployment", revision)
    return find_trouble(deployment, snapshot.pods_of(revision), snapshot.reports)


def _away_since(deployment: Manifest) -> datetime:
    """Return since when a Deployment has no available pod."""
    available = condition(deployment, "Available") or {}
    since = available.get("lastTransitionTime") if available.get("status") == "False" else None
    return parse_time(since or deployment["metadata"]["creationTimestamp"])
