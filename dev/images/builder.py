"""Builds real Dockerfiles over the local base images, and imports them into the cluster.

A build stage may need the package registries as this machine reaches them. That set-up (settings of
pip and Go, certificates, folders of wheels) is mounted while building and stays out of the image.
"""

import ast
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import golang
from dev.commands import ask, run
from dev.console import say
from dev.files import exclusive
from dev.images import bases
from dev.images.buildah import buildah, image_id
from dev.paths import cache, state

BASE_ARGUMENTS = ("BUILD_BASE", "RUNTIME_BASE", "GO_BASE")
CERTIFICATES = "/etc/ssl/certs"
# Settings of Go that say how to reach modules; everything else is the toolchain's own business.
_GO_SETTINGS = (
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GOPRIVATE",
    "GONOPROXY",
    "GOINSECURE",
    "GOFLAGS",
)


def build(
    name: str, dockerfile: Path, context: Path, arguments: dict[str, str], target: str = ""
) -> bool:
    """Build an image; return whether it changed.

    Layers with unchanged inputs come from buildah's own cache, which makes this quick to repeat.
    """
    declared = re.findall(r"^ARG (\w+)", dockerfile.read_text(), re.MULTILINE)
    wanted = [base for base in BASE_ARGUMENTS if base in declared]
    settings = {base: bases.ensure(base) for base in wanted} | arguments
    options = [f"--build-arg={key}={value}" for key, value in settings.items()]
    if target:
        options.append(f"--target={target}")
    before = image_id(name)
    lock = cache() / "locks" / f"image-{name.replace('/', '_')}"
    with exclusive(lock, f"building {name}"), _machine_setup("GO_BASE" in wanted) as mounts:
        volumes = [f"--volume={volume}" for volume in mounts]
        fixed = ["--isolation=chroot", "--pull-never", "--layers", "--quiet", "--format=oci"]
        files = [f"--file={dockerfile}", f"--tag={name}", context]
        buildah("bud", *fixed, *options, *volumes, *files)
    changed = image_id(name) != before
    if changed:
        say(f"built {name}")
    return changed


def load(name: str) -> bool:
    """Import an image into the cluster's containerd; return False if the same one is there."""
    if _loaded_id(name) == image_id(name):
        return False
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        archive = Path(folder) / "image.tar"
        target = f"oci-archive:{archive}:{name}"
        buildah("push", "--quiet", "--disable-compression", name, target)
        _ctr("images", "import", archive)
    say(f"imported {name} into the cluster")
    return True


def cluster_has_containerd() -> bool:
    """Whether there is a containerd of the local cluster to import into."""
    return (state() / "containerd.sock").is_socket()


def _loaded_id(name: str) -> str | None:
    """The id of containerd's image of this name, which is the digest of its configuration."""
    _, *lines = _ctr("images", "list", f"name=={name}").splitlines()
    if not lines:
        return None
    manifest = json.loads(_ctr("content", "get", lines[0].split()[2]))
    digest: str = manifest["config"]["digest"]
    return digest.removeprefix("sha256:")


def _ctr(*arguments: object) -> str:
    address = f"--address={state() / 'containerd.sock'}"
    return run("ctr", address, "--namespace=k8s.io", *arguments)


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
            volumes.append(f"{value}:/mnt/{option}:ro")
            lines.append(f"{option} = /mnt/{option}")
        else:
            lines.append(f"{option} = {value}")
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return [f"{configuration}:/etc/pip.conf:ro", *volumes]


def _pip_settings() -> dict[str, str]:
    """What ``pip config list`` says, where the environment wins over files as in pip itself."""
    listing = ask(sys.executable, "-m", "pip", "config", "list").stdout
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.*)$", listing, re.MULTILINE)
    found.sort(key=lambda match: match[0] == ":env:")
    return {option: ast.literal_eval(value) for _, option, value in found}


def _go_setup(folder: Path) -> list[str]:
    """The toolchain, its settings, and this machine's module and build caches."""
    go = golang.find()
    answers = json.loads(run(go, "env", "-json"))
    settings = {key: answers[key] for key in _GO_SETTINGS if answers.get(key)}
    settings["GOTOOLCHAIN"] = "local"
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
