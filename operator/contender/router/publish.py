"""Publish: which files to give the routers next, so that no route ever leads to nowhere.

A new plan takes three steps: the clusters of both plans, the new routes, the clusters of the new
plan alone. Each waits until all ready routers work with the one before. Where the new routes lead
only to clusters that the present ones know already, as when all traffic goes back to the incumbent,
the first step is left out: taking traffic away never waits.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from contender.router.render import (
    BOOTSTRAP,
    CLUSTERS,
    COPIES,
    LISTENERS,
    ROUTES,
    SECRETS,
    clusters_of_both,
    read,
)

Files = Mapping[str, str]
Versions = Collection[str]
"""Versions of the files with which one router works."""

_VERSION = re.compile(r"^version_info: '?\"?([0-9a-f]+)", re.MULTILINE)


def version(text: str) -> str:
    """Return the version of one file; the bootstrap and the secrets have none."""
    found = _VERSION.search(text)
    return found[1] if found else ""


def have(routers: Collection[Versions], files: Files) -> bool:
    """Return whether all these routers, and at least one, work with all these files."""
    wanted = {version(text) for text in files.values()} - {""}
    return bool(routers) and all(wanted <= {*versions} for versions in routers)


def following(published: Files, wanted: Files, routers: Collection[Versions]) -> dict[str, str]:
    """Return the files to publish now.

    Args:
        published: what the routers were given; empty before they were given anything.
        wanted: all files of the plan.
        routers: what each ready router works with.
    """
    # Routers of an older operator were given all files but that of the secrets.
    if not all(name in published for name in wanted if name != SECRETS):
        return {**wanted}
    fixed = {name: wanted[name] for name in (BOOTSTRAP, LISTENERS, SECRETS)}
    clusters = {CLUSTERS: published[CLUSTERS]}
    routes = {name: published[name] for name in (ROUTES, COPIES)}
    new_routes = {name: wanted[name] for name in (ROUTES, COPIES)}
    if routes == new_routes:
        done = have(routers, routes)
        return {**fixed, **routes, CLUSTERS: wanted[CLUSTERS] if done else published[CLUSTERS]}
    if _targets(new_routes) <= _known(published, routers):
        return {**fixed, **clusters, **new_routes}
    both = clusters_of_both(published[CLUSTERS], wanted[CLUSTERS])
    if both != published[CLUSTERS]:
        return {**fixed, **routes, CLUSTERS: both}
    return {**fixed, **clusters, **(new_routes if have(routers, clusters) else routes)}


def _known(published: Files, routers: Collection[Versions]) -> set[str]:
    """Return the clusters that every router has: those of the present routes, and all that were
    published when all routers say so."""
    present = _targets({name: published[name] for name in (ROUTES, COPIES)})
    clusters = {CLUSTERS: published[CLUSTERS]}
    return present | _clusters(published[CLUSTERS]) if have(routers, clusters) else present


def _clusters(text: str) -> set[str]:
    return {one["name"] for one in read(text)["resources"]}


def _targets(routes: Files) -> set[str]:
    """Return the clusters to which routes lead."""
    return {name for text in routes.values() for name in _led_to(read(text))}


def _led_to(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _led_to(one)
    elif isinstance(node, dict):
        if isinstance(cluster := node.get("cluster"), str):
            yield cluster
        for one in node.get("weighted_clusters", {}).get("clusters", []):
            yield one["name"]
        for value in node.values():
            yield from _led_to(value)
