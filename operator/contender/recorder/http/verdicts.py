"""`/v1/verdicts/{experiment}`: what was decided is kept for good, and never changed."""

import re

import orjson
from aiohttp import web

from contender.recorder.http.errors import JSON, Refusal

LARGEST = 64 * 2**10
"""Bytes of a verdict."""
_UID = re.compile(r"[A-Za-z0-9.-]{1,128}")


def experiment_of(request: web.Request) -> str:
    """Return which Experiment a request is about.

    Raises:
        Refusal: it cannot be one.
    """
    uid = request.match_info["experiment"]
    if not _UID.fullmatch(uid):
        raise Refusal(400, "BadRequest", f"{uid[:40]!r} is no uid of an Experiment")
    return uid


async def verdict_of(request: web.Request) -> bytes:
    """Return the verdict that a request brings.

    Raises:
        Refusal: it is none.
    """
    raw = await request.read()
    if len(raw) > LARGEST:
        raise Refusal(413, "TooLarge", f"a verdict has at most {LARGEST} bytes")
    try:
        verdict = orjson.loads(raw)
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"a verdict is a JSON object: {error}") from error
    if not isinstance(verdict, dict):
        raise Refusal(400, "BadRequest", "a verdict is a JSON object")
    return raw


def told(verdict: bytes) -> web.Response:
    """Return the answer with a verdict."""
    return web.Response(body=verdict, content_type=JSON)
