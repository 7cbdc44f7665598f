"""Capture: requests and answers are read while they pass, and sent to the recorder by Envoy's
access log.

The listeners always have the filter and the log, since they never change. The filter does nothing
until a route gives it code, and the log takes only what that code has marked.
"""

import re
from typing import Any

from contender.router import names
from contender.router.traffic import Capture, StickyCookie, StickyHeader, Trial

Json = dict[str, Any]

FILTER = "envoy.filters.http.lua"

BATCH_BYTES = 65536
"""What a message costs the recorder, however little is in it, is then a small part of the whole."""
BATCH_SECONDS = "0.2s"
LONGEST_CALLER = 256
"""Bytes of what a caller says of itself that tell it from others."""

_LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3"
_LOG = "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
_REQUEST_HEADERS = [
    names.PREDICTION_ID,
    names.SHADOW,
    "content-type",
    "content-encoding",
    "x-request-id",
]
_ANSWER_HEADERS = ["content-type", "content-encoding"]

# Bodies are read chunk by chunk as they pass: nothing is held back, and an error in here is only
# logged. Keys: `on`; who asks, where callers stay with an arm, as `w`; request and answer as text
# `q` and `p`, or in base64 `q64` and `p64`, and `w64` likewise; `qt` and `pt` where more came than
# is kept. What is empty has no key.
_COMMON = f"""\
local NAMESPACE = "{names.CAPTURE}"

-- Whether this request is in the sample: the id is random, and copies carry the same.
local function chosen(handle)
  local headers = handle:headers()
  local method = headers:get(":method")
  if method == "GET" or method == "HEAD" or method == "OPTIONS" then return false end
  local id = headers:get("{names.PREDICTION_ID}")
  if id == nil or headers:get("upgrade") ~= nil then return false end
  local random = string.match(id, "-(%x%x%x%x%x%x)")
  return random ~= nil and tonumber(random, 16) % 100 < handle:filterContext():get("percent")
end

-- The metadata is asked for at each use: after a chunk, what was got before is not valid.
local function set(handle, key, value)
  handle:streamInfo():dynamicMetadata():set(NAMESPACE, key, value)
end

-- Text as it is, the rest in base64: metadata ends at the first NUL.
local function keep(handle, key, body, text)
  if body == "" then return end
  if text and string.find(body, "\\0", 1, true) == nil then
    set(handle, key, body)
  else
    set(handle, key .. "64", handle:base64Escape(body))
  end
end

local function is_text(headers)
  if headers:get("content-encoding") ~= nil then return false end
  local kind = string.lower(headers:get("content-type") or "")
  return string.find(kind, "json", 1, true) ~= nil or string.sub(kind, 1, 5) == "text/"
end

local function read(handle, key)
  local text = is_text(handle:headers())
  local most = handle:filterContext():get("bytes")
  local parts, kept = {{}}, 0
  for chunk in handle:bodyChunks() do
    local length = chunk:length()
    local room = most - kept
    if length > room then
      if room > 0 then parts[#parts + 1] = chunk:getBytes(0, room) end
      set(handle, key .. "t", true)
      break
    end
    if length > 0 then
      parts[#parts + 1] = chunk:getBytes(0, length)
      kept = kept + length
    end
  end
  keep(handle, key, table.concat(parts), text)
end

local function captured(handle)
  local found = handle:streamInfo():dynamicMetadata():get(NAMESPACE)
  return found ~= nil and found["on"] == true
end

function envoy_on_response(handle)
  if captured(handle) then read(handle, "p") end
end
"""

CALLERS = f"""\
{_COMMON}
-- Who asks, as far as the choice of the arm goes by it. A caller without the cookie gets one with
-- this id.
local function caller(handle)
  local said = handle:filterContext():get("caller")
  if said == nil then return nil end
  local headers = handle:headers()
  local value = headers:get(said)
  local cookie = handle:filterContext():get("cookie")
  if cookie ~= nil then
    value = string.match("; " .. (value or ""), cookie) or headers:get("{names.PREDICTION_ID}")
  end
  return value
end

function envoy_on_request(handle)
  if not chosen(handle) then return end
  set(handle, "on", true)
  local who = caller(handle)
  if who ~= nil then keep(handle, "w", string.sub(who, 1, {LONGEST_CALLER}), true) end
  read(handle, "q")
end
"""

COPIES = f"""\
{_COMMON}
-- What was asked is told by the caller's own entry.
function envoy_on_request(handle)
  if chosen(handle) then set(handle, "on", true) end
end
"""


def lua_filter() -> Json:
    """Return the HTTP filter, which does nothing by itself."""
    return {"name": FILTER, "typed_config": {"@type": f"{_LUA}.Lua"}}


def captures(capture: Capture | None, code: str, trial: Trial | None = None) -> Json:
    """Return what a virtual host has in addition so that its requests are captured."""
    if capture is None:
        return {}
    context: Json = {"percent": capture.percent, "bytes": capture.max_body_bytes}
    context |= _caller(trial.stickiness if trial else None)
    source = {"source_code": {"inline_string": code}, "filter_context": context}
    return _per_filter(source)


def _caller(stickiness: StickyHeader | StickyCookie | None) -> Json:
    """Return where it stands who asks; nothing where each request is assigned by itself."""
    match stickiness:
        case StickyHeader(name):
            return {"caller": name}
        case StickyCookie(name):
            escaped = re.sub(r"(\W)", r"%\1", name)
            return {"caller": "cookie", "cookie": f".*; ?{escaped}=([^;]*)"}
        case None:
            return {}


def never() -> Json:
    """Return what a route has in addition so that its requests are not captured."""
    return _per_filter({"disabled": True})


def _per_filter(config: Json) -> Json:
    return {"typed_per_filter_config": {FILTER: {"@type": f"{_LUA}.LuaPerRoute", **config}}}


def access_log(name: str) -> Json:
    """Return the log of what was captured; the recorder knows it by this name."""
    return {
        "name": "envoy.access_loggers.http_grpc",
        "filter": {
            "metadata_filter": {
                "matcher": {
                    "filter": names.CAPTURE,
                    "path": [{"key": "on"}],
                    "value": {"bool_match": True},
                },
                "match_if_key_not_found": False,
            }
        },
        "typed_config": {
            "@type": _LOG,
            "common_config": {
                "log_name": name,
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": names.RECORDER}},
                "buffer_size_bytes": BATCH_BYTES,
                "buffer_flush_interval": BATCH_SECONDS,
                "custom_tags": [
                    _tag("trial", "route"),
                    *(_tag(key, "host") for key in ("arm", "version", "revision")),
                    {"tag": "cluster", "value": "%UPSTREAM_CLUSTER_RAW%"},
                ],
            },
            "additional_request_headers_to_log": _REQUEST_HEADERS,
            "additional_response_headers_to_log": _ANSWER_HEADERS,
        },
    }


def _tag(key: str, kind: str) -> Json:
    """Return a tag of the log: what the route, or the pod that answered, says of itself."""
    path = {"key": "contender", "path": [{"key": key}]}
    return {"tag": key, "metadata": {"kind": {kind: {}}, "metadata_key": path}}
