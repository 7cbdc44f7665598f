"""Many ModelDeployments side by side: applied, played ready, and looked at as a whole."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.api import credentials
from bench.fleet import AT_ONCE, manifest, side_by_side
from tests.e2e.kube import KINDS, ApiRefusal, Json
from tests.scenarios.world import with_pods

_CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}


class Crowd:
    """An administrator's client for hundreds of objects at once."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path) -> AsyncIterator["Crowd"]:
        server, trust = credentials(kubeconfig)
        connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=trust)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(session, server)

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
        await self.ask("POST", where, manifest(name, spec), fieldValidation="Strict")

    async def replace_spec(self, namespace: str, name: str, spec: Json) -> None:
        """Say another spec, as a whole; whatever the operator writes to status meanwhile."""
        where = f"{collection('ModelDeployment', namespace)}/{name}"
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        await self.ask("PATCH", where, patch, "application/json-patch+json")

    async def accepts(self, spec: Json) -> bool:
        """Return whether the API server would store a spec."""
        where = collection("ModelDeployment", "default")
        try:
            await self.ask("POST", where, manifest("churn", spec), dryRun="All")
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
                    status = {"status": with_pods(deployment)}
                    await self.ask("PATCH", f"{where}/status", status)
            except ApiRefusal as refusal:
                if refusal.code != 404:  # the operator has deleted it in between
                    raise

        await side_by_side(play, await self.all("Deployment", namespace))


def _is_available(deployment: Json) -> bool:
    status: Json = deployment.get("status") or {}
    return status.items() >= with_pods(deployment).items()


def collection(kind: str, namespace: str) -> str:
    api_version, plural = KINDS[kind]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}"
