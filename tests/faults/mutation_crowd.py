"""Many ModelDeployments side by side: applied, played ready, and looked at as a whole."""

import asyncio
import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import yaml

from tests.e2e.kube import KINDS, ApiRefusal, Json

T = TypeVar("T")

AT_ONCE = 24
"""Requests side by side: more do not make a busy API server faster."""
_CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}


class Crowd:
    """An administrator's client for hundreds of objects at once."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path) -> AsyncIterator["Crowd"]:
        cluster, user = _read(kubeconfig)
        connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=_trust(cluster, user))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(session, cluster["server"])

    async def ask(
        self, method: str, path: str, body: object = None, content_type: str = "", **query: str
    ) -> Json:
        headers = {"Content-Type": content_type or _CONTENT_TYPES.get(method, "application/json")}
        async with self._session.request(
            method, self._server + path, json=body, params=query, headers=headers
        ) as answer:
            document: Json = json.loads(await answer.read())
            if answer.status >= 400:
                raise ApiRefusal(answer.status, document.get("message", ""))
            return document

    async def all(self, kind: str, namespace: str) -> list[Json]:
        found = await self.ask("GET", collection(kind, namespace))
        return [{**one, "kind": kind} for one in found["items"]]

    async def create(self, namespace: str, name: str, spec: Json) -> None:
        where = collection("ModelDeployment", namespace)
        await self.ask("POST", where, _manifest(name, spec), fieldValidation="Strict")

    async def replace_spec(self, namespace: str, name: str, spec: Json) -> None:
        """Say another spec, as a whole; whatever the operator writes to status meanwhile."""
        where = f"{collection('ModelDeployment', namespace)}/{name}"
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        await self.ask("PATCH", where, patch, "application/json-patch+json")

    async def accepts(self, spec: Json) -> bool:
        """Return whether the API server would store a spec."""
        where = collection("ModelDeployment", "default")
        try:
            await self.ask("POST", where, _manifest("churn", spec), dryRun="All")
        except ApiRefusal:
            return False
        return True

    async def play_controllers(self, namespace: str) -> None:
        """Be the autoscaler, which keeps to its least, and the Deployment controller: all pods
        that a Deployment asks for are available."""
        scaled = await self.all("HorizontalPodAutoscaler", namespace)
        least = {one["metadata"]["name"]: one["spec"]["minReplicas"] for one in scaled}

        async def play(deployment: Json) -> None:
            name = deployment["metadata"]["name"]
            where = f"{collection('Deployment', namespace)}/{name}"
            try:
                if deployment["spec"]["replicas"] < least.get(name, 0):
                    scale = {"spec": {"replicas": least[name]}}
                    await self.ask("PATCH", f"{where}/scale", scale)
                elif not _is_available(deployment):
                    status = {"status": _all_available(deployment)}
                    await self.ask("PATCH", f"{where}/status", status)
            except ApiRefusal as refusal:
                if refusal.code != 404:  # the operator has deleted it in between
                    raise

        await side_by_side(play, await self.all("Deployment", namespace))


def _is_available(deployment: Json) -> bool:
    status: Json = deployment.get("status") or {}
    return status.items() >= _all_available(deployment).items()


def _all_available(deployment: Json) -> Json:
    replicas = deployment["spec"]["replicas"]
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }


def _manifest(name: str, spec: Json) -> Json:
    return {
        "apiVersion": KINDS["ModelDeployment"][0],
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": spec,
    }


def collection(kind: str, namespace: str) -> str:
    api_version, plural = KINDS[kind]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}"


async def side_by_side(work: Callable[[T], Awaitable[object]], items: Iterable[T]) -> None:
    """Do something for all items, so many at a time."""
    line = iter(items)

    async def worker() -> None:
        for item in line:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


def _read(kubeconfig: Path) -> tuple[Json, Json]:
    content = yaml.safe_load(kubeconfig.read_text())
    return content["clusters"][0]["cluster"], content["users"][0]["user"]


def _trust(cluster: Json, user: Json) -> ssl.SSLContext:
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    trust = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        for part in ("client-certificate-data", "client-key-data"):
            both.write(base64.b64decode(user[part]) + b"\n")
        both.flush()
        trust.load_cert_chain(both.name)
    return trust
