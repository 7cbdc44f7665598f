"""What all commands have in common: how their options are declared, and how they fail."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

SYSTEM_NAMESPACE = "contender-system"
"""Where operator and recorder run, unless said otherwise."""


class Failure(Exception):
    """What went wrong, for people: what, where, and how to mend it."""

    code = 1


class Misuse(Failure):
    """A command was called with options that do not go together."""

    code = 2


class Command(argparse.ArgumentParser):
    """The parser of one command."""

    options: Callable[["Command"], None] | None = None
    """Declares options once the command is used: for those whose defaults are dear to import."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, as every parser does."""
        if self.options:
            declare, self.options = self.options, None
            declare(self)
        return super().parse_known_args(args, namespace)


def log_options(command: Command) -> None:
    """Declare how a process logs."""
    command.add_argument("--log-format", choices=("json", "text"), default="text")
    command.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )


def own_namespace() -> str:
    """Return the namespace of our pod; empty outside of one."""
    namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return namespace.read_text().strip() if namespace.exists() else ""
