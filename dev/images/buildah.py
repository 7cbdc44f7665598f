"""Calls buildah with a store of our own in the cache, apart from any images of the user's."""

from dev.commands import ask, run
from dev.paths import cache


def buildah(*arguments: object) -> str:
    """Run one buildah command and return what it prints."""
    return run(*_buildah(), *arguments)


def image_id(name: str) -> str | None:
    """The id of an image in the store, or None."""
    inspect = ["inspect", "--type", "image", "--format", "{{.FromImageID}}", name]
    answer = ask(*_buildah(), *inspect)
    return answer.stdout.strip() if answer.returncode == 0 else None


def _buildah() -> list[object]:
    store = cache() / "buildah"
    folders = ["--root", store / "root", "--runroot", store / "run"]
    return ["buildah", *folders, "--storage-driver", "overlay"]
