"""Puts the operator of this checkout into a cluster and waits until it acts."""

import json
import subprocess
import tomllib
from pathlib import Path

from dev.cluster import binaries
from dev.commands import ask, run
from dev.console import Failure, say
from dev.files import exclusive
from dev.images.buildah import image_id
from dev.paths import CHECKOUT, KUBECONFIG, cache

INSTALL = CHECKOUT / "manifests" / "install"
NAMESPACE = "contender-system"
DEPLOYMENTS = ("deployment/contender-operator", "deployment/contender-recorder")
CRDS = ("modeldeployments.contender.dev", "experiments.contender.dev")


class Kubectl:
    """kubectl of the cluster's version, with the kubeconfig that ``make cluster`` wrote."""

    def __init__(self) -> None:
        self.program = binaries.ensure("kubectl")["kubectl"]
        self._command = [self.program, f"--kubeconfig={KUBECONFIG}"]

    def __call__(self, *arguments: object, text: str | None = None) -> str:
        """Run it to success and return what it prints."""
        return run(*self._command, *arguments, text=text)

    def ask(self, *arguments: object, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it where failure is an answer too."""
        return ask(*self._command, *arguments, text=text)

    def command(self, *arguments: str) -> list[str]:
        """The command line, for what is to run in the background."""
        return [*map(str, self._command), *arguments]


def install(kubectl: Kubectl, *, local: bool) -> None:
    """Apply the manifests and wait until the operator is ready.

    Args:
        kubectl: reaches the cluster.
        local: the images come from this checkout: an operator from an older build is replaced.
    """
    with exclusive(cache() / "locks" / "install", "installing the operator"):
        kubectl("apply", "--server-side", "--force-conflicts", "-k", INSTALL)
        established = [f"crd/{crd}" for crd in CRDS]
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *established)
        if local and _outdated(kubectl):
            say("restarting operator and recorder: their image has changed")
            kubectl("-n", NAMESPACE, "rollout", "restart", *DEPLOYMENTS)
        for deployment in DEPLOYMENTS:
            status = ("rollout", "status", deployment, "--timeout=180s")
            answer = kubectl.ask("-n", NAMESPACE, *status)
            if answer.returncode != 0:
                pods = kubectl.ask("-n", NAMESPACE, "get", "pods").stdout
                why = f"{answer.stderr.strip()}\n{pods}"
                raise Failure(f"{deployment} does not become ready: {why}")


def operator_image() -> str:
    """The name under which the operator's image is built and deployed."""
    table = tomllib.loads((CHECKOUT / "dev" / "images" / "images.toml").read_text())
    name: str = next(
        row["name"] for row in table["image"] if Path(row["dockerfile"]) == Path("Dockerfile")
    )
    return name


def _outdated(kubectl: Kubectl) -> bool:
    """Whether an operator runs from another image than the one built last."""
    pods = json.loads(kubectl("-n", NAMESPACE, "get", "pods", "-o", "json"))["items"]
    running = {
        status["imageID"].removeprefix("sha256:")
        for pod in pods
        for status in pod["status"].get("containerStatuses") or []
        if status.get("imageID")
    }
    return bool(running - {image_id(operator_image())})
