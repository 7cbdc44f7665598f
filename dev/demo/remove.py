"""Takes away what the demo applied."""

from dev.console import say
from dev.demo.install import INSTALL, Kubectl
from dev.demo.names import EXAMPLES, NAMESPACE


def remove(kubectl: Kubectl) -> None:
    """Delete the models, then the operator, unless it serves models of somebody else."""
    deleting = ("delete", "--ignore-not-found", "--wait", "--timeout=180s")
    if kubectl.ask("get", "crd", "modeldeployments.contender.dev").returncode == 0:
        say(f"deleting the models and the namespace {NAMESPACE}")
        kubectl(*deleting, "-k", EXAMPLES / "version-2")
        if others := kubectl("get", "modeldeployments", "-A", "-o", "name"):
            count = len(others.splitlines())
            say(f"the operator stays: the cluster has {count} other ModelDeployments")
            return
    say("deleting the operator and its definitions")
    kubectl(*deleting, "-k", INSTALL)
    say("all that the demo applied is gone")
