"""Errors as they are told: a JSON object with reason and message."""

import logging
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import ClientError, web

from contender.core.audiences import Purpose
from contender.recorder.access import Access, Denied, Grant, Unavailable
from contender.recorder.plans import Plan, Plans
from contender.recorder.store.base import StoreError

JSON = "application/json"

log = logging.getLogger(__name__)


class Refusal(Exception):
    """An answer of 4xx or 5xx.

    Args:
        status: of HTTP.
        reason: one word in CamelCase, for machines.
        message: what, why and how to mend it, for people.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def answer(body: object, status: int = 200, **headers: str) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=orjson.dumps(body), status=status, content_type=JSON, headers=headers)


@web.middleware
async def told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tell every error in the same form."""
    try:
        return await handler(request)
    except Refusal as error:
        return _told(error)
    except StoreError as error:
        return _told(Refusal(503, "StoreUnavailable", str(error)))
    except web.HTTPException as error:
        return _told(Refusal(error.status, error.reason.replace(" ", ""), error.text or ""))
    except (ConnectionError, ClientError) as error:
        # Mostly nobody is there any more to be told.
        return _told(Refusal(400, "BrokenOff", f"the request has not come whole: {error}"))
    except Exception:
        log.exception("%s %s: a defect of the recorder", request.method, request.path)
        return _told(Refusal(500, "InternalError", "a defect of the recorder; its log says which"))


def _told(error: Refusal) -> web.Response:
    headers = {"Retry-After": "5"} if error.status in (429, 503) else {}
    return answer({"reason": error.reason, "message": error.message}, error.status, **headers)


def captured(plans: Plans, namespace: str, name: str) -> tuple[int, Plan]:
    """Return number and plan of an endpoint.

    Raises:
        Refusal: it captures nothing.
    """
    found = plans.find(namespace, name)
    if found is None:
        what = f"{namespace}/{name} keeps no answers: spec.capture is not set"
        raise Refusal(404, "NotCaptured", what)
    return found


async def granted(access: Access, request: web.Request, *purposes: Purpose) -> Grant:
    """Return what the token of a request allows.

    Raises:
        Refusal: none of these purposes.
    """
    try:
        grant = await access.grant(request.headers.get("Authorization", ""))
    except Denied as error:
        raise Refusal(401, "Unauthorized", str(error)) from error
    except Unavailable as error:
        raise Refusal(503, "Unavailable", str(error)) from error
    if grant.purpose not in purposes:
        wanted = " or ".join(purposes)
        raise Refusal(403, "Forbidden", f"the token is for {grant.purpose}, not for {wanted}")
    return grant
