"""`contender report`: what an Experiment has shown, in the terminal, as a page, or sealed."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from contender.cli.command import Command, Failure, Misuse
from contender.cli.connection import kubectl_options
from contender.cli.report_output import save, tell

if TYPE_CHECKING:
    from contender.report.material import Material

PATIENCE_SECONDS = 10.0
ROWS = 20
MOST_ROWS = 1000


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "report",
        help="tell what an Experiment has shown",
        description="Tells what an Experiment has shown: where it stands and why, comparisons with"
        " their evidence over time, arms, guardrails and traffic. It goes through kubectl. Evidence"
        " over time is known to the recorder alone: without the right to ask it, the rest is told.",
    )
    command.add_argument("name", metavar="NAME", help="of the Experiment")
    command.add_argument(
        "-n", "--namespace", help="of the Experiment (default: that of the kubeconfig)"
    )
    command.add_argument(
        "--html", type=Path, metavar="FILE", help="write it as one page, with charts"
    )
    command.add_argument(
        "--rows",
        type=_rows,
        default=ROWS,
        metavar="N",
        help="in the page, show so many rows to which arms gave different answers; 0: none"
        " (default: %(default)s)",
    )
    command.add_argument(
        "--seal",
        type=Path,
        metavar="FILE",
        help="write the verdict with all that it follows from, for `contender verify`",
    )
    command.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long to try again when the recorder is busy (default: %(default).0f)",
    )
    kubectl_options(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tell, or write."""
    from contender.cli.report_gather import gather  # noqa: PLC0415
    from contender.cli.running import run_to_end  # noqa: PLC0415
    from contender.report.material import Unreadable  # noqa: PLC0415

    if arguments.html and arguments.html == arguments.seal:
        raise Misuse("--html and --seal name the same file")
    try:
        _tell(arguments, run_to_end(gather(arguments)))
    except Unreadable as error:
        raise Failure(str(error)) from error
    return 0


def _tell(arguments: argparse.Namespace, material: "Material") -> None:
    if not (arguments.html or arguments.seal):
        from contender.report.text import report  # noqa: PLC0415

        tell(report(material))
        return
    for one in material.lacking:
        print(f"not read: {one}", file=sys.stderr)
    if arguments.html:
        from contender.report.page import page  # noqa: PLC0415

        save(arguments.html, page(material).encode())
        print(f"page: {arguments.html}", file=sys.stderr)
    if arguments.seal:
        digest = _seal(arguments.seal, material)
        print(f"sealed: {arguments.seal}", file=sys.stderr)
        tell(f"{digest}\n")


def _seal(file: Path, material: "Material") -> str:
    """Write a sealed verdict, if it follows from what is sealed with it; return its digest."""
    from contender.report.checking import Result, check  # noqa: PLC0415
    from contender.report.sealing import opened, seal, written  # noqa: PLC0415
    from contender.report.text import checks  # noqa: PLC0415

    subject = material.subject
    if subject.spec.objectives and len(material.looks) < subject.status.look:
        raise Failure("nothing was sealed: the verdict follows from looks that could not be read")
    raw = written(seal(material))
    sealed, content = opened(raw)
    differing = [one for one in check(sealed, content) if one.result is Result.DIFFERS]
    if differing:
        told = "\n".join(checks(differing))
        raise Failure(
            "nothing was sealed: status does not follow from the looks. Were spec.rows or"
            " spec.feedback of the ModelDeployment changed since, or has another version of the"
            f" operator decided?\n{told}"
        )
    save(file, raw)
    return sealed.digest


def _rows(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_ROWS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_ROWS}")
    return int(text)
