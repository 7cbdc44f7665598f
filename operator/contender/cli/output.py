"""Files that are there as a whole, or not at all."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contender.cli.command import Failure, Misuse

STDOUT = "-"


@contextmanager
def sink(output: str, form: str) -> Iterator[Callable[[bytes], object]]:
    """Yield what takes rows as JSON Lines and writes them to a file or standard output.

    Args:
        output: a path, or `-`.
        form: `jsonl` or `parquet`.

    Raises:
        Failure: they cannot be written.
        Misuse: nor will they ever.
    """
    if output == STDOUT:
        with _stdout() as write:
            yield write
    elif form == "jsonl":
        with whole(Path(output)) as part, part.open("wb") as file:
            yield file.write
    else:
        with _parquet(Path(output)) as write:
            yield write


@contextmanager
def _stdout() -> Iterator[Callable[[bytes], object]]:
    try:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # Python would complain a second time when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Failure("nobody reads standard output any more") from error


@contextmanager
def _parquet(target: Path) -> Iterator[Callable[[bytes], object]]:
    from contender.cli.parquet import write_parquet  # noqa: PLC0415
    from contender.cli.running import stoppable  # noqa: PLC0415

    with whole(target) as part, beside(part) as lines:
        with lines.open("wb") as file:
            yield file.write
        with stoppable():
            write_parquet(lines, part)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a file beside the target. It takes the target's place at the end, unless something
    failed: then it is removed.

    A pipe or a device has nobody take its place: it is yielded itself.

    Raises:
        Failure: the file cannot be written.
        Misuse: the target is a folder.
    """
    target = target.resolve()
    if target.is_dir():
        raise Misuse(f"{target} is a folder: name a file in it")
    try:
        if target.exists() and not target.is_file():
            yield target
            return
        with beside(target) as part:
            yield part
            _flush(part)
            part.replace(target)
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror or error}") from error


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Yield the name of a new, empty file beside another one; at the end it is removed."""
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    part.touch(exist_ok=False)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _flush(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
