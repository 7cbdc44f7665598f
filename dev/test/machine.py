"""What a machine must have for a group of tests."""

import os
import shutil

from dev import system
from dev.commands import ask


def lacks(*groups: str) -> str:
    """Why this machine cannot run what needs these groups of packages; empty if it can."""
    packages = system.missing_packages(list(groups))
    if packages and not (os.geteuid() == 0 and shutil.which("apt-get")):
        return f"needs the packages {' '.join(packages)}, and root and apt-get to install them"
    if "cluster" not in groups:
        return ""
    if os.geteuid() != 0:
        return "the local cluster needs root"
    if ask("unshare", "--net", "--mount", "true").returncode != 0:
        return "the local cluster needs network and mount namespaces, which are forbidden here"
    return ""
