"""Objects as a version of the operator left them: read from and written to files."""

from pathlib import Path

import yaml

from contender.kube.client import encode
from tests.e2e.kube import Json, _path
from tests.scenarios.world import CHILD_KINDS, World

FOLDER = Path(__file__).parent
_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Metadata that each API server gives anew."""


def versions() -> list[str]:
    """Return the versions of which objects are stored."""
    return sorted(one.name for one in FOLDER.iterdir() if one.is_dir() and one.name[0].isdigit())


def save(world: World, version: str, name: str) -> None:
    """Write a ModelDeployment and all its children to a file."""
    owner = world.the("ModelDeployment", name)
    children = [
        world.the(kind, child)
        for kind in CHILD_KINDS
        for child in world.children(name).get(kind, [])
    ]
    bare = [_bare(one) for one in (owner, *children)]
    text = yaml.safe_dump_all(bare, sort_keys=True, allow_unicode=True, width=100)
    text = text.replace(owner["metadata"]["uid"], "UID").replace(world.namespace, "NAMESPACE")
    folder = FOLDER / version
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def load(world: World, version: str) -> list[str]:
    """Store all objects of a version in a namespace; return the names of the ModelDeployments."""
    files = sorted((FOLDER / version).glob("*.yaml"))
    for file in files:
        text = file.read_text().replace("NAMESPACE", world.namespace)
        owner = _store(world, next(iter(yaml.safe_load_all(text))))
        text = text.replace("UID", owner["metadata"]["uid"])
        for child in [*yaml.safe_load_all(text)][1:]:
            _store(world, child)
    return [file.stem for file in files]


def _store(world: World, manifest: Json) -> Json:
    """Create one object; its status, which speaks of generation 1, comes after it."""
    status = manifest.pop("status", None)
    stored = _create(world, manifest)
    if status:
        kind, name = stored["kind"], stored["metadata"]["name"]
        stored = world.patch(kind, name, {"status": _of_first_generation(status)}, "status")
    return stored


def _create(world: World, manifest: Json) -> Json:
    """Create an object byte for byte as the operator does: the data of a record must never change
    afterwards, and are compared so."""
    kube, folder = world.kube, _path(manifest["kind"], world.namespace)
    headers = {"Content-Type": "application/json"}
    answer = kube._session.post(kube._url + folder, data=encode(manifest), headers=headers)
    assert answer.status_code == 201, answer.text
    stored: Json = answer.json()
    return stored


def _bare(manifest: Json) -> Json:
    """Leave out what each API server sets by itself."""
    metadata = {key: one for key, one in manifest["metadata"].items() if key not in _OF_THE_SERVER}
    bare = {**manifest, "metadata": metadata}
    spec = dict(bare.get("spec") or {})
    if spec.get("clusterIP") not in (None, "None"):
        del spec["clusterIP"], spec["clusterIPs"]
    if manifest["kind"] == "Job":
        del spec["selector"]
        labels = spec["template"]["metadata"]["labels"]
        ours = {key: one for key, one in labels.items() if not _is_of_a_job(key)}
        spec["template"] = {**spec["template"], "metadata": {"labels": ours}}
        del metadata["labels"]
        metadata["labels"] = {
            key: one for key, one in manifest["metadata"]["labels"].items() if not _is_of_a_job(key)
        }
    return {**bare, "spec": spec} if spec else bare


def _is_of_a_job(label: str) -> bool:
    return label.startswith("batch.kubernetes.io/") or label in ("controller-uid", "job-name")


def _of_first_generation(status: Json) -> Json:
    told: Json = {
        key: [{**entry, **_first(entry)} for entry in value] if key == "conditions" else value
        for key, value in status.items()
    }
    return {**told, **_first(told)}


def _first(told: Json) -> Json:
    return {"observedGeneration": 1} if "observedGeneration" in told else {}
