"""The barest client: plain aiohttp, JSON in and out, no retries, nothing kept.

It is what the operator is compared with, and what plays the users.
"""

import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

Json = dict[str, Any]

LARGEST_LINE = 2**21
MERGE_PATCH = "application/merge-patch+json"


class Api:
    """Requests to an API server as the administrator of a kubeconfig; a context manager."""

    def __init__(self, kubeconfig: Path) -> None:
        self._server, self._trust = credentials(kubeconfig)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._trust),
            timeout=aiohttp.ClientTimeout(total=120),
            read_bufsize=LARGEST_LINE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str) -> Json:
        return await self._ask("GET", path, query=query)

    async def text(self, path: str) -> str:
        async with self._session.get(self._server + path) as answer:
            answer.raise_for_status()
            return await answer.text()

    async def create(self, path: str, body: Json) -> Json:
        return await self._ask("POST", path, body)

    async def patch(self, path: str, body: Json) -> Json:
        return await self._ask("PATCH", path, body, MERGE_PATCH)

    async def watch(self, path: str, version: str) -> AsyncIterator[Json]:
        query = {"watch": "true", "resourceVersion": version}
        patience = aiohttp.ClientTimeout(total=None)
        async with self._session.get(self._server + path, params=query, timeout=patience) as answer:
            while line := await answer.content.readline():
                yield json.loads(line)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        content_type: str = "application/json",
        query: dict[str, str] | None = None,
    ) -> Json:
        async with self._session.request(
            method,
            self._server + path,
            params=query,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type},
        ) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {raw.decode()}")
            content: Json = json.loads(raw)
            return content


def credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Return the server of a kubeconfig, and how the user of its certificate connects."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    trust = ssl.create_default_context(cadata=_content(cluster, "certificate-authority").decode())
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        both.write(_content(user, "client-certificate") + b"\n" + _content(user, "client-key"))
        both.flush()
        trust.load_cert_chain(both.name)
    return cluster["server"], trust


def _content(part: Json, name: str) -> bytes:
    """Return a certificate, which a kubeconfig names or holds."""
    if inline := part.get(f"{name}-data"):
        return base64.b64decode(inline)
    return Path(part[name]).read_bytes()
