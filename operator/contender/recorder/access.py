"""Access: what a token allows.

A token is one of a service account, made for a purpose: its audience says for what and for which
ModelDeployment, such as `stream.contender.dev/churn`; its namespace is that of the service account.
The API server vouches for both. So nobody gets more than who may make pods or tokens in that
namespace anyway.
"""

import asyncio
import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson

from contender.core.audiences import Purpose
from contender.kube.client import Client
from contender.kube.errors import ApiError

REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
KNOWN_SECONDS = 60.0
"""How long an answer of the API server is believed."""
REFUSED_SECONDS = 5.0
"""How long a refusal is."""
MOST_KNOWN = 10_000
MOST_REVIEWS = 8
"""Questions to the API server at a time: who sends tokens that are wrong must not load it."""
LONGEST_TOKEN = 16_384


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows."""

    purpose: Purpose
    namespace: str
    name: str
    """Name of the ModelDeployment; empty: all."""
    expires_at: float
    """On the clock of `time.time`; the token is worth nothing from then on."""


class Denied(Exception):
    """A token does not allow what was asked. Its text says why."""


class Unavailable(Exception):
    """The API server could not be asked."""


class Access:
    """Asks the API server about tokens, and remembers its answers for a while.

    Args:
        client: how to reach the API server.
        namespace: the recorder's own.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._known: OrderedDict[bytes, tuple[float, Grant | Denied]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Future[Grant | Denied]] = {}
        self._reviews = asyncio.Semaphore(MOST_REVIEWS)

    async def grant(self, authorization: str) -> Grant:
        """Return what the value of an Authorization header allows.

        Raises:
            Denied: nothing.
            Unavailable: it is not known.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Denied("no bearer token was sent")
        if len(token) > LONGEST_TOKEN:
            raise Denied("the token is too long")
        if not token.isascii():
            raise Denied("the token holds bytes that none has")
        digest = hashlib.sha256(token.encode()).digest()
        until, answer = self._known.get(digest, (0.0, None))
        if answer is None or monotonic() >= until:
            answer = await self._ask_once(digest, token)
        if isinstance(answer, Denied):
            raise answer
        return answer

    async def _ask_once(self, digest: bytes, token: str) -> Grant | Denied:
        """Ask once, however many wait for the same answer."""
        if digest not in self._asked:
            asking = asyncio.ensure_future(self._ask(token))
            self._asked[digest] = asking
            asking.add_done_callback(lambda _: self._asked.pop(digest, None))
        answer = await asyncio.shield(self._asked[digest])
        patience = REFUSED_SECONDS if isinstance(answer, Denied) else KNOWN_SECONDS
        self._known[digest] = (monotonic() + patience, answer)
        self._known.move_to_end(digest)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return answer

    async def _ask(self, token: str) -> Grant | Denied:
        claims = _claims(token)
        wanted = [one for one in _audiences(claims) if _purpose(one)]
        if len(wanted) != 1:
            return Denied("the token was not made for the recorder, or for more than one purpose")
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": wanted},
        }
        try:
            async with self._reviews:
                status = (await self._client.create(REVIEW, review)).get("status") or {}
        except ApiError as error:
            raise Unavailable(f"the API server cannot be asked about tokens: {error}") from error
        if not status.get("authenticated") or wanted[0] not in (status.get("audiences") or []):
            return Denied(f"the API server refuses the token: {status.get('error') or 'unknown'}")
        return self._granted(wanted[0], status, float(claims.get("exp") or 0))

    def _granted(self, audience: str, status: dict[str, Any], expires_at: float) -> Grant | Denied:
        user = (status.get("user") or {}).get("username", "")
        parts = user.split(":")
        if len(parts) != 4 or parts[:2] != ["system", "serviceaccount"]:
            return Denied("the token is not one of a service account")
        purpose, _, name = audience.partition("/")
        grant = Grant(Purpose(purpose), parts[2], name, expires_at)
        if grant.purpose in (Purpose.STATISTICS, Purpose.ERASE):
            if grant.namespace == self._namespace and not name:
                return grant
            return Denied(f"{purpose} is for service accounts of {self._namespace} only")
        return grant if name else Denied("the token names no ModelDeployment")


def _purpose(text: str) -> bool:
    return text.partition("/")[0] in {*Purpose}


def _claims(token: str) -> dict[str, Any]:
    """Return what a JSON web token says of itself; the API server tells whether it is true."""
    try:
        payload = token.split(".")[1]
        found = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _audiences(claims: dict[str, Any]) -> list[str]:
    found = claims.get("aud") or []
    found = found if isinstance(found, list) else [found]
    return [one for one in found if isinstance(one, str)]
