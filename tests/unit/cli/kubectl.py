"""What a kubectl that is none was asked for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Kubectl:
    """A program that plays kubectl; see kubectl_program.py."""

    program: Path
    log: Path
    objects: Path
    """Folder of the objects that it knows."""

    @property
    def calls(self) -> list[list[str]]:
        """Arguments of each call."""
        return [one["arguments"] for one in self._lines()]

    def has(self, kind: str, name: str, manifest: dict[str, Any]) -> None:
        """Let it know an object."""
        (self.objects / f"{kind}.{name}.json").write_text(json.dumps(manifest))

    @property
    def processes(self) -> list[int]:
        return [one["pid"] for one in self._lines()]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]
