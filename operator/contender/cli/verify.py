"""`contender verify`: whether a sealed verdict follows from what is sealed with it, offline."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from contender import __version__
from contender.cli.command import Command, Misuse
from contender.cli.report_output import tell

LARGEST = 256 * 2**20
"""Bytes of a file."""


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "verify",
        help="check a sealed verdict, offline",
        description="Checks what `contender report NAME --seal FILE` has written: the digest, the"
        " plan's hash, and all numbers and decisions, by weighing the looks once more. It asks"
        " nobody. Exit code 1: something differs; 2: it is no such file, or a newer one.",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="a sealed verdict")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check all; return 1 when anything differs."""
    from contender.report.checking import Result, check  # noqa: PLC0415
    from contender.report.material import Unreadable  # noqa: PLC0415
    from contender.report.sealing import opened  # noqa: PLC0415
    from contender.report.text import checks  # noqa: PLC0415

    try:
        sealed, content = opened(_read(arguments.file))
        found = check(sealed, content)
    except Unreadable as error:
        raise Misuse(f"{arguments.file}: {error}") from error
    one = sealed.experiment
    head = f"Experiment {one.namespace}/{one.name}, sealed by contender {sealed.contender}"
    differing = sum(each.result is Result.DIFFERS for each in found)
    noted = sum(each.result is Result.NOTE for each in found)
    last = _conclusion(differing, noted, len(found), sealed.contender)
    tell("\n".join([head, *checks(found), *last]) + "\n")
    return 1 if differing else 0


def _conclusion(differing: int, noted: int, checked: int, version: str) -> Iterator[str]:
    if not differing:
        yield f"all agrees{f', but {noted} cannot be checked offline' if noted else ''}"
        return
    yield f"{differing} of {checked} differ: the file was changed, or is not whole"
    if version != __version__:
        yield (
            f"or contender {__version__} weighs otherwise than {version}: verify it with that"
            " version"
        )


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise Misuse(f"{file} is larger than any sealed verdict")
        return file.read_bytes()
    except OSError as error:
        raise Misuse(f"{file} cannot be read: {error.strerror}") from error
