"""What a recorder asks an API server, answered by us: nothing else runs on the machine."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bench.api import Json
from contender.api.v1alpha1 import API_VERSION
from contender.core.audiences import Purpose, audience
from contender.recorder.access import REVIEW
from contender.recorder.keys import FIELD, SECRET
from dev.cluster.apiserver import free_port

NAMESPACE = "contender-system"
KEY = b"k" * 32


@asynccontextmanager
async def cluster(folder: Path, owners: Sequence[Json]) -> AsyncIterator[Path]:
    """Answer for a cluster with these ModelDeployments; yields a kubeconfig."""
    app = web.Application()
    models = f"/apis/{API_VERSION}/modeldeployments"
    secret = f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}"

    async def listed(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            while request.transport:
                await asyncio.sleep(0.2)
            return stream
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [*owners]})

    async def key(request: web.Request) -> web.Response:
        del request
        return web.json_response({"data": {FIELD: base64.b64encode(KEY).decode()}})

    async def review(request: web.Request) -> web.Response:
        asked = (await request.json())["spec"]
        claims = json.loads(base64.urlsafe_b64decode(asked["token"].split(".")[1]))
        user = {"username": f"system:serviceaccount:{claims['namespace']}:router"}
        status = {"authenticated": True, "audiences": asked["audiences"], "user": user}
        return web.json_response({"status": status})

    app.router.add_get(models, listed)
    app.router.add_get(secret, key)
    app.router.add_post(REVIEW, review)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield _kubeconfig(folder, f"http://127.0.0.1:{port}")
    finally:
        await runner.cleanup()


def token(purpose: Purpose, namespace: str, name: str = "") -> str:
    """Return a token for this purpose, which our cluster vouches for."""
    claims = {"aud": [audience(purpose, name)], "namespace": namespace}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode())
    return f"e30.{payload.decode()}.e30"


def _kubeconfig(folder: Path, server: str) -> Path:
    one = "bench"
    content: dict[str, Any] = {
        "clusters": [{"name": one, "cluster": {"server": server}}],
        "users": [{"name": one, "user": {}}],
        "contexts": [{"name": one, "context": {"cluster": one, "user": one}}],
        "current-context": one,
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file
