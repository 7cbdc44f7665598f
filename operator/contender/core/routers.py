"""Routers: what is known of them from the live objects."""

from datetime import datetime

from contender.core import names
from contender.core.manifest import (
    Manifest,
    annotation,
    condition,
    format_time,
    parse_time,
    value_at,
)
from contender.core.snapshot import Snapshot
from contender.router.publish import have, version
from contender.router.render import CLUSTERS, COPIES, ROUTES


def process_of(pod: Manifest) -> str:
    """Return what tells one process of a router from the next: its counters begin at zero."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    restarts = sum(one.get("restartCount", 0) for one in statuses)
    return f"{pod['metadata']['uid']}/{restarts}"


def is_ready(pod: Manifest) -> bool:
    """Return whether callers are sent to a pod."""
    return (condition(pod, "Ready") or {}).get("status") == "True"


def config(snapshot: Snapshot) -> Manifest | None:
    """Return the ConfigMap with what the routers were given."""
    return snapshot.child("ConfigMap", names.router_name(snapshot.name))


def files(snapshot: Snapshot) -> dict[str, str]:
    """Return the files that the routers were given; empty when there is none."""
    return dict((config(snapshot) or {}).get("data") or {})


def _noted(snapshot: Snapshot, key: str) -> str:
    """Return what is noted on the ConfigMap, or the empty string."""
    found = config(snapshot)
    return annotation(found, key) if found else ""


def carry_callers(snapshot: Snapshot) -> bool:
    """Return whether the endpoint leads to routers now."""
    endpoint = snapshot.child("Service", snapshot.name) or {}
    return (value_at(endpoint, ("spec", "selector")) or {}).get(names.LABEL_ROLE) == "router"


def leads_to(snapshot: Snapshot) -> str:
    """Return the revision that routers ask for callers who take part in no experiment."""
    return _noted(snapshot, names.ANNOTATION_LEADS_TO)


def named(snapshot: Snapshot) -> frozenset[str]:
    """Return all revisions that routers may ask."""
    return frozenset(_noted(snapshot, names.ANNOTATION_NAMED).split(",")) - {""}


def versions(snapshot: Snapshot) -> list[frozenset[str]]:
    """Return the versions that each ready router works with."""
    return [reading.versions for reading in snapshot.routers.values()]


def versions_to_ask(snapshot: Snapshot, revisions: frozenset[str]) -> list[frozenset[str]]:
    """Return the versions that each ready router works with. Clusters count only where it knows
    pods of all these revisions: DNS may be late."""
    clusters = version(files(snapshot).get(CLUSTERS, ""))
    return [
        reading.versions if revisions <= reading.sees else reading.versions - {clusters}
        for reading in snapshot.routers.values()
    ]


def find_pods(snapshot: Snapshot, revision: str) -> bool:
    """Return whether all ready routers, and at least one, know pods of a revision."""
    readings = snapshot.routers.values()
    return bool(readings) and all(revision in reading.sees for reading in readings)


def follow_routes(snapshot: Snapshot) -> bool:
    """Return whether all ready routers, and at least one, work with the routes they were given."""
    given = files(snapshot)
    routes = {name: given[name] for name in (ROUTES, COPIES) if name in given}
    return bool(routes) and have(versions(snapshot), routes)


def work_with(snapshot: Snapshot, traffic: str) -> bool:
    """Return whether callers go through routers that all work with a traffic plan.

    Args:
        snapshot: what exists.
        traffic: hash of the plan.
    """
    return (
        _noted(snapshot, names.ANNOTATION_TRAFFIC) == traffic
        and carry_callers(snapshot)
        and have(versions(snapshot), files(snapshot))
    )


def carries_since(snapshot: Snapshot) -> datetime | None:
    """Return since when callers go through the routers."""
    since = _noted(snapshot, names.ANNOTATION_CARRIES_SINCE)
    return parse_time(since) if since else None


def bypass(snapshot: Snapshot, revision: str) -> str:
    """Return, for people, which connections of callers may go past the routers: those to pods that
    are older than the routers' place between them. Empty when there are none."""
    since = carries_since(snapshot)
    if since is None:
        return ""
    older = [
        pod
        for pod in snapshot.pods_of(revision)
        if parse_time(pod["metadata"]["creationTimestamp"]) < since
    ]
    if not older:
        return ""
    return (
        f"connections that callers opened before {format_time(since)} may still go past the routers"
        f" to {len(older)} pods of {revision}: what they ask is not seen and not counted; they end"
        " when callers connect anew, or with these pods; router.mode Always avoids it"
    )


def left_at(snapshot: Snapshot) -> datetime | None:
    """Return since when callers do not go through the routers any more."""
    since = _noted(snapshot, names.ANNOTATION_LEFT_AT)
    return parse_time(since) if since else None
