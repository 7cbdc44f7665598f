"""Calls buildah with a store of our own in the cache, apart from any images of the user's."""

import subprocess

from dev.console import Failure
from dev.paths import cache


def buildah(*arguments: object) -> str:
    """Run one buildah command and return what it prints."""
    store = cache() / "buildah"
    command = ["buildah", "--root", store / "root", "--runroot", store / "run", "--storage-driver", "overlay"]
    result = subprocess.run([str(word) for word in [*command, *arguments]], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"buildah {arguments[0]} failed:\n{result.stdout[-2000:]}{result.stderr[-3000:]}")
    return result.stdout.strip()


def image_id(name: str) -> str | None:
    """The id of an image in the store, or None."""
    try:
        return buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", name)
    except Failure:
        return None
