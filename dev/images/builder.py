"""Builds real Dockerfiles over the local base images and hands the result to the cluster's containerd.

A build stage may need the package registries as this machine reaches them. That set-up (pip's and Go's
settings, certificates, folders of wheels) is mounted while building and never becomes part of an image.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import golang
from dev.console import Failure, say
from dev.files import exclusive
from dev.images import bases
from dev.images.buildah import buildah, image_id
from dev.paths import cache, state

BASE_ARGUMENTS = ("BUILD_BASE", "RUNTIME_BASE", "GO_BASE")
CERTIFICATES = "/etc/ssl/certs"
# Settings of Go that say how to reach modules; everything else is the toolchain's own business.
_GO_SETTINGS = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE", "GOFLAGS")


def build(name: str, dockerfile: Path, context: Path, arguments: dict[str, str], target: str = "") -> bool:
    """Build an image; return whether it changed. Layers with unchanged inputs come from buildah's own cache."""
    text = dockerfile.read_text()
    wanted = [base for base in BASE_ARGUMENTS if re.search(rf"^ARG {base}\b", text, re.MULTILINE)]
    settings = {base: bases.ensure(base) for base in wanted} | arguments
    options = [f"--build-arg={key}={value}" for key, value in settings.items()]
    if target:
        options.append(f"--target={target}")
    before = image_id(name)
    with exclusive(cache() / "locks" / f"image-{name.replace('/', '_')}", f"building {name}"):
        with _machine_setup("GO_BASE" in wanted) as mounts:
            volumes = [f"--volume={volume}" for volume in mounts]
            fixed = ["--isolation=chroot", "--pull-never", "--layers", "--quiet", "--format=oci"]
            buildah("bud", *fixed, *options, *volumes, f"--file={dockerfile}", f"--tag={name}", context)
    changed = image_id(name) != before
    if changed:
        say(f"built {name}")
    return changed


def load(name: str) -> bool:
    """Import an image of the store into the cluster's containerd; return False if the same one is there."""
    if _loaded_id(name) == image_id(name):
        return False
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        archive = Path(folder) / "image.tar"
        buildah("push", "--quiet", "--disable-compression", name, f"oci-archive:{archive}:{name}")
        _ctr("images", "import", archive)
    say(f"imported {name} into the cluster")
    return True


def cluster_has_containerd() -> bool:
    """Whether there is a containerd of the local cluster to import into."""
    return (state() / "containerd.sock").is_socket()


def _loaded_id(name: str) -> str | None:
    """The id of the image that containerd has under this name: the digest of its configuration."""
    for line in _ctr("images", "list", f"name=={name}").splitlines()[1:]:
        manifest = json.loads(_ctr("content", "get", line.split()[2]))
        return manifest["config"]["digest"].removeprefix("sha256:")
    return None


def _ctr(*arguments: object) -> str:
    command = ["ctr", f"--address={state() / 'containerd.sock'}", "--namespace=k8s.io", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"ctr {' '.join(command[3:5])} failed: {result.stderr.strip()}")
    return result.stdout


@contextmanager
def _machine_setup(with_go: bool) -> Iterator[list[str]]:
    """Yield the volumes that let a build reach the registries like this machine does."""
    with tempfile.TemporaryDirectory() as folder:
        volumes = [f"{CERTIFICATES}:{CERTIFICATES}:ro"] if os.path.isdir(CERTIFICATES) else []
        volumes += _pip_setup(Path(folder))
        if with_go:
            volumes += _go_setup(Path(folder))
        yield volumes


def _pip_setup(folder: Path) -> list[str]:
    """One pip.conf from all of pip's settings here, and the local files and folders it names."""
    lines, volumes = ["[global]"], []
    for option, value in _pip_settings().items():
        if os.path.isabs(value) and not value.startswith(CERTIFICATES):
            inside = f"/mnt/{option}"
            volumes.append(f"{value}:{inside}:ro")
            value = inside
        lines.append(f"{option} = {value}")
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return [f"{configuration}:/etc/pip.conf:ro", *volumes]


def _pip_settings() -> dict[str, str]:
    """What ``pip config list`` says, where the environment wins over files as in pip itself."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.*)$", listing, re.MULTILINE)
    found.sort(key=lambda match: match[0] == ":env:")
    return {option: ast.literal_eval(value) for _, option, value in found}


def _go_setup(folder: Path) -> list[str]:
    """The toolchain, its settings, and this machine's module and build caches."""
    go = golang.find()
    answers = json.loads(subprocess.run([go, "env", "-json"], check=True, capture_output=True, text=True).stdout)
    settings = {key: answers[key] for key in _GO_SETTINGS if answers.get(key)} | {"GOTOOLCHAIN": "local"}
    configuration = folder / "go-env"
    configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    caches = {answers["GOMODCACHE"]: "/go/pkg/mod", answers["GOCACHE"]: "/root/.cache/go-build"}
    for cache_folder in caches:
        Path(cache_folder).mkdir(parents=True, exist_ok=True)
    return [
        f"{golang.root(go)}:/usr/local/go:ro",
        f"{configuration}:/root/.config/go/env:ro",
        *(f"{outside}:{inside}" for outside, inside in caches.items()),
    ]
