"""Credentials: how the recorder knows a router. Envoy reads its token from a file, and again when
the kubelet has put a new one there."""

from typing import Any

from contender.router import names

Json = dict[str, Any]

_TOKEN = "token"  # noqa: S105
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


def secrets() -> list[Json]:
    """Return what Envoy reads as its secrets."""
    return [
        {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": _TOKEN,
            "generic_secret": {"secret": {"filename": f"{names.TOKEN_FOLDER}/{_TOKEN}"}},
        }
    ]


def with_token() -> list[Json]:
    """Return the HTTP filters of a cluster to which every request carries the token, in place of
    what the caller sent."""
    source = {
        "path_config_source": {
            "path": f"{names.FOLDER}/{names.SECRETS}.yaml",
            # The token's folder, not that of the file: it is the token that changes.
            "watched_directory": {"path": names.TOKEN_FOLDER},
        },
        "resource_api_version": "V3",
    }
    generic = "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic"
    return [
        {
            "name": "envoy.filters.http.credential_injector",
            "typed_config": {
                "@type": f"{_FILTERS}.credential_injector.v3.CredentialInjector",
                "overwrite": True,
                "allow_request_without_credential": True,
                "credential": {
                    "name": "envoy.http.injected_credentials.generic",
                    "typed_config": {
                        "@type": generic,
                        "header_value_prefix": "Bearer ",
                        "credential": {"name": _TOKEN, "sds_config": source},
                    },
                },
            },
        },
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": f"{_FILTERS}.upstream_codec.v3.UpstreamCodec"},
        },
    ]
