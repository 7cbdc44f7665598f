"""Options that say where the recorder is, and what opens it."""

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contender.cli.command import SYSTEM_NAMESPACE, Command
from contender.router.names import RECORDER_HTTP_PORT

if TYPE_CHECKING:
    from contender.cli.asking import Token
    from contender.cli.tunnel import Kubectl

RECORDER = "contender-recorder"
"""Service and service account of the recorder."""
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Place:
    """What to ask."""

    url: str
    token: "Token"


def request_options(command: Command) -> None:
    """Declare with which token, and how long, the recorder is asked."""
    command.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file that holds a service account's token; read anew for each request"
        " (default: CONTENDER_TOKEN_FILE)",
    )
    command.add_argument(
        "--patience",
        type=_seconds,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long to try again when the recorder cannot be reached or is busy"
        " (default: %(default).0f)",
    )


def kubectl_options(command: Command) -> None:
    """Declare how kubectl finds the recorder."""
    command.add_argument(
        "--system-namespace",
        default=SYSTEM_NAMESPACE,
        metavar="NAME",
        help="where the recorder runs (default: %(default)s)",
    )
    command.add_argument("--context", default="", help="of the kubeconfig, for kubectl")


def token_file(arguments: argparse.Namespace) -> Path | None:
    """Return where the token is; None: nowhere."""
    named = os.environ.get("CONTENDER_TOKEN_FILE")
    return arguments.token_file or (Path(named) if named else None)


@asynccontextmanager
async def through(
    kubectl: "Kubectl", system_namespace: str, path: str, token: str
) -> AsyncIterator[Place]:
    """Open a way to the recorder through kubectl, and close it at the end."""
    async with kubectl.forwarded(RECORDER, system_namespace, RECORDER_HTTP_PORT) as base:
        yield Place(base + path, lambda: token)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found
