"""`contender export`: rows with what turned out to be true, as training data."""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from contender.cli.command import Command, Failure, Misuse
from contender.cli.connection import (
    Place,
    kubectl_options,
    request_options,
    through,
    token_file,
)
from contender.cli.moments import moment, written
from contender.cli.output import STDOUT, sink

if TYPE_CHECKING:
    from contender.cli.progress import Progress

AUDIENCE = "rows.contender.dev/"
ACCOUNT = "default"
SILENCE_SECONDS = 600.0
"""The recorder may search long for a row that fits."""
FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "export",
        help="read rows joined with feedback",
        description="Writes the rows of a ModelDeployment, joined with feedback, as JSON Lines or"
        " Parquet. Without a URL it goes through kubectl: it forwards a port to the recorder, and"
        " makes a token of the service account default in the namespace of the ModelDeployment.",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="of the ModelDeployment")
    command.add_argument(
        "-n", "--namespace", help="of the ModelDeployment (default: that of the kubeconfig)"
    )
    command.add_argument(
        "--url",
        help="of the rows: .../v1/namespaces/NAMESPACE/modeldeployments/NAME/rows"
        " (default without NAME: CONTENDER_ROWS_URL)",
    )
    request_options(command)
    kubectl_options(command)
    for bound, about in (("since", "not older than"), ("until", "older than")):
        command.add_argument(
            f"--{bound}",
            type=moment,
            metavar="MOMENT",
            help=f"only rows {about} this: 2026-01-31T12:00:00Z, or 24h (ago)",
        )
    for name, about in (("version", "served by this version"), ("labelled", "with this feedback")):
        command.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="VERSION" if name == "version" else "FEEDBACK",
            help=f"only rows {about}; several: separated by commas, or repeated",
        )
    command.add_argument(
        "--format", choices=("jsonl", "parquet"), help="default: by suffix of -o, else jsonl"
    )
    command.add_argument(
        "-o", "--output", default=STDOUT, metavar="FILE", help="-: standard output (default)"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write all rows."""
    from contender.cli.progress import Progress, size  # noqa: PLC0415
    from contender.cli.running import run_to_end  # noqa: PLC0415

    arguments.url = arguments.url or (not arguments.name and os.environ.get("CONTENDER_ROWS_URL"))
    if bool(arguments.url) == bool(arguments.name):
        raise Misuse("name either a ModelDeployment, or its rows by --url")
    if arguments.since and arguments.until and arguments.since >= arguments.until:
        raise Misuse("--since is not before --until: no row is between them")
    form = _format(arguments)
    progress = Progress("rows")
    with sink(arguments.output, form) as write:
        run_to_end(_download(arguments, write, progress))
    where = "standard output" if arguments.output == STDOUT else arguments.output
    print(f"{progress.count:,} rows, {size(progress.bytes)} of JSON: {where}", file=sys.stderr)
    return 0


def _format(arguments: argparse.Namespace) -> str:
    by_suffix = FORMATS.get(Path(arguments.output).suffix.lower())
    if arguments.output != STDOUT and not (arguments.format or by_suffix):
        what = f"-o {arguments.output} has another suffix than .jsonl or .parquet"
        raise Misuse(f"{what}: say what it should be by --format")
    form: str = arguments.format or by_suffix or "jsonl"
    if form == "parquet":
        if arguments.output == STDOUT:
            raise Misuse("Parquet cannot be written to standard output: name a file by -o")
        _require_pyarrow()
    return form


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401, PLC0415
    except ImportError as error:
        what = "Parquet needs pyarrow, which is not installed: pip install 'contender[parquet]'"
        raise Failure(what) from error


async def _download(
    arguments: argparse.Namespace, write: Callable[[bytes], object], progress: "Progress"
) -> None:
    from contender.cli.asking import session  # noqa: PLC0415
    from contender.cli.rows import download  # noqa: PLC0415

    async with (
        _place(arguments) as place,
        session(SILENCE_SECONDS) as client,
        progress,
    ):
        await download(client, place, _query(arguments), arguments.patience, write, progress)


@asynccontextmanager
async def _place(arguments: argparse.Namespace) -> AsyncIterator[Place]:
    """Return where the rows are; as long as it is open."""
    from contender.cli.asking import token_of  # noqa: PLC0415
    from contender.cli.tunnel import Kubectl  # noqa: PLC0415

    if arguments.url:
        yield Place(arguments.url, token_of(token_file(arguments)))
        return
    kubectl = Kubectl(arguments.context)
    namespace = arguments.namespace or await kubectl.namespace()
    token = await kubectl.token(ACCOUNT, namespace, AUDIENCE + arguments.name)
    path = f"/v1/namespaces/{namespace}/modeldeployments/{arguments.name}/rows"
    async with through(kubectl, arguments.system_namespace, path, token) as place:
        yield place


def _query(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what the recorder is asked for."""
    query = {
        bound: written(getattr(arguments, bound))
        for bound in ("since", "until")
        if getattr(arguments, bound)
    }
    for name in ("version", "labelled"):
        if chosen := [one for text in getattr(arguments, name) for one in text.split(",") if one]:
            query[name] = ",".join(chosen)
    return query
