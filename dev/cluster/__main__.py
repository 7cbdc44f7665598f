"""Command line of ``make cluster`` and ``make cluster-down``."""

import argparse
import os

from dev.cluster import binaries
from dev.cluster.node import Node
from dev.commands import ask
from dev.console import Failure, run_main, say
from dev.files import write
from dev.paths import KUBECONFIG


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.cluster")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the local cluster, or check a context of your own")
    up.add_argument(
        "--context", default="", help="use this context of your kubeconfig, start nothing"
    )
    commands.add_parser("down", help="stop the local cluster and delete its state")
    commands.add_parser("build", help="only build the binaries, ahead of everything else")
    commands.add_parser("kubectl-path", help="print where the matching kubectl is")
    inside = commands.add_parser("in-node", help="run a command in the node's network")
    inside.add_argument("argv", nargs=argparse.REMAINDER)

    arguments = parser.parse_args()
    if arguments.command == "up" and arguments.context:
        _use_context(arguments.context)
    elif arguments.command == "up":
        Node().up()
        _say_how_to_use_it()
    elif arguments.command == "down":
        Node().down()
        say("the cluster is gone")
    elif arguments.command == "build":
        binaries.ensure(*binaries.BINARIES)
        say("all binaries are built")
    elif arguments.command == "kubectl-path":
        print(binaries.ensure("kubectl")["kubectl"])
    else:
        command = Node().command_inside(arguments.argv)
        os.execvp(command[0], command)


def _use_context(context: str) -> None:
    """Check a cluster that the user has, and write the kubeconfig that everything else reads."""
    kubectl = str(binaries.ensure("kubectl")["kubectl"])
    view = [kubectl, "config", "view", "--minify", "--flatten", f"--context={context}"]
    found = ask(*view, env=_users_own_environment())
    if found.returncode != 0:
        raise Failure(f"kubectl knows no context {context}: {found.stderr.strip()}")
    write(KUBECONFIG, found.stdout, mode=0o600)
    options = [f"--kubeconfig={KUBECONFIG}", "--request-timeout=10s"]
    answer = ask(kubectl, *options, "get", "--raw", "/readyz")
    if answer.returncode != 0:
        raise Failure(f"the cluster of {context} does not answer: {answer.stderr.strip()}")
    say(f"the cluster of context {context} answers")
    _say_how_to_use_it()


def _users_own_environment() -> dict[str, str]:
    """The environment without our kubeconfig, which the Makefile sets and which is to be made."""
    ours = os.environ.get("KUBECONFIG") == str(KUBECONFIG)
    return {key: value for key, value in os.environ.items() if key != "KUBECONFIG" or not ours}


def _say_how_to_use_it() -> None:
    say(f"use it with: export KUBECONFIG={os.path.relpath(KUBECONFIG, os.getcwd())}")


if __name__ == "__main__":
    run_main(main)
