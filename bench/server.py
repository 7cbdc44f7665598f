"""The API server that is measured against. Its own counters tell which writes it carried out."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yaml

from bench.api import Api, Json
from dev.cluster.apiserver import ApiServer
from dev.paths import CHECKOUT

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES = "/api/v1/namespaces"
WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "APPLY": "patch", "DELETE": "delete"}
ASIDE = {"leases"}
"""The API server writes these by itself."""

_COUNTED = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@asynccontextmanager
async def fresh_server() -> AsyncIterator[tuple[ApiServer, Api]]:
    """Start an empty etcd and API server with our CRDs."""
    with ApiServer() as server:
        async with Api(server.kubeconfig) as api:
            for file in sorted((CHECKOUT / "crds").glob("*.dev.yaml")):
                await _install(api, yaml.safe_load(file.read_text()))
            yield server, api


async def _install(api: Api, crd: Json) -> None:
    await api.create(CRDS, crd)
    names, group = crd["spec"]["names"], crd["spec"]["group"]
    for version in crd["spec"]["versions"]:
        path = f"/apis/{group}/{version['name']}/{names['plural']}"
        while not await _is_served(api, path):
            await asyncio.sleep(0.1)


async def _is_served(api: Api, path: str) -> bool:
    try:
        await api.get(path)
    except RuntimeError:
        return False
    return True


async def make_namespace(api: Api, name: str) -> None:
    await api.create(NAMESPACES, {"metadata": {"name": name}})


async def writes(api: Api) -> Counter[str]:
    """Count the writes so far: `create deployments`, `patch modeldeployments/status`."""
    found: Counter[str] = Counter()
    for labels, count in _COUNTED.findall(await api.text("/metrics")):
        about = dict(_LABEL.findall(labels))
        verb = WRITES.get(about["verb"])
        resource = "/".join(filter(None, (about["resource"], about["subresource"])))
        if verb and about["code"].startswith("2") and resource not in ASIDE:
            found[f"{verb} {resource}"] += int(float(count))
    return found
