"""Command line of ``make demo`` and ``make demo-down``."""

import argparse
import os
import sys

from dev import system
from dev.console import run_main, say
from dev.demo import prepare
from dev.demo.install import Kubectl, install
from dev.demo.names import EXPERIMENT, NAMESPACE, OBJECT
from dev.demo.remove import remove
from dev.demo.show import Show
from dev.paths import KUBECONFIG


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.demo", description=__doc__)
    parser.add_argument("--context", default="", help="use this cluster of your kubeconfig")
    parser.add_argument("--remove", action="store_true", help="remove what the demo applied")
    arguments = parser.parse_args()
    if arguments.context:
        prepare.tool("dev.cluster", "up", "--context", arguments.context)
    if arguments.remove:
        _remove()
        return
    if not arguments.context:
        system.require_root("the local cluster (CONTEXT=name uses one of yours)")
        prepare.prepare()
    else:
        say("your nodes will pull the images named in manifests/: push them there if they are not")
    kubectl = Kubectl()
    say("installing the operator")
    install(kubectl, local=not arguments.context)
    Show(kubectl, local=not arguments.context).play()
    _say_what_next(kubectl)


def _say_what_next(kubectl: Kubectl) -> None:
    print(f"""
Look around:
  export KUBECONFIG={KUBECONFIG}
  alias kubectl={kubectl.program}
  kubectl -n {NAMESPACE} get mdep,mexp -o wide
  kubectl -n {NAMESPACE} describe {OBJECT}
  kubectl -n {NAMESPACE} describe {EXPERIMENT}
  kubectl -n {NAMESPACE} get pods,services,hpa,pdb,cronjobs,controllerrevisions
  kubectl -n {NAMESPACE} get events --field-selector involvedObject.kind=ModelDeployment
  contender report {EXPERIMENT.removeprefix("mexp/")} -n {NAMESPACE}  # after pip install .
  kubectl explain mdep.spec.model
  kubectl -n {NAMESPACE} annotate {OBJECT} --overwrite contender.dev/retrain="$(date +%s)"
  kubectl -n contender-system logs deploy/contender-operator

Remove it:
  make demo-down       what this demo applied
  make cluster-down    the local cluster""")


def _remove() -> None:
    if not KUBECONFIG.exists():
        say(f"nothing to remove: there is no {os.path.relpath(KUBECONFIG)}")
        return
    remove(Kubectl())


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run_main(main)
