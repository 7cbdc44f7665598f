"""Listeners: where callers come in, and the internal one through which copies go."""

from typing import Any

from contender.router import names
from contender.router.capture import access_log, lua_filter

Json = dict[str, Any]

_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
_HCM = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    ".HttpConnectionManager"
)
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_EARLY = (
    "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3"
    ".HeaderMutation"
)

DRAIN_IDLE = "3600s"


def listeners() -> list[Json]:
    """Return all listeners. They are the same for every endpoint and never change: a listener that
    changes drains its connections."""
    return [{"@type": _LISTENER, **one} for one in (_callers(), _copies())]


def _callers() -> Json:
    address = {"socket_address": {"address": "0.0.0.0", "port_value": names.PORT}}  # noqa: S104
    manager = {
        **_captured("main", names.ROUTES),
        # Before the route is chosen: the id decides about the arm of who is not sticky.
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": _EARLY,
                    "mutations": [
                        {"remove": names.SHADOW},
                        {
                            "append": {
                                "header": {"key": names.PREDICTION_ID, "value": names.NEW_ID},
                                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                            }
                        },
                    ],
                },
            }
        ],
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    return {
        "name": "main",
        "address": address,
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [{"filters": [http_filter(manager)]}],
    }


def _copies() -> Json:
    manager = _captured("copies", names.COPIES)
    return {
        "name": names.COPIES,
        "internal_listener": {},
        "filter_chains": [{"filters": [http_filter(manager)]}],
    }


def _captured(prefix: str, routes: str) -> Json:
    """Return a connection manager whose requests are captured when its routes say so."""
    manager = http_manager(prefix, {"rds": _rds(routes)})
    manager["http_filters"] = [lua_filter(), *manager["http_filters"]]
    return {**manager, "access_log": [access_log(prefix)]}


def http_manager(prefix: str, routes: Json) -> Json:
    """Return an HTTP connection manager that changes as little as possible on the way: what a
    Service passes on, it passes on."""
    return {
        "@type": _HCM,
        "stat_prefix": prefix,
        "codec_type": "AUTO",
        **routes,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _ROUTER, "suppress_envoy_headers": True},
            }
        ],
        "skip_xff_append": True,
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": False,
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": False,
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "model"},
        "stream_idle_timeout": "0s",
        "common_http_protocol_options": {"idle_timeout": DRAIN_IDLE},
    }


def http_filter(manager: Json) -> Json:
    """Return the network filter of an HTTP connection manager."""
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _rds(name: str) -> Json:
    return {"route_config_name": name, "config_source": source(name)}


def source(file: str) -> Json:
    """Return where Envoy reads resources from, and reads again when the folder changes."""
    return {
        "path_config_source": {
            "path": f"{names.FOLDER}/{file}.yaml",
            "watched_directory": {"path": names.FOLDER},
        },
        "resource_api_version": "V3",
    }
