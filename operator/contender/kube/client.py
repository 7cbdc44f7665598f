"""Requests to the API server: one configured `kubernetes.aio` client, raw JSON.

Raw dictionaries instead of typed models cost a third of the CPU and less memory.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from kubernetes.aio import client, config

from contender.kube.errors import ApiError, NotLeading, api_error

Json = dict[str, Any]

REQUEST_SECONDS = 10.0
"""How long one request may take in all."""
WATCH_SILENCE_SECONDS = 90.0
"""How long a watch may be silent; the API server sends a bookmark every minute."""

MERGE_PATCH = "application/merge-patch+json"
JSON_TYPE = "application/json"


def collection(api_version: str, plural: str, namespace: str | None = None) -> str:
    """Return the path of a collection, in one namespace or over all."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


class Client:
    """Sends requests with the credentials of the pod, or of the kubeconfig.

    Raises (every method): ApiError for an answer of 400 and above, or when none came.
    """

    def __init__(
        self,
        api: client.ApiClient,
        field_manager: str,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self.api = api
        self._field_manager = field_manager
        self._may_write = may_write

    def guarded(self, may_write: Callable[[], bool]) -> "Client":
        """Return a client that asks before each single write, and raises `NotLeading` if not."""
        return Client(self.api, self._field_manager, may_write)

    @classmethod
    @asynccontextmanager
    async def connect(cls, field_manager: str) -> AsyncIterator[Self]:
        """Connect with the service account's token in a pod, else with KUBECONFIG."""
        settings = client.Configuration()
        try:
            config.load_incluster_config(settings)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=settings)
        # Without this aiohttp reads netrc and proxy variables in a thread at each request.
        settings.client_session_kwargs = {"trust_env": False}
        async with client.ApiClient(settings) as api:
            api.user_agent = field_manager
            yield cls(api, field_manager)

    async def get(self, path: str, **query: str) -> Json:
        """Read an object or a page of a collection."""
        return await self._request("GET", path, query)

    async def create(self, path: str, body: Json) -> Json:
        """Create an object in a collection; 409 when the name is taken."""
        return await self._write("POST", path, body, JSON_TYPE)

    async def replace(self, path: str, body: Json) -> Json:
        """Replace an object; 409 when it has changed since `metadata.resourceVersion`."""
        return await self._write("PUT", path, body, JSON_TYPE)

    async def merge_patch(self, path: str, body: Json) -> Json:
        """Apply an RFC 7386 merge patch; 409 when its `metadata.resourceVersion` is old."""
        return await self._write("PATCH", path, body, MERGE_PATCH)

    async def delete(self, path: str, uid: str) -> Json:
        """Delete the object with this uid; its children follow in the background."""
        options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        return await self._request("DELETE", path, {}, options, JSON_TYPE)

    async def watch(self, path: str, **query: str) -> AsyncIterator[Json]:
        """Iterate over the watch events of a collection until the server ends it."""
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=REQUEST_SECONDS, sock_read=WATCH_SILENCE_SECONDS
        )
        query = {"watch": "true", "allowWatchBookmarks": "true", **query}
        async with _as_api_errors("GET", path):
            answer = await self._send("GET", path, query, None, "", timeout)
            try:
                if answer.status >= 400:
                    raise api_error("GET", path, answer.status, await answer.response.read())
                while line := await answer.response.content.readline():
                    yield json.loads(line)
            except TimeoutError:
                return  # silence is no fault: the caller watches on from where it was
            finally:
                answer.response.close()

    async def _write(self, method: str, path: str, body: Json, content_type: str) -> Json:
        return await self._request(
            method, path, {"fieldManager": self._field_manager}, body, content_type
        )

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Json | None = None,
        content_type: str = "",
    ) -> Json:
        if method != "GET" and not self._may_write():
            raise NotLeading(method, path)
        async with _as_api_errors(method, path):
            answer = await self._send(method, path, query, body, content_type, REQUEST_SECONDS)
            raw = await answer.response.read()
            if answer.status >= 400:
                wait = answer.response.headers.get("Retry-After", "")
                raise api_error(method, path, answer.status, raw, wait)
            return json.loads(raw)

    async def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Json | None,
        content_type: str,
        limit: Any,
    ) -> Any:
        headers = {"Accept": JSON_TYPE}
        if content_type:
            headers["Content-Type"] = content_type
        verb, url, headers, *_ = await self.api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            auth_settings=["BearerToken"],
        )
        return await self.api.call_api(verb, url, headers, body, _request_timeout=limit)


@asynccontextmanager
async def _as_api_errors(method: str, path: str) -> AsyncIterator[None]:
    """Turn what the network does into ApiError: callers handle one kind of error."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise ApiError(method, path, 0, "Unreachable", reason) from error


__all__ = ["Client", "Json", "collection"]
