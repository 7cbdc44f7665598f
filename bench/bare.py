"""The baseline: a client that knows beforehand what to write, and only writes it.

The bodies are those of the operator: rendered by its pure core before the clock starts.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bench.api import Api, Json
from bench.fleet import collection, manifest, side_by_side
from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.core.children import CHILDREN
from contender.core.diff import Create, diff
from contender.core.plan import make_plan
from contender.core.snapshot import Snapshot
from contender.core.status import make_status
from contender.kube.client import collection as path_of


@dataclass(frozen=True)
class Scripted:
    """All writes for one ModelDeployment."""

    owner: Json
    children: tuple[tuple[str, Json], ...]
    """Path of the collection, and body."""
    status: Json


def script(namespace: str, name: str) -> Scripted:
    """Render what the operator would write for a new ModelDeployment."""
    owner = manifest(name)
    live = copy.deepcopy(owner)
    live["metadata"] |= {
        "namespace": namespace,
        "uid": "to be known",
        "generation": 1,
        "resourceVersion": "1",
    }
    snapshot = Snapshot(
        owner=live,
        spec=ModelDeploymentSpec.model_validate(live["spec"]),
        now=datetime.now(UTC).replace(microsecond=0),
    )
    writes = diff(snapshot, make_plan(snapshot), CHILDREN)
    bodies = [copy.deepcopy(write.manifest) for write in writes]
    made = replace(snapshot, children=tuple(bodies))
    assert all(isinstance(write, Create) for write in writes)
    return Scripted(
        owner=owner,
        children=tuple(
            (
                path_of(write.child.resource.api_version, write.child.resource.plural, namespace),
                body,
            )
            for write, body in zip(writes, bodies, strict=True)
        ),
        status=make_status(made, make_plan(made, may_act=False), None),
    )


async def play(api: Api, namespace: str, scripts: Iterable[Scripted], at_once: int) -> None:
    """Create ModelDeployments, their children and their statuses: `at_once` side by side, the
    writes of one in their order."""
    path = collection(namespace)

    async def one(scripted: Scripted) -> None:
        owner = await api.create(path, scripted.owner)
        for where, body in scripted.children:
            body["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"]
            await api.create(where, body)
        version = {"resourceVersion": owner["metadata"]["resourceVersion"]}
        about = f"{path}/{owner['metadata']['name']}/status"
        await api.patch(about, {"metadata": version, "status": scripted.status})

    await side_by_side(one, scripts, at_once)
