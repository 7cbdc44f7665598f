"""Command line of ``make images``."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

from dev import system
from dev.console import Failure, run_main, say
from dev.images import bases, builder
from dev.paths import CHECKOUT

Row = dict[str, Any]  # as in the table, with the paths made absolute
TABLE = Path(__file__).parent / "images.toml"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.images")
    commands = parser.add_subparsers(dest="command", required=True)

    every = commands.add_parser("all", help="the images of images.toml")
    every.add_argument("names", nargs="*", help="only those whose name contains one of these")

    one = commands.add_parser("build", help="any one image")
    one.add_argument("name")
    one.add_argument("dockerfile", type=Path)
    one.add_argument("context", type=Path)
    one.add_argument("--build-arg", action="append", default=[], metavar="KEY=VALUE")
    one.add_argument("--target", default="", help="stage of the Dockerfile to build")

    commands.add_parser("bases", help="only the base images, ahead of everything else")
    for command in (every, one):
        command.add_argument("--build-only", action="store_true", help="needs no cluster")

    arguments = parser.parse_args()
    system.require_root("building images")
    system.ensure("images")
    if arguments.command == "bases":
        for argument in builder.BASE_ARGUMENTS:
            bases.ensure(argument)
        say("all base images are there")
        return
    if not arguments.build_only and not builder.cluster_has_containerd():
        raise Failure("there is no local cluster: make cluster first, or use --build-only")
    rows = _table(arguments.names) if arguments.command == "all" else [_row(arguments)]
    for row in rows:
        _build(row, load=not arguments.build_only)


def _table(names: list[str]) -> list[Row]:
    rows: list[Row] = tomllib.loads(TABLE.read_text())["image"]
    for row in rows:
        row["dockerfile"] = CHECKOUT / row["dockerfile"]
        row["context"] = CHECKOUT / row["context"]
    return [row for row in rows if not names or any(name in row["name"] for name in names)]


def _row(arguments: argparse.Namespace) -> Row:
    pairs = dict(pair.split("=", 1) for pair in arguments.build_arg)
    fields = {key: getattr(arguments, key) for key in ("name", "dockerfile", "context", "target")}
    return {**fields, "arguments": pairs}


def _build(row: Row, load: bool) -> None:
    if not row["dockerfile"].exists():
        raise Failure(f"{row['name']}: there is no {row['dockerfile']}")
    settings = (row.get("arguments", {}), row.get("target", ""))
    changed = builder.build(row["name"], row["dockerfile"], row["context"], *settings)
    if load:
        changed |= builder.load(row["name"])
    if not changed:
        say(f"{row['name']} is up to date")


if __name__ == "__main__":
    run_main(main)
