"""`contender operator`: reconciles ModelDeployments until it is stopped."""

import argparse
import os
from typing import TYPE_CHECKING

from contender.cli.command import Command, log_options, own_namespace

if TYPE_CHECKING:
    from contender.controller.settings import Settings


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "operator",
        help="reconcile ModelDeployments",
        description="Reconciles ModelDeployments until it is stopped. In a pod it uses the service"
        " account, elsewhere the current context of KUBECONFIG.",
    )
    command.options = _options
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the operator until SIGTERM or SIGINT."""
    import asyncio  # noqa: PLC0415

    from contender.cli.logs import set_up_logs  # noqa: PLC0415
    from contender.controller.operator import run_operator  # noqa: PLC0415

    set_up_logs(arguments.log_format, arguments.log_level)
    asyncio.run(run_operator(_settings(arguments)))
    return 0


def _options(command: Command) -> None:
    from contender.controller.settings import Settings  # noqa: PLC0415
    from contender.core.snapshot import ROUTER_IMAGE  # noqa: PLC0415

    defaults = Settings()
    command.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="watch only this namespace; may be repeated (default: all)",
    )
    command.add_argument(
        "--lease",
        metavar="NAMESPACE/NAME",
        default=_own_lease(),
        help="write only while holding this Lease; empty: always"
        " (default: contender-operator in the pod's namespace, none outside of a pod)",
    )
    command.add_argument(
        "--router-image",
        default=os.environ.get("CONTENDER_ROUTER_IMAGE", ROUTER_IMAGE),
        metavar="IMAGE",
        help="image of the router pods: Envoy 1.40 or later of the 1.x series, at"
        " /usr/local/bin/envoy (default: %(default)s)",
    )
    command.add_argument(
        "--recorder",
        metavar="HOST",
        default=_own_recorder(),
        help="DNS name of the recorder's Service; empty: there is none, and nothing is captured"
        " (default: contender-recorder in the pod's namespace, none outside of a pod)",
    )
    command.add_argument("--workers", type=int, default=defaults.workers, metavar="N")
    command.add_argument("--host", default=defaults.host, metavar="ADDRESS")
    command.add_argument(
        "--port",
        type=int,
        default=defaults.port,
        help="port of /healthz, /readyz and /metrics (default: %(default)s, 0: any free one)",
    )
    log_options(command)


def _own_lease() -> str:
    """Return the Lease that processes of one installation share."""
    namespace = own_namespace()
    return f"{namespace}/contender-operator" if namespace else ""


def _own_recorder() -> str:
    """Return the recorder of this installation."""
    namespace = own_namespace()
    return f"contender-recorder.{namespace}.svc" if namespace else ""


def _settings(arguments: argparse.Namespace) -> "Settings":
    from contender.controller.settings import Settings  # noqa: PLC0415
    from contender.core.snapshot import Installation  # noqa: PLC0415

    namespace, _, name = arguments.lease.partition("/")
    return Settings(
        lease=(namespace, name) if name else None,
        namespaces=tuple(arguments.namespace),
        workers=arguments.workers,
        host=arguments.host,
        port=arguments.port,
        installation=Installation(arguments.router_image, own_namespace(), arguments.recorder),
    )
