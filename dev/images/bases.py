"""Local stand-ins for the public base images, made with debootstrap from apt's own mirror.

========  ============================================  ==============
local     stands in for                                 build argument
========  ============================================  ==============
runtime   gcr.io/distroless/python3-debian12:nonroot    RUNTIME_BASE
build     docker.io/library/python:3.11-slim-bookworm   BUILD_BASE
golang    docker.io/library/golang:1.24-bookworm        GO_BASE
========  ============================================  ==============
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.commands import run
from dev.console import say
from dev.files import exclusive
from dev.images.buildah import buildah, image_id
from dev.paths import cache

SUITE = "bookworm"
RECIPE = 1  # raise it when a base is to be made differently: existing ones are used as they are
RUNTIME_PACKAGES = ("python3", "ca-certificates", "tzdata", "netbase")
BUILD_PACKAGES = (*RUNTIME_PACKAGES, "python3-pip", "python3-venv")
NONROOT = 65532
# What debootstrap copies from this machine: its name, its name server and its mirror.
_OF_THIS_MACHINE = ("etc/hostname", "etc/resolv.conf", "etc/apt/sources.list")
_UNNEEDED = (
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)


def ensure(argument: str) -> str:
    """Return the base image that a build argument asks for, made first if the store lacks it."""
    name, make = {
        "RUNTIME_BASE": ("runtime", _make_runtime),
        "BUILD_BASE": ("build", _make_build),
        "GO_BASE": ("golang", _make_golang),
    }[argument]
    image = f"localhost/contender-dev/{name}:{SUITE}-{RECIPE}"
    with exclusive(cache() / "locks" / f"base-{name}", f"the base image {name}"):
        if image_id(image) is None:
            make(image)
    return image


def _make_runtime(image: str) -> None:
    with _container("scratch") as container:
        root = _debootstrap(container, RUNTIME_PACKAGES)
        _add_user(root)
        user = ["--user", NONROOT, "--workingdir", "/home/nonroot"]
        entrypoint = ["--entrypoint", '["/usr/bin/python3"]']
        buildah("config", *user, "--env", "LANG=C.UTF-8", *entrypoint, container)
        buildah("commit", container, image)


def _make_build(image: str) -> None:
    with _container("scratch") as container:
        root = _debootstrap(container, BUILD_PACKAGES)
        # Debian keeps pip out of its own site-packages; the image it stands in for does not.
        (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
        (root / "usr/bin/python").symlink_to("python3")
        (root / "etc/pip.conf").touch()  # the builder mounts this machine's settings over it
        buildah("config", "--env", "LANG=C.UTF-8", "--cmd", "python3", container)
        buildah("commit", container, image)


def _make_golang(image: str) -> None:
    """The toolchain itself is mounted while building, so this is only its surroundings."""
    with _container(ensure("RUNTIME_BASE")) as container:
        path = "/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        settings = ["--env", f"PATH={path}", "--env", "GOPATH=/go", "--entrypoint", "[]"]
        user = ["--user", "root", "--workingdir", "/go"]
        buildah("config", *settings, *user, "--cmd", "bash", container)
        buildah("commit", container, image)


@contextmanager
def _container(base: str) -> Iterator[str]:
    container = buildah("from", "--pull-never", base)
    try:
        yield container
    finally:
        buildah("rm", container)


def _debootstrap(container: str, packages: tuple[str, ...]) -> Path:
    say(f"making a Debian {SUITE} base with {', '.join(packages)} (about 50 s)")
    root = Path(buildah("mount", container))
    downloads = cache() / "debs"
    downloads.mkdir(parents=True, exist_ok=True)
    include = f"--include={','.join(packages)}"
    options = ["--variant=minbase", include, f"--cache-dir={downloads}"]
    run("debootstrap", *options, SUITE, root, *_mirror())
    for folder in _UNNEEDED:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)
    for file in _OF_THIS_MACHINE:
        (root / file).write_text("")
    return root


def _mirror() -> list[str]:
    """The mirror that apt uses for the suite; none leaves debootstrap its own default."""
    fields = "$(REPO_URI) $(ORIGIN) $(CODENAME)"
    listing = run("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    for line in listing.splitlines():
        address, *rest = line.split()
        if rest == ["Debian", SUITE]:
            return [address]
    return []


def _add_user(root: Path) -> None:
    """The user that the distroless image runs as."""
    home = root / "home/nonroot"
    home.mkdir()
    shutil.chown(home, NONROOT, NONROOT)
    for file, line in {
        "etc/passwd": f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n",
        "etc/group": f"nonroot:x:{NONROOT}:\n",
    }.items():
        with (root / file).open("a") as handle:
            handle.write(line)
