"""Bootstrap: what Envoy is started with. It never changes while a router runs."""

from typing import Any

from contender.api.v1alpha1.steps import THRESHOLDS_MS
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
        r"access_logs\.grpc_access_log\.logs_(written|dropped)",
        r"(listener_manager|cluster_manager|server)\..*",
    )
)
"""The statistics that are kept: each one takes memory in every router."""

_VERSIONS = "/stats?filter=version_text|warming_clusters|live_.*membership_healthy"
"""What tells the operator how far a router is: versions, how many clusters still look for their
pods, and how many pods it knows of each revision."""

DRAIN_SECONDS = 30
"""How long a router that is to end goes on, so that callers learn of it and go elsewhere."""

# Envoy cannot be asked to drain by a GET, and the kubelet knows nothing else. The answer does not
# matter: should Envoy refuse, there is no better use of the time that is left than to wait.
_DRAIN = (
    "function envoy_on_request(request)"
    ' local to = {[":method"] = "POST", [":path"] = "/healthcheck/fail", [":authority"] = "admin"}'
    ' request:httpCall("admin", to, "", 1000)'
    " end"
)
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


def bootstrap(traffic_id: str, token: str = "") -> Json:
    """Return the bootstrap configuration.

    Args:
        traffic_id: name of the endpoint and its namespace, as the node's cluster.
        token: what only those know who may end the router. A GET of `drain_path(token)` on the port
            of its metrics makes it tell all callers to go elsewhere, while it still answers them;
            the GET itself is answered after `DRAIN_SECONDS`. Without a token there is no such path.
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
        "static_resources": {"clusters": [_admin()], "listeners": [_stats(token)]},
    }


def drain_path(token: str) -> str:
    """Return the path that drains a router; what the hook `preStop` of its pod asks for."""
    return f"/drain/{token}"


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


def _stats(token: str) -> Json:
    """Return the listener that shows metrics, readiness and versions, lets the router drain, and
    does nothing else of admin."""
    paths = {"/stats/prometheus": "", "/ready": "", "/versions": _VERSIONS}
    routes: list[Json] = [
        {
            "match": {"path": path},
            "route": {"cluster": "admin", **({"path_rewrite": to} if to else {})},
        }
        for path, to in paths.items()
    ]
    if token:
        routes.append(_drain(token))
    manager = http_manager(
        "stats",
        {
            "route_config": {
                "name": "stats",
                "virtual_hosts": [{"name": "stats", "domains": ["*"], "routes": routes}],
            }
        },
    )
    if token:
        manager["http_filters"] = [*_drain_filters(), *manager["http_filters"]]
    return {
        "name": "stats",
        "address": {
            "socket_address": {"address": "0.0.0.0", "port_value": names.STATS_PORT}  # noqa: S104
        },
        "filter_chains": [{"filters": [http_filter(manager)]}],
    }


def _drain_filters() -> list[Json]:
    """Return the filters of which the route that drains makes use: they do nothing by themselves.
    The first one asks admin, and only then the second one begins to wait."""
    return [
        {"name": "lua", "typed_config": {"@type": f"{_FILTERS}.lua.v3.Lua"}},
        {"name": "fault", "typed_config": {"@type": f"{_FILTERS}.fault.v3.HTTPFault"}},
    ]


def _drain(token: str) -> Json:
    always = {"numerator": 100, "denominator": "HUNDRED"}
    return {
        "match": {"path": drain_path(token)},
        "direct_response": {"status": 200, "body": {"inline_string": "drained\n"}},
        "typed_per_filter_config": {
            "lua": {
                "@type": f"{_FILTERS}.lua.v3.LuaPerRoute",
                "source_code": {"inline_string": _DRAIN},
            },
            "fault": {
                "@type": f"{_FILTERS}.fault.v3.HTTPFault",
                "delay": {"fixed_delay": f"{DRAIN_SECONDS}s", "percentage": always},
            },
        },
    }
