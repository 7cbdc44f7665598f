"""The Debian packages that the tools need: ``python3 -m dev.system`` installs what is missing.

Nothing is asked of the network when every program is there already.
"""

import argparse
import glob
import importlib.util
import os
import shutil
from pathlib import Path

from dev.commands import run
from dev.console import Failure, run_main, say

# A program, in PATH or where a pattern finds it, or a module of this Python -> the package that
# brings it.
GROUPS = {
    "python": {
        "import ensurepip": "python3-venv",
        "import pip": "python3-pip",
    },
    "apiserver": {
        "etcd": "etcd-server",
        "openssl": "openssl",
    },
    "cluster": {
        "containerd": "containerd",
        "runc": "runc",
        "/usr/lib/cni/bridge": "containernetworking-plugins",
        "iptables": "iptables",
        "conntrack": "conntrack",
        "curl": "curl",
        "ethtool": "ethtool",
        "socat": "socat",
        "ip": "iproute2",
        "sysctl": "procps",
        "nsenter": "util-linux",
        "mount": "mount",
        "modprobe": "kmod",
    },
    "postgres": {
        "/usr/lib/postgresql/*/bin/postgres": "postgresql",
    },
    "images": {
        "buildah": "buildah",
        "debootstrap": "debootstrap",
    },
}

NO_SERVER = Path("/etc/postgresql-common/createcluster.d/contender.conf")
"""Installing PostgreSQL starts a server, unless this says that nobody wants one."""

# A user's PATH often lacks the sbin folders that most of these programs live in.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def missing_packages(groups: list[str]) -> list[str]:
    """The packages of these groups that this machine does without."""
    wanted = {need: package for group in groups for need, package in GROUPS[group].items()}
    return sorted({package for need, package in wanted.items() if not _has(need)})


def ensure(*groups: str) -> None:
    """Install the missing packages of these groups, or say exactly what is missing."""
    packages = missing_packages(list(groups))
    if not packages:
        return
    command = f"apt-get update && apt-get install --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise Failure(
            f"programs of these Debian packages are missing: {' '.join(packages)}.\n"
            "There is no apt-get here; install your distribution's equivalents and run this again."
        )
    if os.geteuid() != 0:
        raise Failure(f"packages are missing and you are not root; run\n  sudo sh -c '{command}'")
    say(f"installing {' '.join(packages)}")
    if "postgresql" in packages:
        NO_SERVER.parent.mkdir(parents=True, exist_ok=True)
        NO_SERVER.write_text("create_main_cluster = false\n")
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *packages)


def require_root(what: str) -> None:
    """Namespaces, mounts and cgroups of the node and of image builds need root."""
    if os.geteuid() != 0:
        raise Failure(f"{what} needs root; run it again with sudo -E")


def program(need: str) -> str | None:
    """The path of a program; of one with a pattern the last that fits, or the one in PATH."""
    if "*" in need:
        return max(glob.glob(need), default=None) or shutil.which(Path(need).name)
    return shutil.which(need)


def _has(need: str) -> bool:
    module = need.removeprefix("import ")
    if module != need:
        return importlib.util.find_spec(module) is not None
    return program(need) is not None


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ["-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    run("apt-get", *options, *arguments, env=environment)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.system", description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=", ".join(GROUPS))
    arguments = parser.parse_args()
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group: {', '.join(sorted(unknown))}")
    ensure(*arguments.groups)
    say("all system packages are installed")


if __name__ == "__main__":
    run_main(main)
