"""Routes: which arm answers a request, and who gets copies of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from contender.router import names, slots
from contender.router.capture import CALLERS, captures, never
from contender.router.capture import COPIES as OF_COPIES
from contender.router.stamp import answered_stamp, copied_stamp
from contender.router.traffic import (
    LARGEST_MIRRORED_BODY,
    StickyCookie,
    StickyHeader,
    Traffic,
    Trial,
)

Json = dict[str, Any]

FEEDBACK_SECONDS = 60
WEIGHT_OF_A_SLOT = 100
RETRIED = "connect-failure,refused-stream,reset-before-request"
"""What is tried again on another pod: requests that no pod has begun to read."""

_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

_HAS_UPGRADE: Json = {"name": "upgrade", "present_match": True}
_SMALL_BODY: Json = {
    "name": "content-length",
    "range_match": {"start": 0, "end": LARGEST_MIRRORED_BODY + 1},
}
_NO_LENGTH: Json = {"name": "content-length", "present_match": True, "invert_match": True}
_NOT_CHUNKED: Json = {"name": "transfer-encoding", "present_match": True, "invert_match": True}
_IS_GRPC: Json = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
_MAY_HAVE_NO_BODY: Json = {
    "name": ":method",
    "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS|DELETE"}},
}

_MIRRORED: tuple[list[Json], ...] = (
    [_SMALL_BODY],
    [_NO_LENGTH, _NOT_CHUNKED, _MAY_HAVE_NO_BODY],
    [_IS_GRPC],
)
"""What may be copied: bodies of known and moderate length, none, and gRPC's messages, whose length
no header tells."""


def routes(traffic: Traffic) -> Json:
    """Return the route configuration of the endpoint."""
    host = {
        "name": traffic.endpoint,
        "domains": ["*"],
        "routes": [*_routes(traffic)],
        "response_headers_to_add": [
            _header(names.PREDICTION_ID, f"%REQ({names.PREDICTION_ID})%"),
            # Of the pod that answered: an arm without healthy pods is answered for.
            _header(names.VERSION, "%UPSTREAM_METADATA(contender:version)%"),
        ],
        **captures(traffic.capture, CALLERS, traffic.trial),
    }
    return {"@type": _ROUTES, "name": names.ROUTES, "virtual_hosts": [host]}


def _routes(traffic: Traffic) -> Iterator[Json]:
    yield from _reserved(traffic)
    trial = traffic.trial
    if trial:
        parts = [_exact(one.name, one.exact) for one in trial.match]
        cookies = [True, False] if isinstance(trial.stickiness, StickyCookie) else [False]
        for has_cookie in cookies:
            key = [_carries(trial.stickiness)] if has_cookie else []
            yield from _trial_routes(traffic, trial, [*parts, *key], has_cookie=has_cookie)
    yield {
        "name": "incumbent",
        "match": {"prefix": "/"},
        "route": {"cluster": names.live(traffic.incumbent.revision), **_common()},
    }


def _reserved(traffic: Traffic) -> Iterator[Json]:
    """Yield the routes of paths that do not reach the model."""
    feedback = {"path": names.FEEDBACK_PATH}
    if traffic.capture:
        yield {
            "name": "feedback",
            "match": {**feedback, "headers": [_exact(":method", "POST")]},
            "route": {
                "cluster": names.FEEDBACK,
                "prefix_rewrite": "/v1/feedback",
                "timeout": f"{FEEDBACK_SECONDS}s",
            },
            # What callers say to the model of who they are is not for the recorder.
            "request_headers_to_remove": ["authorization", "cookie"],
            **never(),
        }
    else:
        yield _not_found(
            "feedback", feedback, "this model keeps no answers: spec.capture is not set"
        )
    found = _not_found("reserved", {"prefix": "/-/"}, "paths below /-/ belong to the router")
    yield {**found, **(never() if traffic.capture else {})}


def _not_found(name: str, match: Json, why: str) -> Json:
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": 404, "body": {"inline_string": f"{why}\n"}},
    }


def _trial_routes(
    traffic: Traffic, trial: Trial, headers: list[Json], *, has_cookie: bool
) -> Iterator[Json]:
    """Yield the routes of requests that take part: those that may be copied, then the others."""
    plain = {
        "route": _split(traffic, trial, {}),
        **_cookie(trial, has_cookie=has_cookie),
        **_stamped(traffic, answered_stamp(traffic, eligible=not traffic.mirrors)),
    }
    if traffic.mirrors:
        copied = {
            "route": _split(traffic, trial, traffic.mirrors),
            **_cookie(trial, has_cookie=has_cookie),
            **_stamped(traffic, answered_stamp(traffic, eligible=True)),
        }
        yield {"name": "upgrade", "match": _prefix([*headers, _HAS_UPGRADE]), **plain}
        for kind in _MIRRORED:
            yield {"name": "copied", "match": _prefix([*headers, *kind]), **copied}
    yield {"name": "trial", "match": _prefix(headers), **plain}


def _split(traffic: Traffic, trial: Trial, mirrors: Mapping[str, Mapping[str, int]]) -> Json:
    """Return the action that chooses an arm by the hash of who asks."""
    order = trial.order or [arm.name for arm in trial.candidates]
    clusters = {
        arm.name: names.mirrored(arm.revision) if mirrors.get(arm.name) else names.arm(arm.revision)
        for arm in traffic.arms
    }
    runs = slots.runs(slots.assign(trial.weights, order, traffic.incumbent.name))
    if len(runs) == 1:
        return {"cluster": clusters[runs[0][0]], **_common()}
    return {
        **_common(),
        "hash_policy": _hash_policy(trial),
        "weighted_clusters": {
            "use_hash_policy": True,
            "clusters": [
                {"name": clusters[name], "weight": count * WEIGHT_OF_A_SLOT} for name, count in runs
            ],
        },
    }


def _hash_policy(trial: Trial) -> list[Json]:
    """Return what is hashed: the salt and who asks; without stickiness, or for those who do not say
    who they are, the request itself."""
    request = _salted(names.PREDICTION_ID, "^(.*)$", trial.salt)
    match trial.stickiness:
        case StickyHeader(name):
            return [{**_salted(name, "^(.*)$", trial.salt), "terminal": True}, request]
        case StickyCookie(name):
            # The cookie of a new caller is the id of its first request: the same is hashed.
            cookie = _salted("cookie", f"^(?:.*; ?)?{name}=([^;]*).*$", trial.salt)
            return [{**cookie, "terminal": True}, request]
        case None:
            return [request]


def _salted(header: str, pattern: str, salt: str) -> Json:
    rewrite = {"pattern": {"regex": pattern}, "substitution": f"{salt}:\\1"}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}}


def _carries(stickiness: StickyHeader | StickyCookie | None) -> Json:
    assert isinstance(stickiness, StickyCookie)
    regex = f"(?:.*; ?)?{stickiness.name}=[^;]+.*"
    return {"name": "cookie", "string_match": {"safe_regex": {"regex": regex}}}


def _cookie(trial: Trial, *, has_cookie: bool) -> Json:
    """Return what gives a new caller a cookie."""
    if has_cookie or not isinstance(trial.stickiness, StickyCookie):
        return {}
    cookie = trial.stickiness
    value = (
        f"{cookie.name}=%REQ({names.PREDICTION_ID})%; Path=/; Max-Age={cookie.ttl_seconds};"
        " HttpOnly"
    )
    # Appended: the model may set cookies of its own.
    return {"response_headers_to_add": [{"header": {"key": "set-cookie", "value": value}}]}


def _stamped(traffic: Traffic, stamp: str) -> Json:
    """Return what tells the recorder of the trial."""
    if traffic.capture is None:
        return {}
    return {"metadata": {"filter_metadata": {"contender": {"trial": stamp}}}}


def _common() -> Json:
    """Return what all routes to pods share. No timeout: a Service has none either."""
    previous = (
        "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3"
        ".PreviousPrioritiesConfig"
    )
    return {
        "timeout": "0s",
        "retry_policy": {
            "retry_on": RETRIED,
            "num_retries": 2,
            # The next try goes to who answers for the arm.
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {"@type": previous, "update_frequency": 1},
            },
        },
    }


def _prefix(headers: list[Json]) -> Json:
    return {"prefix": "/", "headers": headers} if headers else {"prefix": "/"}


def _exact(name: str, value: str) -> Json:
    return {"name": name, "string_match": {"exact": value}}


def _header(key: str, value: str) -> Json:
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def copy_routes(traffic: Traffic) -> Json:
    """Return the route configuration of the internal listener: each candidate's copies to its
    pods."""
    trial = traffic.trial
    timeout = f"{trial.shadow_timeout_seconds}s" if trial else "0s"
    found = [
        {
            "name": arm.name,
            "match": _prefix([_exact(names.SHADOW, arm.name)]),
            "route": {"cluster": names.shadow(arm.revision), "timeout": timeout},
            **_stamped(traffic, copied_stamp(traffic)),
        }
        for arm in traffic.scorers
    ]
    host = {
        "name": names.COPIES,
        "domains": ["*"],
        "routes": found,
        **captures(traffic.capture, OF_COPIES),
    }
    return {"@type": _ROUTES, "name": names.COPIES, "virtual_hosts": [host]}
