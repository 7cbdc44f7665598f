"""What the demo shows on the terminal: its commands, and where the requests go meanwhile."""

import shutil
import sys
import textwrap
from collections.abc import Iterator

from dev.console import say
from dev.demo import model
from dev.demo.load import Seen
from dev.demo.names import Json

_UP_AND_CLEAR = "\x1b[{}A\x1b[J"
_COLUMNS = "{:<10} {:>7} {:>4} {:>6} {:>6} {:>8} {:>6} {:>7}  {}"
_HEADER = ("arm", "version", "pods", "weight", "copies", "requests", "errors", "p95", "state")


def headline(command: str) -> None:
    """Show a command that a user would type."""
    print(f"\n$ {command}", flush=True)


class Live:
    """One block that is refreshed where stdout is a terminal, elsewhere a line for each change."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._height = 0
        self._told: dict[str, object] = {}

    def show(self, experiment: Json, deployment: Json, seen: Seen) -> None:
        """Show how things stand now."""
        status = experiment.get("status") or {}
        standing, serving = _standing(status), model.state(deployment)
        if self._is_terminal:
            self._draw([*_block(status, standing, serving, seen)])
            return
        self._tell("experiment", standing, standing)
        self._tell("model", serving, serving)
        for one in status.get("comparisons") or []:
            words = f"{one['objective']}: {one['message']}"
            self._tell(f"objective {one['objective']}", words, one["state"])
        counted = "; ".join([*_arms_in_words(status), f"callers: {seen}"])
        self._tell("requests", counted, (status.get("phase"), _traffic(status)))

    def leave(self) -> None:
        """Leave the block as it is: what is shown next comes below."""
        self._height = 0

    def _tell(self, about: str, words: str, key: object) -> None:
        """Say this if its key is another one than the last time."""
        if self._told.get(about) != key:
            self._told[about] = key
            say(f"{about}: {words}")

    def _draw(self, lines: list[str]) -> None:
        width = shutil.get_terminal_size().columns - 1
        fold = textwrap.TextWrapper(width, subsequent_indent=12 * " ").wrap
        folded = [part for line in lines for part in fold(line) or [""]]
        up = _UP_AND_CLEAR.format(self._height) if self._height else ""
        print(up + "\n".join(folded), flush=True)
        self._height = len(folded)


def _block(status: Json, standing: str, serving: str, seen: Seen) -> Iterator[str]:
    yield f"experiment  {standing}"
    yield f"model       {serving}"
    yield f"callers     {seen}"
    for compared in status.get("comparisons") or []:
        yield f"objective   {compared['objective']}: {compared['message']}"
    yield ""
    yield _COLUMNS.format(*(word.upper() for word in _HEADER))
    for arm in status.get("arms") or []:
        yield _COLUMNS.format(
            arm["name"],
            arm["version"],
            arm["ready"],
            f"{arm['weight']} %",
            f"{arm['shadowPercent']} %",
            arm["requests"],
            arm["errors"],
            arm.get("p95") or "-",
            arm["state"],
        )


def _standing(status: Json) -> str:
    if "phase" not in status:
        return "the operator has not seen it yet"
    return ": ".join(one for one in (status["phase"], status.get("message")) if one)


def _traffic(status: Json) -> list[tuple[object, ...]]:
    """Return what of the arms is worth a line when it changes."""
    kept = ("name", "ready", "weight", "shadowPercent", "state")
    return [tuple(arm[key] for key in kept) for arm in status.get("arms") or []]


def _arms_in_words(status: Json) -> Iterator[str]:
    for arm in status.get("arms") or []:
        copies = f" and copies of {arm['shadowPercent']} %" if arm["shadowPercent"] else ""
        p95 = f", p95 {arm['p95']}" if arm.get("p95") else ""
        counted = f"{arm['requests']} requests, {arm['errors']} errors{p95}"
        yield f"{arm['name']} {arm['weight']} %{copies}: {counted}"
