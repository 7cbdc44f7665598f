"""Render: a traffic plan as the files that Envoy reads."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml

from contender.router import names
from contender.router.bootstrap import bootstrap
from contender.router.clusters import clusters
from contender.router.credentials import secrets
from contender.router.listeners import listeners
from contender.router.routes import copy_routes, routes
from contender.router.traffic import Traffic

BOOTSTRAP, LISTENERS, CLUSTERS = "bootstrap.yaml", "lds.yaml", "cds.yaml"
ROUTES, COPIES = f"{names.ROUTES}.yaml", f"{names.COPIES}.yaml"
"""Envoy reads one route configuration from each file."""
SECRETS = f"{names.SECRETS}.yaml"

# libyaml's are five times faster. Where it is missing, long texts may be folded elsewhere: the
# bytes differ then, what they mean does not, and versions are hashes of what is meant.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(traffic: Traffic) -> dict[str, str]:
    """Return the files by name. The same plan gives the same bytes."""
    return {
        BOOTSTRAP: _text(bootstrap(f"{traffic.namespace}/{traffic.endpoint}", traffic.token)),
        LISTENERS: _resources(listeners()),
        # Without a version: routers report none.
        SECRETS: _text({"resources": secrets()}),
        CLUSTERS: _resources(clusters(traffic)),
        ROUTES: _resources([routes(traffic)]),
        COPIES: _resources([copy_routes(traffic)]),
    }


def clusters_of_both(before: str, after: str) -> str:
    """Return the clusters of two cluster files; where both have one, that of the second.

    Routes may lead only to clusters that every router has. So a plan is published in three steps:
    the clusters of both plans, the new routes, the clusters of the new plan.
    """
    resources = {
        cluster["name"]: cluster for text in (before, after) for cluster in read(text)["resources"]
    }
    return _resources([*resources.values()])


def _resources(resources: list[dict[str, Any]]) -> str:
    version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
    return _text({"version_info": version, "resources": resources})


def read(text: str) -> Any:
    """Return what one of the files says."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 (the safe loader, written in C)


def _text(content: Mapping[str, Any]) -> str:
    return yaml.dump(content, Dumper=_DUMPER, sort_keys=False, width=100)
