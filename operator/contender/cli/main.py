"""`contender`: the entry point of every process of the project."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from contender import __version__
from contender.cli import erase, export, feedback, operator, recorder, report, simulate, verify
from contender.cli.command import Command, Failure

COMMANDS = (operator, recorder, simulate, report, verify, feedback, export, erase)
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except Failure as failure:
        print(f"contender {arguments.command}: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_called(), description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Command)
    for command in COMMANDS:
        command.add(commands)
    return parser


def _called() -> str:
    """Return how we were called: kubectl finds us as a plugin, too."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    return "kubectl contender" if plugin else "contender"
