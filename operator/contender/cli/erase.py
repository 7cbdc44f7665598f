"""`contender erase`: deletes what is known of an entity."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from contender.cli.command import Command, Failure, Misuse
from contender.cli.connection import (
    RECORDER,
    Place,
    kubectl_options,
    request_options,
    through,
    token_file,
)

if TYPE_CHECKING:
    import aiohttp

AUDIENCE = "erase.contender.dev"
PATH = "/v1/erasures"
SILENCE_SECONDS = 600.0


def add(commands: "argparse._SubParsersAction[Command]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "erase",
        help="delete what is known of an entity",
        description="Deletes all predictions about an entity, such as a customer, of all"
        " ModelDeployments. Statistics stay: they name nobody. Without a URL it goes through"
        " kubectl, with a token of the recorder's own service account.",
    )
    command.add_argument(
        "--entity",
        required=True,
        metavar="TEXT",
        help="what spec.capture reads of requests as the entity",
    )
    command.add_argument("--url", help=f"{PATH} of the recorder")
    request_options(command)
    kubectl_options(command)
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Delete, once it is confirmed."""
    from contender.cli.running import run_to_end  # noqa: PLC0415

    if not arguments.entity:
        raise Misuse("--entity is empty")
    if not arguments.yes:
        _confirm(arguments.entity)
    found = run_to_end(_erase(arguments))
    print(f"deleted {found:,} prediction{'' if found == 1 else 's'}")
    return 0


def _confirm(entity: str) -> None:
    if not sys.stdin.isatty():
        raise Misuse("nobody is here to confirm: pass --yes")
    question = f"Delete all predictions about {entity!r}, for ever? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure("nothing was deleted")


async def _erase(arguments: argparse.Namespace) -> int:
    from contender.cli.asking import patiently, session  # noqa: PLC0415

    async with _place(arguments) as place, session(SILENCE_SECONDS) as client:

        async def attempt() -> int:
            return await _post(client, place, arguments.entity)

        return await patiently(attempt, arguments.patience, _note)


async def _post(client: "aiohttp.ClientSession", place: Place, entity: str) -> int:
    import orjson  # noqa: PLC0415

    from contender.cli.asking import ask, passing, refuse  # noqa: PLC0415

    async with await ask(client, "POST", place.url, place.token, json={"entity": entity}) as answer:
        await refuse(answer)
        with passing(place.url):
            raw = await answer.read()
    try:
        return int(orjson.loads(raw)["predictions"])
    except (ValueError, KeyError, TypeError) as error:
        what = f"{place.url} answers otherwise than a recorder: is this its {PATH}?"
        raise Failure(what) from error


@asynccontextmanager
async def _place(arguments: argparse.Namespace) -> AsyncIterator[Place]:
    """Return where to ask; as long as it is open."""
    from contender.cli.asking import token_of  # noqa: PLC0415
    from contender.cli.tunnel import Kubectl  # noqa: PLC0415

    if arguments.url:
        yield Place(arguments.url, token_of(token_file(arguments)))
        return
    kubectl = Kubectl(arguments.context)
    namespace = arguments.system_namespace
    token = await kubectl.token(RECORDER, namespace, AUDIENCE)
    async with through(kubectl, namespace, PATH, token) as place:
        yield place


def _note(text: str) -> None:
    print(text, file=sys.stderr)
