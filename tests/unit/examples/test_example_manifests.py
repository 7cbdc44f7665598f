"""kubectl kustomize renders the example manifests."""

import shutil
import subprocess
from pathlib import Path

import pytest

MANIFESTS = Path(__file__).parents[3] / "manifests" / "examples"


@pytest.mark.parametrize(("folder", "version"), [("", "1"), ("version-1", "1"), ("version-2", "2")])
def test_each_folder_renders_its_version(folder: str, version: str) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine")
    result = subprocess.run(
        ["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True, check=True
    )
    assert f"image: ghcr.io/contender-dev/examples/breast-cancer:{version}\n" in result.stdout
    assert "image: ghcr.io/contender-dev/examples/breast-cancer-go:1\n" in result.stdout
    assert result.stdout.count("kind: ModelDeployment\n") == 2
    assert result.stdout.count("namespace: contender-demo\n") == 2
