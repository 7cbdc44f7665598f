"""`contender simulate`: how many rows an Experiment needs, before it starts."""

import argparse
import sys
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING

from contender.cli.command import Command, Failure, Misuse
from contender.cli.connection import kubectl_options
from contender.cli.report_output import tell

if TYPE_CHECKING:
    from contender.report.questions import Asked, Said

PATIENCE_SECONDS = 5.0
LOSSES = ("ZeroOne", "Brier", "LogLoss", "Squared", "Absolute", "Value")
MOST_CANDIDATES = 5


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "simulate",
        help="tell how many rows an Experiment needs",
        description="Tells before the start how many rows an Experiment needs to find an effect,"
        " and how long that takes. From options alone; or from an Experiment, in a file or in the"
        " cluster, with what the recorder has counted of its endpoint. Options go before both.",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="of an Experiment in the cluster")
    command.add_argument("-n", "--namespace", help="default: that of the kubeconfig")
    command.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="manifest of an Experiment, maybe with its ModelDeployment; -: standard input",
    )
    command.add_argument(
        "--offline", action="store_true", help="with -f: ask neither kubectl nor the recorder"
    )
    _what(command.add_argument_group("what is to be found out"))
    _comes(command.add_argument_group("what comes"))
    command.add_argument("--json", action="store_true", help="write JSON, for machines")
    command.add_argument(
        "--patience",
        type=_number("seconds", 0, 1e6),
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long to try again when the recorder is busy (default: %(default).0f)",
    )
    kubectl_options(command)
    command.set_defaults(run=run)


def _what(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--loss", choices=LOSSES, help="default: ZeroOne; Value: a reward")
    group.add_argument("--goal", choices=("Superior", "NonInferior"), help="default: Superior")
    for name, low, high, about in (
        ("margin", 0, 1e9, "better by more than this; NonInferior: not worse by this"),
        ("share", 0, 1, "of the incumbent's rows, the share that is wrong (or a success)"),
        ("variance", 0, 1e18, "of a row's loss or reward; of pairs, of the difference in a row"),
        ("discordant", 0, 1, "of pairs, the share of rows in which one arm alone is right"),
        ("alpha", 0.0001, 0.2, "default: 0.05"),
        ("power", 0.5, 0.9999, "how often the effect is to be found if it is there; default: 0.8"),
    ):
        group.add_argument(f"--{name}", type=_number(name, low, high), metavar="X", help=about)
    group.add_argument(
        "--effect",
        type=_number("effect", -1e9, 1e9),
        action="append",
        default=[],
        metavar="X",
        help="how much better the candidate is; several: repeated (default: some)",
    )
    group.add_argument(
        "--candidates", type=_count, metavar="N", help="that share alpha; default: 1"
    )


def _comes(group: "argparse._ArgumentGroup") -> None:
    for name, low, high, metavar, about in (
        ("rate", 0, 1e9, "X", "requests a second"),
        ("rows-per-request", 1, 1e9, "X", "default: 1"),
        ("icc", 0, 1, "X", "how alike rows of a request are, from 0 (default) to 1"),
        ("labelled", 0, 1, "X", "share of the rows of which the truth becomes known; default: 1"),
        ("split", 0, 100, "PERCENT", "each candidate answers so much; without it, it gets copies"),
    ):
        group.add_argument(f"--{name}", type=_number(name, low, high), metavar=metavar, help=about)
    group.add_argument("--delay", type=_delay, metavar="TIME", help="of the truth, such as 168h")


def run(arguments: argparse.Namespace) -> int:
    """Tell."""
    from contender.report.questions import plain  # noqa: PLC0415
    from contender.report.sizes import Impossible  # noqa: PLC0415

    if arguments.name and arguments.file:
        raise Misuse("name either an Experiment in the cluster, or a file by -f")
    if arguments.offline and not arguments.file:
        raise Misuse("--offline belongs to -f")
    try:
        if arguments.name or arguments.file:
            asked = _of_experiment(arguments)
        else:
            asked = [plain(_said(arguments))]
        _tell(arguments, asked)
    except Impossible as error:
        raise Misuse(str(error)) from error
    return 0


def _of_experiment(arguments: argparse.Namespace) -> "list[Asked]":
    from contender.cli.running import run_to_end  # noqa: PLC0415
    from contender.cli.simulate_gather import gather  # noqa: PLC0415
    from contender.report.material import Unreadable  # noqa: PLC0415
    from contender.report.questions import of_experiment  # noqa: PLC0415

    try:
        found = run_to_end(gather(arguments))
    except Unreadable as error:
        raise Failure(str(error)) from error
    for one in found.lacking:
        print(f"not read: {one}", file=sys.stderr)
    return of_experiment(found.spec, found.target, found.seen, _said(arguments))


def _tell(arguments: argparse.Namespace, asked: "list[Asked]") -> None:
    import orjson  # noqa: PLC0415

    from contender.report import sizes, sizes_text  # noqa: PLC0415

    told, values = [], []
    for one in asked:
        gains = sizes.gains(one.question, arguments.effect)
        found = sizes.sizes(one.question, gains)
        suggested = sizes.suggestion(found, arguments.effect)
        parts = (one.question, found, suggested, one.assumptions)
        told.append(sizes_text.forecast(*parts))
        values.append(sizes_text.as_json(*parts))
    if arguments.json:
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        tell(orjson.dumps({"objectives": values}, option=options).decode())
    else:
        tell("\n".join(told))


def _said(arguments: argparse.Namespace) -> "Said":
    from dataclasses import fields  # noqa: PLC0415

    from contender.report.questions import Said  # noqa: PLC0415

    return Said(**{one.name: getattr(arguments, one.name) for one in fields(Said)})


def _number(what: str, low: float, high: float) -> Callable[[str], float]:
    """Return what reads a number within bounds."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not (isfinite(found) and low <= found <= high):
            told = f"{text!r} is no {what}: that is a number from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(told)
        return found

    return read


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_CANDIDATES):
        what = f"{text!r} is no number of candidates: that is from 1 to {MOST_CANDIDATES}"
        raise argparse.ArgumentTypeError(what)
    return int(text)


def _delay(text: str) -> float:
    import durationpy  # noqa: PLC0415

    try:
        found = durationpy.from_str(text).total_seconds()
    except (durationpy.DurationError, ValueError, OverflowError):
        found = -1.0
    if found < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write it like 168h or 90s")
    return float(found)
