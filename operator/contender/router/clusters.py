"""Clusters: the pods behind the router."""

from collections.abc import Iterator, Mapping
from typing import Any

from contender.router import names
from contender.router.credentials import with_token
from contender.router.traffic import LARGEST_MIRRORED_BODY, Arm, Capture, Traffic

Json = dict[str, Any]

CONNECT_TIMEOUT = "2s"
DNS_REFRESH = "1s"
"""A pod that comes or goes is known after the time to live of the cluster's DNS and this."""
MOST_REQUESTS = 1_000_000
"""In flight to the pods that answer callers: a Service without a router has no bound either."""
COPY_BUFFER = 4 * LARGEST_MIRRORED_BODY
"""Bytes per connection; so much of a copy waits for a challenger without holding up the caller."""
RECORDER_REQUESTS = 256
"""In flight to the recorder: two streams of each of Envoy's threads, and callers' feedback."""
RECORDER_BUFFER = 1024 * 1024
"""Bytes per stream; what is captured while so much waits for the recorder is dropped."""
RECORDER_STREAMS: Json = {
    # Envoy keeps as much of a stream that is not read as it would itself take of one.
    "initial_stream_window_size": RECORDER_BUFFER,
    # A recorder that is gone without a word is noticed.
    "connection_keepalive": {"interval": "10s", "timeout": "5s"},
}

_HTTP = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def clusters(traffic: Traffic) -> list[Json]:
    """Return all clusters of a traffic plan."""
    return [{"@type": _CLUSTER, **one} for one in _clusters(traffic)]


def _clusters(traffic: Traffic) -> Iterator[Json]:
    trial = traffic.trial
    if traffic.capture:
        yield _recorder(names.RECORDER, traffic.capture, names.RECORDER_PORT, h2c=True)
        yield _recorder(names.FEEDBACK, traffic.capture, names.RECORDER_HTTP_PORT, h2c=False)
    yield _live(traffic, traffic.incumbent)
    if trial is None:
        return
    for arm in trial.candidates:
        yield _live(traffic, arm)
    for arm in traffic.arms:
        # The incumbent's too, so that those who take part are counted apart from all others.
        yield _with_fallback(names.arm(arm.revision), traffic, arm)
    for arm in traffic.arms:
        if copies := traffic.mirrors.get(arm.name):
            yield _with_fallback(names.mirrored(arm.revision), traffic, arm, copies)
    for arm in traffic.scorers:
        yield _shadow(traffic, arm, trial.copies_in_flight)
    if traffic.scorers:
        # Wider than what the challengers take together, so that it is theirs that overflows.
        yield _copies(traffic, 4 * trial.copies_in_flight * len(traffic.scorers))


def _live(traffic: Traffic, arm: Arm) -> Json:
    return {
        "name": names.live(arm.revision),
        **_pods(traffic, arm),
        **_limits(MOST_REQUESTS),
        # A pod that cannot be reached is left out for some seconds. Of the incumbent's only half:
        # nobody else answers. What a pod answers is no reason: it is the experiment's to judge.
        "outlier_detection": {
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "split_external_local_origin_errors": True,
            "enforcing_consecutive_gateway_failure": 0,
            "consecutive_local_origin_failure": 3,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_local_origin_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_time": "10s",
            "max_ejection_percent": 50 if arm == traffic.incumbent else 100,
        },
        **_http(arm.h2c),
    }


def _shadow(traffic: Traffic, arm: Arm, copies_in_flight: int) -> Json:
    return {
        "name": names.shadow(arm.revision),
        **_pods(traffic, arm),
        **_limits(copies_in_flight),
        "per_connection_buffer_limit_bytes": COPY_BUFFER,
        **_http(arm.h2c),
    }


def _copies(traffic: Traffic, in_flight: int) -> Json:
    """Return the cluster that leads to the internal listener, where copies have a timeout of their
    own and a route each."""
    address = {"envoy_internal_address": {"server_listener_name": names.COPIES}}
    return {
        "name": names.COPIES,
        "connect_timeout": CONNECT_TIMEOUT,
        "type": "STATIC",
        "load_assignment": _endpoints(names.COPIES, address),
        **_limits(in_flight),
        "per_connection_buffer_limit_bytes": COPY_BUFFER,
        **_http(traffic.incumbent.h2c),
    }


def _with_fallback(
    name: str, traffic: Traffic, arm: Arm, copies: Mapping[str, int] | None = None
) -> Json:
    """Return a cluster of clusters: the arm's, and the incumbent's when it has no healthy pod."""
    mirrors = [_mirror(other, percent) for other, percent in (copies or {}).items()]
    fallback = dict.fromkeys([names.live(arm.revision), names.live(traffic.incumbent.revision)])
    return {
        "name": name,
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": [*fallback],
            },
        },
        **_limits(MOST_REQUESTS),
        **_http(arm.h2c, {"request_mirror_policies": mirrors} if mirrors else None),
    }


def _mirror(candidate: str, percent: int) -> Json:
    header = {"header": {"key": names.SHADOW, "value": candidate}}
    return {
        "cluster": names.COPIES,
        # All policies of a request compare with the same random number, so that smaller samples
        # lie inside of larger ones.
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [
            {"append": {**header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        ],
    }


def _recorder(name: str, capture: Capture, port: int, *, h2c: bool) -> Json:
    """Return a cluster of the recorder. However it fares, callers of the model notice nothing."""
    return {
        "name": name,
        **_found_by_dns(name, capture.recorder, port),
        **_limits(RECORDER_REQUESTS),
        "per_connection_buffer_limit_bytes": RECORDER_BUFFER,
        **_http(h2c, {"http_filters": with_token()}, RECORDER_STREAMS if h2c else None),
    }


def _pods(traffic: Traffic, arm: Arm) -> Json:
    host = f"{arm.revision}.{traffic.namespace}.svc"
    told = {"version": arm.version, "arm": arm.name, "revision": arm.revision}
    return _found_by_dns(arm.revision, host, arm.port, {"filter_metadata": {"contender": told}})


def _found_by_dns(name: str, host: str, port: int, metadata: Json | None = None) -> Json:
    address = {"socket_address": {"address": host, "port_value": port}}
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "cluster_type": {
            "name": "envoy.cluster.dns",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
                "dns_refresh_rate": DNS_REFRESH,
                "dns_failure_refresh_rate": {
                    "base_interval": DNS_REFRESH,
                    "max_interval": DNS_REFRESH,
                },
                "dns_lookup_family": "V4_PREFERRED",
            },
        },
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": _endpoints(name, address, metadata),
    }


def _endpoints(name: str, address: Json, metadata: Json | None = None) -> Json:
    host: Json = {"endpoint": {"address": address}}
    if metadata:
        host["metadata"] = metadata
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [host]}]}


def _limits(requests: int) -> Json:
    bounds = {
        "max_connections": requests,
        "max_pending_requests": requests,
        "max_requests": requests,
        "max_retries": requests,
    }
    return {"circuit_breakers": {"thresholds": [bounds]}}


def _http(h2c: bool, more: Json | None = None, protocol: Json | None = None) -> Json:
    """Return how a cluster is spoken to.

    Args:
        h2c: whether by HTTP/2.
        more: further options.
        protocol: options of HTTP/1.1 or HTTP/2.
    """
    name = "http2_protocol_options" if h2c else "http_protocol_options"
    options: Json = {
        "@type": _HTTP,
        "explicit_http_config": {name: protocol or {}},
        **(more or {}),
    }
    return {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    }
