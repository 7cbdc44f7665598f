"""The machine that a bench ran on."""

import os
import platform
import re
from pathlib import Path

from bench.api import Json


def describe() -> Json:
    """Return what a reader needs to compare."""
    return {
        "cores": os.cpu_count(),
        "processor": _found(r"model name\s+: (.*)", Path("/proc/cpuinfo")),
        "memoryGB": round(int(_found(r"MemTotal:\s+(\d+)", Path("/proc/meminfo"))) / 1e6),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _found(pattern: str, file: Path) -> str:
    found = re.search(pattern, file.read_text())
    return found[1] if found else "0"
