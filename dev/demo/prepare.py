"""Brings up what everything else needs: binaries, images and the local cluster."""

import hashlib
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor

from dev.console import Failure
from dev.files import write
from dev.images import builder
from dev.images.buildah import image_id
from dev.paths import CHECKOUT, cache

_IMAGES = CHECKOUT / "dev" / "images" / "images.toml"
_INPUTS = ("Dockerfile", "requirements", "operator", "examples", "dev/images")
"""All that the images are built from."""


def prepare() -> None:
    """Build what is missing, side by side, and start the cluster with its images."""
    tool("dev.system", "python", "apiserver", "cluster", "images")
    with ThreadPoolExecutor() as both:
        jobs = [both.submit(tool, "dev.cluster", "build"), both.submit(build_images)]
        for job in jobs:
            job.result()
    start()


def start() -> None:
    """Start the cluster and put the images of this checkout into it."""
    tool("dev.cluster", "up")
    build_images()
    for name in _names():
        builder.load(name)


def tool(module: str, *arguments: str) -> None:
    """Run one of our tools; it tells its own progress."""
    command = [sys.executable, "-m", module, *arguments]
    if subprocess.run(command, cwd=CHECKOUT, check=False).returncode != 0:
        raise Failure(f"{' '.join(command[1:])} failed, see above")


def build_images() -> None:
    """Build the images, unless nothing that they are built from has changed since the last time.

    Asking buildah costs some seconds per image, even when every layer comes from its cache.
    """
    record, inputs = cache() / "images-built-from", _fingerprint()
    known = record.read_text() if record.exists() else ""
    if known != _record(inputs):
        tool("dev.images", "all", "--build-only")
        write(record, _record(inputs))


def _record(inputs: str) -> str:
    """What the images were built from and which ones they are: others may build them, too."""
    return "\n".join([inputs, *(f"{name} {image_id(name)}" for name in _names())])


def _names() -> list[str]:
    return [row["name"] for row in tomllib.loads(_IMAGES.read_text())["image"]]


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in _INPUTS:
        start = CHECKOUT / name
        files = [start] if start.is_file() else sorted(start.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                path = os.path.relpath(file, CHECKOUT)
                digest.update(f"{path}\0{file.stat().st_mode}\0".encode() + file.read_bytes())
    return digest.hexdigest()
