"""Requests to the API server: raw JSON over aiohttp.

`kubernetes.aio` reads the configuration (kubeconfig or service account), TLS and tokens. The
requests are our own: raw dictionaries cost a third of the CPU of typed models, and the bytes on the
wire are Go's (see `encode`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import orjson
from kubernetes.aio import client, config

from contender.kube.errors import ApiError, NotLeading, api_error

Json = dict[str, Any]

REQUEST_SECONDS = 10.0
"""How long one request may take in all."""
WATCH_SILENCE_SECONDS = 90.0
"""How long a watch may be silent; the API server sends a bookmark every minute."""

LARGEST_LINE = 2**21
"""Bytes of one watch event; objects may have 1.5 MiB."""
USER_AGENT = "contender"

MERGE_PATCH = "application/merge-patch+json"
JSON_TYPE = "application/json"


def collection(api_version: str, plural: str, namespace: str | None = None) -> str:
    """Return the path of a collection, in one namespace or over all."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def encode(body: Json) -> bytes:
    """Return JSON as Go writes a map: keys in order, no spaces, HTML's characters escaped.

    The API server keeps the `data` of a ControllerRevision byte for byte and refuses any later
    patch, also by the garbage collector, if its own encoding of them differs.
    """
    encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    for char, escaped in _ESCAPED:
        encoded = encoded.replace(char, escaped)
    return encoded


_ESCAPED = [(char.encode(), f"\\u{ord(char):04x}".encode()) for char in "<>&\u2028\u2029"]


class Client:
    """Sends requests with the credentials of the pod, or of the kubeconfig.

    Raises (every method): ApiError for an answer of 400 and above, or when none came.
    """

    def __init__(
        self,
        api: client.ApiClient,
        session: aiohttp.ClientSession,
        field_manager: str,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._api = api
        self._session = session
        self._field_manager = field_manager
        self._may_write = may_write

    def guarded(self, may_write: Callable[[], bool]) -> "Client":
        """Return a client that asks before each single write, and raises `NotLeading` if not."""
        return Client(self._api, self._session, self._field_manager, may_write)

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._api.configuration.host)

    def new_session(self) -> aiohttp.ClientSession:
        """Return another session with the same credentials; who asked for it closes it."""
        return _session(self._api)

    @classmethod
    @asynccontextmanager
    async def connect(cls, field_manager: str) -> AsyncIterator[Self]:
        """Connect with the service account's token in a pod, else with KUBECONFIG."""
        settings = client.Configuration()
        try:
            config.load_incluster_config(settings)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=settings)
        async with client.ApiClient(settings) as api, _session(api) as session:
            yield cls(api, session, field_manager)

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
        patience = aiohttp.ClientTimeout(
            total=None, sock_connect=REQUEST_SECONDS, sock_read=WATCH_SILENCE_SECONDS
        )
        query = {"watch": "true", "allowWatchBookmarks": "true", **query}
        async with (
            _as_api_errors("GET", path),
            self._session.get(
                self.server + path,
                params=query,
                timeout=patience,
                server_hostname=self._api.configuration.tls_server_name,
            ) as answer,
        ):
            if answer.status >= 400:
                wait = answer.headers.get("Retry-After", "")
                raise api_error("GET", path, answer.status, await answer.read(), wait)
            try:
                while line := await answer.content.readline():
                    yield orjson.loads(line)
            except TimeoutError:
                return  # silence is no fault: the caller watches on from where it was

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
        async with (
            _as_api_errors(method, path),
            self._session.request(
                method,
                self.server + path,
                params=query,
                data=None if body is None else encode(body),
                headers={"Content-Type": content_type} if content_type else None,
                server_hostname=self._api.configuration.tls_server_name,
            ) as answer,
        ):
            raw = await answer.read()
            if answer.status >= 400:
                wait = answer.headers.get("Retry-After", "")
                raise api_error(method, path, answer.status, raw, wait)
            return orjson.loads(raw)


def _session(api: client.ApiClient) -> aiohttp.ClientSession:
    """Return a session that sends our credentials, as they are at the time of each request."""
    settings = api.configuration

    async def authorise(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        await api.update_params_for_auth(request.headers, [], ["BearerToken"], "", "", None)
        return await handler(request)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=api.rest_client.ssl_context),
        headers={"Accept": JSON_TYPE, "User-Agent": USER_AGENT},
        middlewares=(authorise,),
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        proxy=settings.proxy,
        # Lines of a watch are as long as an object; the default would refuse large ones.
        read_bufsize=LARGEST_LINE,
    )


@asynccontextmanager
async def _as_api_errors(method: str, path: str) -> AsyncIterator[None]:
    """Turn what the network does into ApiError: callers handle one kind of error."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise ApiError(method, path, 0, "Unreachable", reason) from error
    except ValueError as error:
        # A connection that breaks in the middle of a line leaves half of a JSON object.
        raise ApiError(method, path, 0, "Unreachable", f"broken answer: {error}") from error


__all__ = ["Client", "Json", "collection"]
