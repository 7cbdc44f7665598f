"""Bootstrap: what Envoy is started with. It never changes while a router runs."""

from typing import Any

from contender.api.v1alpha1.experiment import THRESHOLDS_MS
from contender.router import names
from contender.router.listeners import http_filter, http_manager, source

Json = dict[str, Any]

COUNTED = "|".join(
    (
        r"cluster\.[^.]+\.upstream_rq_(total|time|[1-5]xx|timeout|active|retry|pending_overflow)",
        r"cluster\.[^.]+\.upstream_cx_(active|connect_fail)",
        r"cluster\.[^.]+\.membership_(healthy|total)",
        r"cluster\.[^.]+\.outlier_detection\.ejections_active",
        r"http\.main\.(downstream_(rq|cx)_.*)",
        r"http\.(main|copies)\.rds\..*",
        r"(listener_manager|cluster_manager|server)\..*",
    )
)
"""The statistics that are kept: each one takes memory in every router."""


def bootstrap(traffic_id: str) -> Json:
    """Return the bootstrap configuration.

    Args:
        traffic_id: name of the endpoint and its namespace, as the node's cluster.
    """
    return {
        "node": {"id": "router", "cluster": traffic_id},
        "admin": {"address": _loopback(names.ADMIN_PORT)},
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3"
                    ".InternalListener"
                },
            }
        ],
        "dynamic_resources": {"cds_config": source("cds"), "lds_config": source("lds")},
        "stats_flush_interval": "1s",
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": [{"safe_regex": {"regex": COUNTED}}]}},
            "histogram_bucket_settings": [
                {
                    "match": {"suffix": "upstream_rq_time"},
                    "buckets": [float(bound) for bound in THRESHOLDS_MS],
                }
            ],
        },
        "static_resources": {"clusters": [_admin()], "listeners": [_stats()]},
    }


def _loopback(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _admin() -> Json:
    host = {"endpoint": {"address": _loopback(names.ADMIN_PORT)}}
    return {
        "name": "admin",
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "admin", "endpoints": [{"lb_endpoints": [host]}]},
    }


def _stats() -> Json:
    """Return the listener that shows metrics, readiness and versions, and nothing else of admin."""
    paths = {"/stats/prometheus": "", "/ready": "", "/versions": "/stats?filter=version_text"}
    routes = [
        {
            "match": {"path": path},
            "route": {"cluster": "admin", **({"path_rewrite": to} if to else {})},
        }
        for path, to in paths.items()
    ]
    manager = http_manager(
        "stats",
        {
            "route_config": {
                "name": "stats",
                "virtual_hosts": [{"name": "stats", "domains": ["*"], "routes": routes}],
            }
        },
    )
    return {
        "name": "stats",
        "address": {
            "socket_address": {"address": "0.0.0.0", "port_value": names.STATS_PORT}  # noqa: S104
        },
        "filter_chains": [{"filters": [http_filter(manager)]}],
    }
