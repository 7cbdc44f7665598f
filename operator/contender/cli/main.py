"""`contender`: the entry point of every process of the project."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from contender import __version__
from contender.cli.logs import set_up_logs
from contender.controller.operator import run_operator
from contender.controller.settings import Settings
from contender.core.snapshot import ROUTER_IMAGE, Installation


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    arguments = _parser().parse_args(argv)
    set_up_logs(arguments.log_format, arguments.log_level)
    asyncio.run(run_operator(_settings(arguments)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="contender", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    operator = commands.add_parser(
        "operator",
        help="reconcile ModelDeployments",
        description="Reconciles ModelDeployments until it is stopped. In a pod it uses the service"
        " account, elsewhere the current context of KUBECONFIG.",
    )
    defaults = Settings()
    operator.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="watch only this namespace; may be repeated (default: all)",
    )
    operator.add_argument(
        "--lease",
        metavar="NAMESPACE/NAME",
        default=_own_lease(),
        help="write only while holding this Lease; empty: always"
        " (default: contender-operator in the pod's namespace, none outside of a pod)",
    )
    operator.add_argument(
        "--router-image",
        default=os.environ.get("CONTENDER_ROUTER_IMAGE", ROUTER_IMAGE),
        metavar="IMAGE",
        help="image of the router pods: Envoy 1.40 or later of the 1.x series, at"
        " /usr/local/bin/envoy (default: %(default)s)",
    )
    operator.add_argument("--workers", type=int, default=defaults.workers, metavar="N")
    operator.add_argument("--host", default=defaults.host, metavar="ADDRESS")
    operator.add_argument(
        "--port",
        type=int,
        default=defaults.port,
        help="port of /healthz, /readyz and /metrics (default: %(default)s, 0: any free one)",
    )
    operator.add_argument("--log-format", choices=("json", "text"), default="text")
    operator.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )
    return parser


def _own_lease() -> str:
    """Return the Lease that processes of one installation share."""
    namespace = _own_namespace()
    return f"{namespace}/contender-operator" if namespace else ""


def _own_namespace() -> str:
    """Return the namespace of our pod; empty outside of one."""
    namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return namespace.read_text().strip() if namespace.exists() else ""


def _settings(arguments: argparse.Namespace) -> Settings:
    namespace, _, name = arguments.lease.partition("/")
    return Settings(
        lease=(namespace, name) if name else None,
        namespaces=tuple(arguments.namespace),
        workers=arguments.workers,
        host=arguments.host,
        port=arguments.port,
        installation=Installation(arguments.router_image, _own_namespace()),
    )
