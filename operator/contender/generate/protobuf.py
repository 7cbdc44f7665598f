"""Protocol buffers: the Python modules of the messages that others send us."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path("operator")
SOURCES = (ROOT / "contender/recorder/als.proto",)
KINDS = ("_pb2.py", "_pb2.pyi")


def protobuf_modules(header: str) -> dict[str, str]:
    """Return the modules and their stubs by path in the checkout. Needs `grpc_tools`.

    Args:
        header: comment at the beginning of each.
    """
    found: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}"]
        targets = [f"--python_out={folder}", f"--pyi_out={folder}"]
        subprocess.run([*command, *targets, *map(str, SOURCES)], check=True)  # noqa: S603
        for source in SOURCES:
            for kind in KINDS:
                path = source.with_name(source.stem + kind)
                found[str(path)] = header + Path(folder, path.relative_to(ROOT)).read_text()
    return found
