"""Asks router pods what configuration they work with, and what they have counted."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

import aiohttp

from contender.core import routers
from contender.core.manifest import Manifest
from contender.core.snapshot import Reading, Snapshot
from contender.kube.copies import Key
from contender.router.names import STATS_PORT
from contender.router.publish import have

PATIENCE_SECONDS = 2.0
"""How long a router may take to answer. It does so within milliseconds."""
LARGEST_ANSWER = 8 * 2**20
_LIVE = re.compile(r"cluster\.live_(.+)\.membership_healthy")
COUNTED = (
    "cluster\\.(arm|mirrored|shadow|live)_.*\\.upstream_rq_|access_logs\\.grpc_access_log\\.logs_"
)
"""What of the metrics is read, as Envoy's own filter."""


class RouterReader:
    """Reads the router pods of one endpoint after another."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[Key, dict[str, Reading]] = {}
        """By endpoint and process: what it said last."""

    async def read(self, snapshot: Snapshot, *, count: bool) -> Mapping[str, Reading]:
        """Return what each ready router says.

        Args:
            snapshot: which routers there are, and what they were given.
            count: whether their metrics are needed, too.
        """
        pods = {
            routers.process_of(pod): pod
            for pod in snapshot.router_pods()
            if routers.is_ready(pod) and pod["status"].get("podIP")
        }
        key = (snapshot.namespace, snapshot.name)
        before = self._known.get(key, {})
        given, named = routers.files(snapshot), routers.named(snapshot)
        readings: dict[str, Reading] = {}
        asked: list[str] = []
        for process in pods:
            known = before.get(process, Reading())
            if not count and have([known.versions], given) and named <= known.sees:
                readings[process] = known
            else:
                asked.append(process)
        told = await asyncio.gather(*(self._ask(pods[one], count=count) for one in asked))
        readings |= dict(zip(asked, told, strict=True))
        self._known[key] = {one: replace(said, scrape="") for one, said in readings.items()}
        if not readings:
            del self._known[key]
        return dict(sorted(readings.items()))

    async def _ask(self, pod: Manifest, *, count: bool) -> Reading:
        url = f"http://{pod['status']['podIP']}:{STATS_PORT}"
        try:
            reading = _reading(await self._get(f"{url}/versions", {}))
            if not count:
                return reading
            scrape = await self._get(f"{url}/stats/prometheus", {"filter": COUNTED})
            return replace(reading, scrape=scrape)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return Reading()

    async def _get(self, url: str, query: Mapping[str, str]) -> str:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        async with self._session.get(url, params=query) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise ValueError(f"{url} answers with more than {LARGEST_ANSWER} bytes")
            return body.decode()

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()


def _reading(text: str) -> Reading:
    """Return what Envoy's statistics say, one to a line."""
    said = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    if said.get("cluster_manager.warming_clusters", "0") != "0":
        return Reading()
    versions = {value.strip('"') for name, value in said.items() if name.endswith("version_text")}
    sees = {
        found[1]
        for name, value in said.items()
        if (found := _LIVE.fullmatch(name)) and value != "0"
    }
    return Reading(frozenset(versions - {""}), frozenset(sees))
