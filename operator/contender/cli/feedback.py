"""`contender feedback`: sends what turned out to be true."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from contender.cli.command import Command, Failure, Misuse
from contender.cli.connection import request_options, token_file

if TYPE_CHECKING:
    from contender.cli.items import Portion
    from contender.cli.sending import Account

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
SILENCE_SECONDS = 90.0
"""The recorder answers within 30 s, routers within 60."""


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "feedback",
        help="send what turned out to be true",
        description="Sends feedback from CSV or JSON Lines. Each item has id (what the answer"
        " carried as x-contender-prediction-id), or key and time; name, value, and maybe at, when"
        " it became true. To send the same again is harmless: it counts once. Exit code 1: some"
        " were refused.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="-: standard input")
    command.add_argument(
        "--url",
        required=True,
        help="of the endpoint, such as http://churn.shop.svc/-/feedback, or with a token"
        " /v1/feedback of the recorder",
    )
    request_options(command)
    command.add_argument(
        "--format", choices=("csv", "jsonl"), help="default: by suffix (.csv, .jsonl, .ndjson)"
    )
    command.add_argument("--name", default="", help="of the feedback, when the file names none")
    for column in ("value", "id", "key", "time"):
        command.add_argument(
            f"--{column}-column",
            metavar="HEADING",
            help=f"of CSV, when it is not {column!r}",
        )
    command.add_argument(
        "--refused",
        type=Path,
        metavar="FILE",
        help="write what was refused, and why, as JSON Lines",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send all; return 1 when any was refused."""
    import asyncio  # noqa: PLC0415

    from contender.cli.sending import Account  # noqa: PLC0415

    for file in arguments.files:
        _check(file, arguments)
    with ExitStack() as stack:
        account = Account(_refusals(arguments, stack))
        try:
            asyncio.run(_send(arguments, account))
        finally:
            _tell(account, arguments)
    return 1 if account.refused else 0


async def _send(arguments: argparse.Namespace, account: "Account") -> None:
    from contender.cli.asking import session, token_of  # noqa: PLC0415
    from contender.cli.connection import Place  # noqa: PLC0415
    from contender.cli.progress import Progress  # noqa: PLC0415
    from contender.cli.sending import Sender  # noqa: PLC0415

    place = Place(arguments.url, token_of(token_file(arguments)))
    async with session(SILENCE_SECONDS) as client, Progress("items", _total(arguments)) as progress:
        sender = Sender(client, place, arguments.patience, account, progress)
        await sender.send(_portions(arguments))


def _portions(arguments: argparse.Namespace) -> "Iterator[Portion]":
    from contender.cli.items import LARGEST, LONGEST_ITEM, Lines, portions  # noqa: PLC0415
    from contender.cli.jsonlines import from_json_lines  # noqa: PLC0415
    from contender.cli.table import Columns, from_table  # noqa: PLC0415

    columns = Columns(
        name=arguments.name,
        id=arguments.id_column,
        key=arguments.key_column,
        time=arguments.time_column,
        value=arguments.value_column,
    )
    for file in arguments.files:
        with _opened(file) as stream:
            if _format(file, arguments) == "csv":
                lines = Lines(stream, LARGEST)
                items = from_table(file, lines, columns)
            else:
                lines = Lines(stream, LONGEST_ITEM)
                items = from_json_lines(file, lines, arguments.name)
            try:
                yield from portions(items, lines)
            except OSError as error:
                raise Failure(f"{file} cannot be read to its end: {error.strerror}") from error


def _opened(file: str) -> BinaryIO:
    try:
        return open(0, "rb", closefd=False) if file == "-" else Path(file).open("rb")
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error


def _check(file: str, arguments: argparse.Namespace) -> None:
    """See that a file can be read and understood, before anything is sent."""
    _format(file, arguments)
    if file == "-":
        return
    _opened(file).close()
    if arguments.refused and arguments.refused.exists() and arguments.refused.samefile(file):
        raise Misuse(f"--refused {file} would overwrite what is to be sent: name another file")


def _format(file: str, arguments: argparse.Namespace) -> str:
    found: str | None = arguments.format or FORMATS.get(Path(file).suffix.lower())
    if not found:
        what = "standard input has no suffix" if file == "-" else f"{file} has another suffix"
        raise Misuse(f"{what}: say what it is by --format csv or --format jsonl")
    return found


def _total(arguments: argparse.Namespace) -> int:
    """Return bytes of all files; 0: unknown."""
    files = [Path(one) for one in arguments.files if one != "-"]
    known = len(files) == len(arguments.files) and all(one.is_file() for one in files)
    return sum(one.stat().st_size for one in files) if known else 0


def _refusals(arguments: argparse.Namespace, stack: ExitStack) -> TextIO | None:
    """Return where refused items are written."""
    if not arguments.refused:
        return None
    try:
        file: TextIO = arguments.refused.open("w", encoding="utf-8")
        return stack.enter_context(file)
    except OSError as error:
        what = f"--refused {arguments.refused} cannot be written: {error.strerror}"
        raise Failure(what) from error


def _tell(account: "Account", arguments: argparse.Namespace) -> None:
    for line in account.first:
        print(line, file=sys.stderr)
    if more := account.refused - len(account.first):
        where = f"{arguments.refused} has all" if arguments.refused else "--refused FILE keeps all"
        print(f"... and {more:,} more: {where}", file=sys.stderr)
    print(account.summary())
