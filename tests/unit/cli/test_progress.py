"""Progress: one line that changes on a terminal, and few lines elsewhere."""

import asyncio
import io

import pytest

from contender.cli import progress
from contender.cli.progress import Progress, size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def _transfer(stream: io.StringIO, total: int) -> str:
    async with Progress("items", total, stream) as shown:
        shown.add(1500, 250)
        await asyncio.sleep(0.1)
        shown.note("a hindrance")
        shown.note("another one")
        return shown.line()


async def test_a_terminal_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TERMINAL_SECONDS", 0.01)
    stream = Terminal()
    line = await _transfer(stream, 1000)
    assert line.startswith("1,500 items, 25%, ")
    assert line.endswith(" items/s, 0:00:00 left")
    told = stream.getvalue()
    assert told.count("1,500 items") > 2
    assert told.count("\n") == 1
    assert told.endswith("\r\x1b[K")


async def test_elsewhere_it_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    line = await _transfer(stream, 0)
    assert line.startswith("1,500 items, 250 B, ")
    assert stream.getvalue() == "a hindrance\n"
    monkeypatch.setattr(progress, "SECONDS", 0.04)
    stream = io.StringIO()
    await _transfer(stream, 0)
    lines = stream.getvalue().splitlines()
    assert 2 <= len(lines) <= 4
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (10**16, "10000.0 TB")],
)
def test_sizes_are_written_for_people(number: int, text: str) -> None:
    assert size(number) == text
