"""`contender recorder`: keeps what routers capture until it is stopped."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from contender.cli.command import SYSTEM_NAMESPACE, Command, Failure, log_options, own_namespace
from contender.recorder.intake import ROOM
from contender.router.names import RECORDER_HTTP_PORT, RECORDER_PORT

if TYPE_CHECKING:
    from contender.recorder.service import Settings

STORE = "/var/lib/contender/recorder.sqlite"
HOST = "0.0.0.0"  # noqa: S104 (in a pod)
HEALTH_PORT = 8081


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "recorder",
        help="keep requests, answers and feedback",
        description="Keeps what routers capture and callers tell, until it is stopped. In a pod it"
        " uses the service account, elsewhere the current context of KUBECONFIG.",
    )
    _store_options(command)
    command.add_argument(
        "--namespace",
        metavar="NAME",
        help="where the recorder itself runs (default: the pod's namespace, else"
        f" {SYSTEM_NAMESPACE})",
    )
    command.add_argument("--host", default=HOST, metavar="ADDRESS")
    command.add_argument(
        "--stream-port",
        type=int,
        default=RECORDER_PORT,
        metavar="PORT",
        help="where routers send what they capture, by gRPC (default: %(default)s)",
    )
    command.add_argument(
        "--http-port",
        type=int,
        default=RECORDER_HTTP_PORT,
        metavar="PORT",
        help="port of feedback, rows and statistics (default: %(default)s)",
    )
    command.add_argument(
        "--port",
        type=int,
        default=HEALTH_PORT,
        help="port of /healthz, /readyz and /metrics (default: %(default)s, 0: any free one)",
    )
    command.add_argument(
        "--room",
        type=_bytes,
        default=ROOM,
        metavar="BYTES",
        help="what may wait in memory to be stored; more is dropped and counted"
        " (default: %(default)s)",
    )
    log_options(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the recorder until SIGTERM or SIGINT."""
    import asyncio  # noqa: PLC0415

    from contender.cli.logs import set_up_logs  # noqa: PLC0415
    from contender.recorder.service import run_recorder  # noqa: PLC0415

    settings = _settings(arguments)
    set_up_logs(arguments.log_format, arguments.log_level)
    asyncio.run(run_recorder(settings))
    return 0


def _store_options(command: Command) -> None:
    store = command.add_mutually_exclusive_group()
    store.add_argument(
        "--store",
        metavar="LOCATION",
        help="a path, or a DSN such as postgresql://user@host/database. One with a password belongs"
        " into the environment as CONTENDER_STORE, or into --store-file: all users of a machine see"
        f" its command lines (default: {STORE})",
    )
    store.add_argument(
        "--store-file",
        type=Path,
        metavar="FILE",
        help="file that holds the location of the store, such as a mounted Secret",
    )


def _settings(arguments: argparse.Namespace) -> "Settings":
    from contender.recorder.service import Settings  # noqa: PLC0415

    return Settings(
        namespace=arguments.namespace or own_namespace() or SYSTEM_NAMESPACE,
        store=_store(arguments),
        host=arguments.host,
        stream_port=arguments.stream_port,
        http_port=arguments.http_port,
        health_port=arguments.port,
        room=arguments.room,
    )


def _store(arguments: argparse.Namespace) -> str:
    if arguments.store_file is None:
        return arguments.store or os.environ.get("CONTENDER_STORE") or STORE
    try:
        found: str = arguments.store_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        what = f"--store-file {arguments.store_file} cannot be read: {error}"
        raise Failure(what) from error
    if not found:
        what = f"--store-file {arguments.store_file} is empty: write a path or a DSN into it"
        raise Failure(what)
    return found


def _bytes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes above 0")
    return int(text)
