"""kubectl kustomize renders the example manifests."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

MANIFESTS = Path(__file__).parents[3] / "manifests" / "examples"


def render(folder: str) -> str:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine")
    return subprocess.run(
        ["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    ("folder", "version"), [("", "1"), ("version-1", "1"), ("version-2", "2"), ("capture", "1")]
)
def test_each_folder_renders_its_version(folder: str, version: str) -> None:
    rendered = render(folder)
    assert f"image: ghcr.io/contender-dev/examples/breast-cancer:{version}\n" in rendered
    assert "image: ghcr.io/contender-dev/examples/breast-cancer-go:1\n" in rendered
    assert rendered.count("kind: ModelDeployment\n") == 2
    assert rendered.count("namespace: contender-demo\n") == 2


def test_the_job_of_the_captured_model_learns_from_a_truth_that_is_declared() -> None:
    specs = [one["spec"] for one in yaml.safe_load_all(render("capture")) if "spec" in one]
    (spec,) = (one for one in specs if "capture" in one)
    env = {one["name"]: one["value"] for one in spec["retraining"]["job"]["env"]}
    assert env["RECIPE"] == spec["model"]["version"]
    assert env["FEEDBACK"] in [one["name"] for one in spec["feedback"]]
